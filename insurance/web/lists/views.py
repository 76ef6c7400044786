"""Views of lists on screen: those a person may choose, the one of the role, saving, deleting."""

from collections.abc import Sequence
from uuid import UUID

from flask import Response, request

from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.errors import NotFoundError
from insurance.core.permissions import Role
from insurance.organizations.list_views import SeenView, delete_view, save_view
from insurance.organizations.permissions import SettingsMay
from insurance.web.forms import clean_text
from insurance.web.html import go
from insurance.web.lists.asked import WHOLE, Asked


def wanted_view(views: Sequence[SeenView]) -> SeenView | None:
    """Return the view that the address names and does not spell out, else that of the role."""
    if set(request.args) - {"view"}:
        return None
    name = request.args.get("view")
    if name is None:
        return role_view(views)
    return next((view for view in views if view.name == name), None)


def role_view(views: Sequence[SeenView]) -> SeenView | None:
    """Return what people of the person's roles see where they ask for nothing."""
    roles = current_actor().roles
    return next((view for view in views if view.role in roles), None)


def may_delete(view: SeenView) -> bool:
    """Tell whether the person may delete a view that they see."""
    actor = current_actor()
    return view.user_id == actor.user_id or actor.may(SettingsMay.EDIT)


def save(asked: Asked) -> Response:
    """Keep the list as it is asked for under the name that was typed."""
    role = request.form.get("role", "")
    view = save_view(
        str(request.endpoint),
        " ".join(clean_text(request.form.get("name", "").replace("\0", "")).split()),
        asked.kept_for_record(),
        is_shared=request.form.get("is_shared") == "1",
        role=Role(role) if role in set(Role) else None,
        now=clock.now(),
    )
    return go(asked.url(view=view.name), f"The view “{view.name}” was saved.")


def delete(asked: Asked) -> Response:
    """Forget a view; the list stays as it is asked for."""
    try:
        view_id = UUID(request.form.get("id", ""))
    except ValueError as error:
        raise NotFoundError from error
    name = delete_view(view_id)
    return go(asked.url(view=WHOLE), f"The view “{name}” was deleted.")
