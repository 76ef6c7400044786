"""Signing in, inviting, changing what people are, and making and revoking tokens."""

from insurance.identity.services.accounts import (
    ask_for_reset,
    change_password,
    delete_expired,
    end_session,
    find_link_user,
    send_reset_link,
    set_preferences,
    sign_out_everywhere,
    use_link,
)
from insurance.identity.services.api_keys import create_api_key, revoke_api_key
from insurance.identity.services.grants import (
    authenticate_bearer,
    open_grant,
    refresh_grant,
    revoke_grant,
)
from insurance.identity.services.people import (
    Invitation,
    accept_invitation,
    add_user,
    change_roles,
    find_invitation,
    invite,
    invite_administrator,
    resend_invitation,
    roles_version,
)
from insurance.identity.services.role_grants import change_role_grants
from insurance.identity.services.second_factor import (
    disable_mfa,
    enable_mfa,
    new_totp_secret,
    renew_recovery_codes,
    totp_address,
)
from insurance.identity.services.sign_in import (
    SignedIn,
    as_person,
    check_code,
    check_sign_in,
    record_sign_in,
)
from insurance.identity.services.tries import WRONG, confirm_password, home_of
from insurance.identity.tokens import TokenPair

__all__ = [
    "WRONG",
    "Invitation",
    "SignedIn",
    "TokenPair",
    "accept_invitation",
    "add_user",
    "as_person",
    "ask_for_reset",
    "authenticate_bearer",
    "change_password",
    "change_role_grants",
    "change_roles",
    "roles_version",
    "check_code",
    "check_sign_in",
    "confirm_password",
    "create_api_key",
    "delete_expired",
    "disable_mfa",
    "enable_mfa",
    "end_session",
    "find_invitation",
    "find_link_user",
    "home_of",
    "invite",
    "invite_administrator",
    "new_totp_secret",
    "open_grant",
    "record_sign_in",
    "refresh_grant",
    "renew_recovery_codes",
    "resend_invitation",
    "revoke_api_key",
    "revoke_grant",
    "send_reset_link",
    "set_preferences",
    "sign_out_everywhere",
    "totp_address",
    "use_link",
]
