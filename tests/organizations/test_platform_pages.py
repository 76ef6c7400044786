"""Platform administrators list, create and edit insurers."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from insurance.audit_logs.models import AuditEvent
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.permissions import Role
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.identity.models import Membership, User
from insurance.ledger.models import LedgerAccount
from insurance.notifications.models import Mail
from insurance.organizations import queries
from insurance.organizations.models import LicenceType
from insurance.organizations.rules import check_slug
from tests.factories.identity import SignedInClient
from tests.factories.organizations import OrganizationFacts, make_organization

FORM = {
    "name": "Ubuntu Life",
    "description": "Life cover",
    "licence_type": "LIFE",
    "currency": "ZAR",
    "timezone": "Africa/Johannesburg",
}


def _scoped(slug: str) -> OrganizationFacts:
    with platform_scope():
        entry = queries.find_entry(db.session(), slug)
        assert entry
        return OrganizationFacts(entry.org_id, entry.slug, entry.name)


def test_a_new_insurer_has_its_licence_its_books_and_its_audit_row(
    platform: SignedInClient, slug: str, session: Session
) -> None:
    answer = platform.post("/platform/organizations/new", data=FORM | {"slug": slug})
    made = _scoped(slug)

    assert answer.status_code == 303
    assert answer.location == f"/platform/organizations/{made.id}"
    with tenant_scope(made.id):
        organization = queries.get_organization(session)
        assert (organization.name, organization.licence_type) == ("Ubuntu Life", LicenceType.LIFE)
        assert len(queries.list_licensed_classes(session)) == 6
        assert session.scalar(select(func.count()).select_from(LedgerAccount))
        row = session.scalars(select(AuditEvent)).one()
        assert (row.action, row.user_id) == ("organizations.create", platform.person.id)


def test_its_first_administrator_is_invited_in_the_same_go(
    platform: SignedInClient, slug: str, session: Session
) -> None:
    email = f"first@{slug}.example"
    platform.post(
        "/platform/organizations/new",
        data=FORM | {"slug": slug, "admin_email": email, "admin_name": "Nomsa Dube"},
    )

    with tenant_scope(_scoped(slug).id):
        mail = session.scalars(select(Mail)).one()
        assert (mail.kind, mail.recipient) == ("invitation", email)
        role = session.scalars(
            select(Membership.role)
            .join(User, User.id == Membership.user_id)
            .where(User.email == email)
        ).one()
        assert role is Role.TENANT_ADMINISTRATOR


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"name": ""}, "Name: Enter the name."),
        ({"slug": "Not A Slug"}, "lower-case letters"),
        ({"slug": "api"}, "reserved"),
        ({"licence_type": "BOTH"}, "Choose one from the list"),
        ({"currency": "BTC"}, "Choose one from the list"),
        ({"timezone": "Mars/Olympus"}, "Choose one from the list"),
        ({"non_life_classes": ["MOTOR"]}, "A life licence cannot name MOTOR"),
        ({"life_classes": ["PETS"]}, "not a valid choice"),
        ({"admin_email": "not an address", "admin_name": "X"}, "Enter an e-mail address"),
        ({"name": "x\x00y"}, "cannot be printed"),
    ],
)
def test_a_refused_insurer_says_why_and_leaves_nothing_behind(
    platform: SignedInClient, slug: str, changes: dict[str, object], why: str, session: Session
) -> None:
    answer = platform.post("/platform/organizations/new", data=FORM | {"slug": slug} | changes)

    assert answer.status_code == 422
    assert why in answer.text.replace("&#39;", "'")
    with platform_scope():
        assert queries.find_entry(session, slug) is None


def test_a_slug_in_use_is_refused_at_its_field(
    platform: SignedInClient, org: OrganizationFacts
) -> None:
    answer = platform.post("/platform/organizations/new", data=FORM | {"slug": org.slug})

    assert answer.status_code == 422
    assert "This slug is in use." in answer.text


def _edit(platform: SignedInClient, org: OrganizationFacts, **changes: object) -> TestResponse:
    data = {
        "name": org.name,
        "description": "",
        "licence_type": "LIFE",
        "life_classes": ["RISK", "FUNERAL"],
        "version": "1",
    }
    return platform.post(f"/platform/organizations/{org.id}", data=data | changes)


def test_editing_changes_name_and_licence_in_the_directory_too(
    platform: SignedInClient, org: OrganizationFacts, session: Session
) -> None:
    answer = _edit(platform, org, name="Renamed Life", life_classes=["RISK"])

    assert answer.status_code == 303
    assert queries.list_licensed_classes(session) == ["RISK"]
    assert queries.get_entry(session, org.id).name == "Renamed Life"
    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "organizations.edit")).one()
    assert row.before and row.after
    assert len(row.before["licensed_classes"]) == 6
    assert row.after["licensed_classes"] == ["RISK"]


def test_the_second_of_two_editors_sees_both_values_and_decides(
    platform: SignedInClient, org: OrganizationFacts, session: Session
) -> None:
    _edit(platform, org, name="First saved")
    late = _edit(platform, org, name="Second saved")

    assert late.status_code == 409
    page = late.text
    assert "<del>First saved</del>" in page
    assert "<ins>Second saved</ins>" in page
    assert 'name="version" type="hidden" value="2"' in page
    assert _edit(platform, org, name="Second saved", version="2").status_code == 303
    assert queries.get_organization(session).name == "Second saved"


def test_an_administrator_is_invited_from_the_insurers_page(
    platform: SignedInClient, org: OrganizationFacts, session: Session
) -> None:
    address = f"/platform/organizations/{org.id}/administrators"
    wrong = platform.post(address, data={"admin_name": "N Dube", "admin_email": "nobody"})
    right = platform.post(
        address, data={"admin_name": "N Dube", "admin_email": f"n@{org.slug}.example"}
    )

    assert (wrong.status_code, right.status_code) == (422, 303)
    assert "Enter an e-mail address" in wrong.text
    assert session.scalars(select(Mail.recipient)).all() == [f"n@{org.slug}.example"]


def test_the_platform_itself_and_unknown_ids_are_not_insurers(platform: SignedInClient) -> None:
    for unknown in (platform.org.id, "00000000-0000-7000-8000-00000000ffff"):
        assert platform.get(f"/platform/organizations/{unknown}").status_code == 404


@pytest.mark.parametrize("role", [Role.TENANT_ADMINISTRATOR, Role.MANAGER, Role.AUDITOR])
def test_nobody_of_an_insurer_sees_or_makes_organizations(
    sign_in: Callable[..., SignedInClient], role: Role, slug: str, session: Session
) -> None:
    client = sign_in(role)

    assert client.get(client.url("/organizations")).status_code == 403
    assert (
        client.post(client.url("/organizations/new"), data=FORM | {"slug": slug}).status_code == 403
    )
    assert client.get("/platform/organizations").status_code == 404
    with platform_scope():
        assert queries.find_entry(session, slug) is None


def test_platform_administrators_see_no_insurers_business(
    platform: SignedInClient, org: OrganizationFacts
) -> None:
    for path in ("customers", "policies", "quotes", "products", ""):
        assert platform.get(f"/{org.slug}/{path}").status_code == 404
        assert platform.get(f"/platform/{path}").status_code == 403


def test_every_page_of_the_platform_opens(platform: SignedInClient, org: OrganizationFacts) -> None:
    for path in (
        "organizations",
        "organizations/new",
        f"organizations/{org.id}",
        "people",
        "people/permissions",
        "people/invite",
        "settings",
        "api-keys",
        "api-keys/new",
        "mail",
        "audit-logs",
    ):
        assert platform.get(f"/platform/{path}").status_code == 200, path


def test_the_list_goes_on_from_page_to_page(platform: SignedInClient, session: Session) -> None:
    made = {make_organization(name=f"Zz Insurer {at:03}").slug for at in range(60)}
    address, seen = "/platform/organizations", set()
    while address:
        page = platform.get(address).text
        seen |= {slug for slug in made if slug in page}
        following = (
            page.split('rel="next"')[0].rpartition('href="')[2] if 'rel="next"' in page else ""
        )
        address = following.split('"')[0].replace("&amp;", "&")
    assert seen == made


def test_no_insurer_can_be_named_like_a_page_of_the_product(app: Flask) -> None:
    firsts = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()}
    words = {word for word in firsts if word and not word.startswith("<")}

    for word in sorted(words):
        with pytest.raises(DomainError):
            check_slug(word)


def test_a_name_alone_makes_the_address_of_a_new_insurer(
    platform: SignedInClient, slug: str, session: Session
) -> None:
    name = slug.replace("-", " ").title()

    answer = platform.post("/platform/organizations/new", data=FORM | {"name": name})

    assert answer.status_code == 303
    assert _scoped(slug).name == name


def test_who_was_invited_is_seen_until_they_arrive_and_can_be_invited_again(
    platform: SignedInClient, slug: str, session: Session
) -> None:
    address = f"first-{slug}@insurer.example"
    invited = {"slug": slug, "admin_name": "Zanele Nkosi", "admin_email": address}
    platform.post("/platform/organizations/new", data=FORM | invited)
    made = _scoped(slug)
    with tenant_scope(made.id):
        user_id = session.scalars(select(User.id).where(User.email == address)).one()
        session.rollback()

    page = platform.get(f"/platform/organizations/{made.id}").text
    path = f"/platform/organizations/{made.id}/administrators"
    again = platform.post(f"{path}/{user_id}/invite-again", follow_redirects=True).text

    assert "Zanele Nkosi" in page
    assert "Invited, the link works until" in page
    assert f"A new invitation is on its way to {address}." in again
    with tenant_scope(made.id):
        assert session.scalar(select(func.count()).select_from(Mail)) == 2
    stranger = platform.person.id
    assert platform.post(f"{path}/{stranger}/invite-again").status_code == 404
