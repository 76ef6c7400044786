"""What each role of the organization may do, in the API."""

from typing import Annotated

from pydantic import Field

from insurance.api.edge import Answer, Body, endpoint
from insurance.core import clock
from insurance.core.db import db
from insurance.core.permissions import GrantChange, Permission, Role, granted_to
from insurance.identity import queries, services
from insurance.identity.permissions import PeopleMay
from insurance.identity.rules import check_permissions
from insurance.web.parsing import Words

TAG = "People"


class RoleAnswer(Answer):
    """A role and what it may do here: `given` and `taken` are where that is not the default."""

    role: Role
    permissions: list[str]
    given: list[str]
    taken: list[str]


class RoleGrantBody(Body):
    """What a role is given or loses; everything else stays."""

    role: Role
    permissions: Annotated[list[Words], Field(max_length=200, examples=[["claims.pay"]])]
    granted: bool


@endpoint("GET", "/role-grants", may=PeopleMay.VIEW, answer=list[RoleAnswer], tag=TAG)
def list_role_grants():
    """List what each role may do."""
    changes = queries.find_grant_changes(db.session())
    return [_answer(role, changes) for role in queries.list_roles_here()]


@endpoint("PUT", "/role-grants", may=PeopleMay.MANAGE, body=RoleGrantBody, answer=RoleAnswer,
          tag=TAG)  # fmt: skip
def change_role_grants(body: RoleGrantBody):
    """Give a role permissions, or take them away; it counts from the next request on."""
    permissions, nothing = check_permissions(body.permissions), frozenset[Permission]()
    services.change_role_grants(
        body.role,
        granted=permissions if body.granted else nothing,
        taken=nothing if body.granted else permissions,
        now=clock.now(),
    )
    return _answer(body.role, queries.find_grant_changes(db.session()))


def _answer(role: Role, changes: frozenset[GrantChange]) -> RoleAnswer:
    of_role = [change for change in changes if change.role is role]
    return RoleAnswer(
        role=role,
        permissions=sorted(granted_to(frozenset({role}), changes)),
        given=sorted(one.permission for one in of_role if one.is_granted),
        taken=sorted(one.permission for one in of_role if not one.is_granted),
    )
