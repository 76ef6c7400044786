"""Setting up, replacing and switching off the second factor."""

import segno
from flask import Response, flash, session, url_for
from wtforms import PasswordField

from insurance.blueprints.identity import bp
from insurance.core import clock, crypto
from insurance.core.errors import DomainError
from insurance.core.tenancy import PLATFORM_ORG_ID
from insurance.identity import services
from insurance.web.access import current_person, signed_in
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import leave, page, refuse
from insurance.web.sessions import Person, this_session

__all__ = ["bp"]

_PENDING = "pending_totp"


class NewAppForm(Form):
    """The code that proves the app has the secret; a borrowed browser must not be enough."""

    code = TextField(
        "Code from the app",
        [Required()],
        longest=20,
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )
    password = PasswordField(
        "Your password", [Required()], render_kw={"autocomplete": "current-password"}
    )


class ConfirmForm(Form):
    """The password once more."""

    password = PasswordField(
        "Your password", [Required()], render_kw={"autocomplete": "current-password"}
    )


@bp.route("/security/second-factor", methods=["GET", "POST"])
@signed_in
def set_up_mfa() -> Response:
    """Set up an authenticator app and show the recovery codes once."""
    person, now = current_person(), clock.now()
    form = NewAppForm()
    secret = _pending_secret(person)
    if form.validate_on_submit():
        try:
            services.confirm_password(person.id, form.password.data or "", now=now)
            codes = services.enable_mfa(person.id, secret, form.code.data or "", now=now)
        except DomainError as error:
            refuse(form, error)
        else:
            session.pop(_PENDING)
            this_session().renew()
            return page("identity/recovery_codes.html", codes=codes, is_new_app=True)
    return page(
        "identity/set_up_mfa.html",
        status=form.status,
        form=form,
        secret=secret,
        demanded_by=[tenant.name for tenant in person.tenants if tenant.requires_mfa],
        picture=_qr_code(services.totp_address(secret, person.email)),
    )


@bp.route("/security/recovery-codes", methods=["GET", "POST"])
@signed_in
def renew_recovery_codes() -> Response:
    """Make new recovery codes after the password was given once more."""
    form = ConfirmForm()
    if form.validate_on_submit():
        try:
            person = current_person()
            services.confirm_password(person.id, form.password.data or "", now=clock.now())
            codes = services.renew_recovery_codes(person.id)
        except DomainError as error:
            refuse(form, error)
        else:
            return page("identity/recovery_codes.html", codes=codes, is_new_app=False)
    return page(
        "identity/confirm.html",
        status=form.status,
        form=form,
        title="Make new recovery codes",
        words="The codes you have now stop working at once.",
        label="Make new codes",
    )


@bp.route("/security/second-factor/off", methods=["GET", "POST"])
@signed_in
def disable_mfa() -> Response:
    """Switch the second factor off after the password was given once more."""
    form = ConfirmForm()
    if form.validate_on_submit():
        try:
            person = current_person()
            services.confirm_password(person.id, form.password.data or "", now=clock.now())
            services.disable_mfa(person.id)
        except DomainError as error:
            refuse(form, error)
        else:
            flash("The second factor is off.")
            return leave(url_for("identity.security"))
    return page(
        "identity/confirm.html",
        status=form.status,
        form=form,
        title="Switch the second factor off",
        words="Signing in will ask for your password only. Your recovery codes stop working.",
        label="Switch it off",
        is_danger=True,
    )


def _pending_secret(person: Person) -> str:
    """Return the secret being set up; the session's row holds it encrypted."""
    if _PENDING not in session:
        session[_PENDING] = crypto.encrypt(
            PLATFORM_ORG_ID, "sessions", _PENDING, person.id, services.new_totp_secret()
        )
    return crypto.decrypt(PLATFORM_ORG_ID, "sessions", _PENDING, person.id, session[_PENDING])


def _qr_code(text: str) -> str:
    """Return a QR code as a data: address, which the content policy allows for images."""
    return segno.make(text, error="m").svg_data_uri(scale=5, border=2, light="#fff")
