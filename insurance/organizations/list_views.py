"""What people keep of lists: views of their own, those of the organization, and each role's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.services import record
from insurance.core.context import current_actor
from insurance.core.db import transaction
from insurance.core.errors import DomainError, ForbiddenError, NotFoundError
from insurance.core.permissions import Role
from insurance.core.reading import constant, read_rows
from insurance.core.records import get_record
from insurance.core.tenancy import current_org
from insurance.organizations.models import ListView
from insurance.organizations.permissions import SettingsMay

LONGEST_NAME = 60


class SeenView(NamedTuple):
    """A view as its list offers it."""

    id: UUID
    user_id: UUID
    name: str
    asked: dict[str, Any]
    is_shared: bool
    role: str | None


_SEEN = constant(
    """
    SELECT id, user_id, name, asked, is_shared, role FROM ins.list_views
    WHERE org_id = :org AND list_name = :list_name AND (user_id = :person OR is_shared)
    ORDER BY user_id = :person DESC, name, id
    """
)


def list_views(session: Session, list_name: str) -> Sequence[SeenView]:
    """Return the views of a list that the person has or shares, their own first, by name."""
    person = current_actor().user_id
    values = {"org": current_org(), "list_name": list_name, "person": person}
    return [SeenView(*row) for row in read_rows(session, _SEEN, values)]


def save_view(
    list_name: str,
    name: str,
    asked: Mapping[str, Any],
    *,
    is_shared: bool = False,
    role: Role | None = None,
    now: datetime,
) -> ListView:
    """Keep a view under a name, in place of the person's own of that name.

    One for a role is shared, and takes the place of the one that the role had. Raises DomainError
    at `name` for one that a colleague's shared view has.
    """
    if not name or len(name) > LONGEST_NAME:
        raise DomainError(f"Give the view a name of at most {LONGEST_NAME} letters.", field="name")
    if name.lower() == "all":
        raise DomainError("That is the whole list. Choose another name.", field="name")
    actor = current_actor()
    if (is_shared or role) and not actor.may(SettingsMay.EDIT):
        raise ForbiddenError("Views are shared by who may change the settings.")
    with transaction() as session:
        of_list = (ListView.org_id == current_org(), ListView.list_name == list_name)
        own = select(ListView).where(
            *of_list, ListView.user_id == actor.user_id, ListView.name == name
        )
        view = session.scalars(own.with_for_update()).one_or_none()
        before = _summary(view) if view else None
        if is_shared or role:
            _check_name_free(session, of_list, name)
        if role is not None:
            _take_role(session, of_list, role, view)
        if view is None:
            view = ListView(list_name=list_name, user_id=actor.user_id, name=name)
            session.add(view)
        view.asked, view.role, view.saved_at = dict(asked), role, now
        view.is_shared = is_shared or role is not None
        _record(session, view, "list_views.save", before, _summary(view))
    return view


def _check_name_free(session: Session, of_list: tuple[Any, ...], name: str) -> None:
    """Refuse to share a second view of a name: nobody could tell the two apart."""
    others = select(ListView.id).where(
        *of_list,
        ListView.is_shared,
        ListView.name == name,
        ListView.user_id != current_actor().user_id,
    )
    if session.scalars(others).first() is not None:
        raise DomainError("A colleague shares a view of this name. Choose another.", field="name")


def _take_role(
    session: Session, of_list: tuple[Any, ...], role: Role, view: ListView | None
) -> None:
    """Let the view that a role had so far be its view no more."""
    for before in session.scalars(select(ListView).where(*of_list, ListView.role == role)):
        if before is not view:
            had = _summary(before)
            before.role = None
            _record(session, before, "list_views.save", had, _summary(before))


def delete_view(view_id: UUID) -> str:
    """Forget a view and return its name: one's own, or a shared one for who may share them.

    Raises NotFoundError for what the person does not see.
    """
    actor = current_actor()
    with transaction() as session:
        view = get_record(session, ListView, view_id, lock=True)
        if view.user_id != actor.user_id:
            if not view.is_shared:
                raise NotFoundError
            if not actor.may(SettingsMay.EDIT):
                raise ForbiddenError("Shared views are deleted by who may change the settings.")
        _record(session, view, "list_views.delete", _summary(view), None)
        session.delete(view)
    return view.name


def _record(
    session: Session,
    view: ListView,
    action: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    session.flush()
    record(
        session,
        action=action,
        resource="list_views",
        resource_id=view.id,
        before=before,
        after=after,
    )


def _summary(view: ListView) -> dict[str, Any]:
    names = ("list_name", "name", "asked", "is_shared", "role")
    return {name: getattr(view, name) for name in names}
