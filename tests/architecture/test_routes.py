"""Every route says who may reach it, and the API's routes are the ones that were agreed."""

from pathlib import Path

from flask import Flask

from insurance.api.edge import ENDPOINTS
from insurance.core.permissions import (
    Permission,
    Role,
    granted_to,
    list_permissions,
)
from insurance.organizations.permissions import OrganizationsMay
from insurance.web.access import access_of

LIST = Path(__file__).with_name("api_routes.txt")


def test_every_route_demands_a_permission_or_says_that_it_is_open(app: Flask) -> None:
    with app.app_context():
        unguarded = [
            rule.rule for rule in app.url_map.iter_rules() if access_of(rule.endpoint) is None
        ]

    assert unguarded == []


def test_every_route_inside_an_organization_demands_a_permission(app: Flask) -> None:
    open_to_members = {"search.palette"}
    with app.app_context():
        open_routes = {
            rule.endpoint
            for rule in app.url_map.iter_rules()
            if "org" in rule.arguments and not isinstance(access_of(rule.endpoint), Permission)
        }

    assert open_routes <= open_to_members


def test_endpoints_that_write_demand_a_permission(app: Flask) -> None:
    own_tokens = {"create_token", "refresh_token", "revoke_token"}
    unguarded = {
        one.name for one in ENDPOINTS if one.method != "GET" and one.may is None
    } - own_tokens

    assert unguarded == set()


def test_published_endpoints_match_the_agreed_list(app: Flask) -> None:
    published = sorted(f"{one.method} {one.path}" for one in ENDPOINTS)

    assert published == LIST.read_text().split("\n")[:-1]


def test_an_auditor_may_look_at_everything_and_write_nothing() -> None:
    granted = granted_to(frozenset({Role.AUDITOR}))
    every_look = {one for one in list_permissions() if one.value.endswith(".view")} - {
        OrganizationsMay.VIEW
    }

    assert all(permission.only_reads for permission in granted)
    assert every_look <= granted
