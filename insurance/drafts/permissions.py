"""What may be done with drafts."""

from insurance.core.permissions import READ_ONLY_ROLES, Permission, Role


class DraftsMay(Permission):
    """Whose unsaved words are kept: everybody's who has forms to fill in."""

    KEEP = "drafts.keep", *(role for role in Role if role not in READ_ONLY_ROLES)
