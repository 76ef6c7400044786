"""Where an organization asks for it, two people launch a product, and neither drafted alone."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.approvals.models import ApprovalRequest, ApprovalStatus
from insurance.approvals.queries import list_waiting
from insurance.approvals.services import approve_request, reject_request
from insurance.audit_logs.models import AuditEvent
from insurance.core.context import SYSTEM
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError, ForbiddenError
from insurance.core.permissions import Role
from insurance.organizations import services as organizations
from insurance.organizations.queries import get_organization
from insurance.products import queries, services
from insurance.products.models import Product, ProductStatus
from tests.factories.claims import acting, person
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.lifecycle import at
from tests.factories.organizations import OrganizationFacts
from tests.factories.products import (
    NOW,
    add_death_benefit,
    ask,
    draft_version,
    make_draft,
    make_launched_product,
    make_rate_table,
    make_ready_draft,
)

DAY = NOW.date()
DRAFTER = person("Drafter", Role.MANAGER)
ACTUARY = person("Actuary", Role.MANAGER)
HEAD = person("Head", Role.MANAGER)
TREASURER = person("Treasurer", Role.FINANCE)
MOTIVE = "The rates of 2027"


@pytest.fixture
def by_two(session: Session) -> None:
    """Let the organization ask for a second person."""
    change_settings(launch_needs_second_person=True)


def change_settings(**changes: object) -> None:
    """Change some settings of the organization in scope."""
    present = get_organization(db.session())
    fields = organizations.OrganizationSettings.__dataclass_fields__
    settings = {name: getattr(present, name) for name in fields} | changes
    version = present.version
    db.session().rollback()
    organizations.change_settings(
        organizations.OrganizationSettings(**settings), version=version, now=NOW
    )


def drafted(by: object = DRAFTER) -> Product:
    """Return a complete draft that somebody made, rates and benefits included."""
    with acting(by, DAY):
        return make_ready_draft()


def asked(product: Product, by: object = DRAFTER) -> UUID:
    """Ask for the launch of a draft."""
    with acting(by, DAY) as now:
        services.launch_product(product.id, reason=MOTIVE, now=now)
    return waiting(product).id


def waiting(product: Product) -> ApprovalRequest:
    """Return the request that waits for a product."""
    (found,) = list_waiting(db.session(), "products", product.id)
    db.session().rollback()
    return found


def agree(approval_id: UUID, by: object = HEAD) -> None:
    """Let somebody agree to a launch."""
    with acting(by, DAY) as now:
        approve_request(approval_id, on=DAY, now=now)


def status_of(product: Product) -> ProductStatus:
    """Return how a product stands."""
    db.session().rollback()
    return queries.get_product(db.session(), product.id).status


def test_one_person_launches_where_the_organization_asks_for_no_second(session: Session) -> None:
    product = drafted()

    with acting(DRAFTER, DAY) as now:
        services.launch_product(product.id, now=now)

    assert status_of(product) is ProductStatus.LAUNCHED


def test_a_launch_waits_for_a_second_person_and_sells_nothing_until_then(by_two: None) -> None:
    product = drafted()

    asked(product)

    assert status_of(product) is ProductStatus.DRAFT
    request = waiting(product)
    assert (request.action, request.reason) == ("products.launch", MOTIVE)
    assert request.title == "Launch version 1 of Term Life"


def test_a_second_person_who_drafted_nothing_launches_it(by_two: None, session: Session) -> None:
    product = drafted()

    agree(asked(product))

    assert status_of(product) is ProductStatus.LAUNCHED
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "products.launch")).one()
    assert event.user_label == HEAD.email


def test_who_asked_does_not_agree(by_two: None) -> None:
    product = drafted()
    request = asked(product, HEAD)

    with pytest.raises(ForbiddenError):
        agree(request, HEAD)

    assert status_of(product) is ProductStatus.DRAFT


def test_who_drafted_does_not_agree_to_what_another_asked_for(by_two: None) -> None:
    product = drafted()
    request = asked(product, HEAD)

    with pytest.raises(ForbiddenError, match="You worked on this draft"):
        agree(request, DRAFTER)

    assert status_of(product) is ProductStatus.DRAFT


def _adds_a_benefit(product: Product) -> None:
    services.add_benefit(
        product.id,
        services.NewBenefit(
            benefit_code="ACCIDENT",
            benefit_name="Accident",
            benefit_type_code="ACCIDENTAL_DEATH",
            flat_premium=Decimal(20),
        ),
        now=NOW,
    )


def _changes_a_benefit(product: Product) -> None:
    (benefit,) = queries.list_benefits(db.session(), draft_version(product).id)
    services.edit_benefit(benefit.id, {"waiting_period_days": 90})


def _asks_a_question(product: Product) -> None:
    ask(product)


def _changes_the_terms(product: Product) -> None:
    services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)


def _changes_the_name(product: Product) -> None:
    services.edit_product(product.id, {"name": "Other Life"}, now=NOW)


CHANGES = (
    _adds_a_benefit,
    _changes_a_benefit,
    _asks_a_question,
    _changes_the_terms,
    _changes_the_name,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whoever_changed_any_part_of_the_draft_does_not_agree(
    change: Callable[[Product], None], by_two: None
) -> None:
    product = drafted()
    with acting(ACTUARY, DAY):
        change(product)
    request = asked(product)

    with pytest.raises(ForbiddenError, match="You worked on this draft"):
        agree(request, ACTUARY)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_draft_that_changed_since_is_not_launched_and_the_request_is_void(
    change: Callable[[Product], None], by_two: None, session: Session
) -> None:
    product = drafted()
    request = asked(product)
    with acting(DRAFTER, DAY):
        change(product)

    with pytest.raises(ConflictError, match="The request is void"):
        agree(request)

    assert status_of(product) is ProductStatus.DRAFT
    assert session.get(ApprovalRequest, (product.org_id, request)).status is ApprovalStatus.VOID


def test_who_made_the_rates_does_not_agree_to_a_draft_that_uses_them(by_two: None) -> None:
    with acting(ACTUARY, DAY):
        table = make_rate_table()
    with acting(DRAFTER, DAY):
        product = make_draft()
        add_death_benefit(product, table)
    request = asked(product)

    with pytest.raises(ForbiddenError, match="or its rates"):
        agree(request, ACTUARY)


def test_who_made_rates_that_are_sold_already_agrees_to_other_changes(session: Session) -> None:
    with acting(ACTUARY, DAY):
        product = make_launched_product()
    change_settings(launch_needs_second_person=True)
    with acting(DRAFTER, DAY):
        services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)

    agree(asked(product), ACTUARY)

    version = queries.find_launched(session, product.id)
    assert (version.number, version.max_entry_age) == (2, 60)


def test_who_may_not_launch_does_not_agree_to_a_launch(by_two: None) -> None:
    product = drafted()
    request = asked(product)

    with pytest.raises(ForbiddenError, match="may launch products"):
        agree(request, TREASURER)


def test_a_rejected_launch_leaves_the_draft(by_two: None) -> None:
    product = drafted()
    request = asked(product)

    with acting(HEAD, DAY) as now:
        reject_request(request, now=now, note="Too dear")

    assert status_of(product) is ProductStatus.DRAFT


def test_a_launch_is_asked_for_once_and_with_a_reason(by_two: None) -> None:
    product = drafted()
    with acting(DRAFTER, DAY) as now, pytest.raises(DomainError) as silent:
        services.launch_product(product.id, now=now)
    asked(product)

    with pytest.raises(ConflictError, match="waits for approval already"):
        asked(product, HEAD)

    assert silent.value.field == "reason"


def test_a_draft_that_changed_is_asked_for_anew_and_the_request_before_is_void(
    by_two: None, session: Session
) -> None:
    product = drafted()
    before = asked(product)
    with acting(DRAFTER, DAY):
        _changes_a_benefit(product)

    again = asked(product)

    assert session.get(ApprovalRequest, (product.org_id, before)).status is ApprovalStatus.VOID
    agree(again)
    assert status_of(product) is ProductStatus.LAUNCHED


def test_an_incomplete_draft_is_refused_before_a_second_person_sees_it(by_two: None) -> None:
    with acting(DRAFTER, DAY) as now:
        product = make_draft()
        with pytest.raises(DomainError):
            services.launch_product(product.id, reason=MOTIVE, now=now)

    assert list_waiting(db.session(), "products", product.id) == []


def test_a_product_that_is_gone_makes_the_request_void(by_two: None) -> None:
    product = drafted()
    request = asked(product)
    services.delete_product(product.id)

    with pytest.raises(ConflictError, match="not there any more"):
        agree(request)


def test_a_program_without_a_person_asks_for_no_launch(by_two: None) -> None:
    product = drafted()

    with at(DAY, SYSTEM) as now, pytest.raises(ForbiddenError):
        services.launch_product(product.id, reason=MOTIVE, now=now)


def test_the_api_answers_202_with_the_approval_that_waits(
    by_two: None, api: Callable[..., TestClient]
) -> None:
    product = drafted()
    asking, agreeing = api(Role.MANAGER), api(Role.MANAGER)

    answer = asking.put(f"/api/v1/products/{product.id}/launch?reason=New")
    alone = asking.post(f"/api/v1/approvals/{answer.json['approval_id']}/approve", json={})
    agreed = agreeing.post(f"/api/v1/approvals/{answer.json['approval_id']}/approve", json={})
    after = asking.get(f"/api/v1/products/{product.id}")

    assert (answer.status_code, answer.json["status"]) == (202, "draft")
    assert (alone.status_code, agreed.status_code) == (403, 200)
    assert (after.json["status"], after.json["approval_id"]) == ("launched", None)


def test_a_product_is_not_made_and_launched_in_one_go(
    by_two: None, api: Callable[..., TestClient]
) -> None:
    answer = api().post(
        "/api/v1/products",
        json={"name": "Flat", "product_type": "TERM_LIFE", "base_premium": 99, "is_active": True},
    )

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "/is_active"
    assert queries.count_products(db.session())[ProductStatus.DRAFT] == 0


def test_the_setting_is_read_and_changed_over_the_api(
    api: Callable[..., TestClient], session: Session
) -> None:
    client = api()
    before = client.get("/api/v1/settings").json
    change = {"launch_needs_second_person": True, "version": before["version"]}

    assert set(organizations.OrganizationSettings.__dataclass_fields__) < set(before)
    after = client.put("/api/v1/settings", json=change)
    late = client.put("/api/v1/settings", json=change)
    forbidden = api(Role.AUDITOR).put("/api/v1/settings", json=change)

    assert before["launch_needs_second_person"] is False
    assert after.json == before | change | {"version": before["version"] + 1}
    assert (late.status_code, forbidden.status_code) == (409, 403)


def test_the_setting_is_changed_on_screen(
    sign_in: Callable[..., SignedInClient], org: OrganizationFacts, session: Session
) -> None:
    client = sign_in(Role.TENANT_ADMINISTRATOR)
    form = {
        "name": org.name,
        "timezone": "Africa/Johannesburg",
        "session_idle_minutes": "30",
        "number_searches_per_hour": "30",
        "launch_needs_second_person": "y",
        "version": "1",
    }

    answer = client.post(client.url("/settings"), data=form)

    assert answer.status_code == 303
    assert get_organization(session).launch_needs_second_person is True
    assert "A second person agrees before" in client.get(client.url("/settings")).text


def test_the_screens_ask_and_say_what_waits_and_who_may_not_agree(
    by_two: None, sign_in: Callable[..., SignedInClient]
) -> None:
    product = drafted()
    asking, agreeing = sign_in(Role.MANAGER), sign_in(Role.MANAGER)
    page = asking.get(asking.url(f"/products/{product.id}/launch")).text

    silent = asking.post(asking.url(f"/products/{product.id}/launch"), data={"version": "1"})
    answer = asking.post(
        asking.url(f"/products/{product.id}/launch"), data={"version": "1", "reason": MOTIVE}
    )
    shown = asking.get(asking.url(f"/products/{product.id}")).text
    request = waiting(product)
    seen = agreeing.get(agreeing.url(f"/approvals/{request.id}")).text
    decided = agreeing.post(
        agreeing.url(f"/approvals/{request.id}/decide"), data={"act": "approve"}
    )

    assert "Two people launch a product here" in page
    assert (silent.status_code, answer.status_code) == (422, 303)
    assert "waits for a second person" in shown
    assert "Open draft" in seen and "Death: rate table" in seen
    assert decided.status_code == 303
    assert status_of(product) is ProductStatus.LAUNCHED


def test_the_screen_takes_a_changed_draft_again(
    by_two: None, sign_in: Callable[..., SignedInClient]
) -> None:
    product = drafted()
    asked(product)
    client = sign_in(Role.MANAGER)
    waits = client.get(client.url(f"/products/{product.id}/launch")).text
    with acting(DRAFTER, DAY):
        _changes_a_benefit(product)

    page = client.get(client.url(f"/products/{product.id}/launch")).text
    answer = client.post(
        client.url(f"/products/{product.id}/launch"), data={"version": "1", "reason": MOTIVE}
    )

    assert "Ask for the launch" not in waits
    assert "Ask for the launch" in page
    assert answer.status_code == 303


def test_the_page_of_a_launch_says_to_its_drafter_that_another_agrees(
    by_two: None, sign_in: Callable[..., SignedInClient]
) -> None:
    client = sign_in(Role.MANAGER)
    product = drafted()
    drafter = person("Drafter", Role.MANAGER)
    with acting(drafter.within(user_id=client.person.id), DAY):
        services.edit_product(product.id, {"description": "For families"}, now=NOW)
    request = asked(product)

    seen = client.get(client.url(f"/approvals/{request}")).text

    other = sign_in(Role.FINANCE)
    assert "waits for somebody who may launch" in other.get(other.url(f"/approvals/{request}")).text
    assert "You worked on this draft or its rates" in seen
    assert 'value="approve"' not in seen


def test_a_launch_says_each_change_with_before_and_after(
    session: Session, sign_in: Callable[..., SignedInClient]
) -> None:
    product = make_launched_product()
    change_settings(launch_needs_second_person=True)
    with acting(DRAFTER, DAY):
        services.edit_product(
            product.id, {"max_entry_age": 60, "max_sum_assured": Decimal(900_000)}, now=NOW
        )
        _adds_a_benefit(product)
    request = asked(product)
    client = sign_in(Role.MANAGER)

    seen = client.get(client.url(f"/approvals/{request}")).text.replace("\u00a0", " ")

    for expected in (
        "Terms: oldest entry age",
        ">65<",
        ">60<",
        "R 5 000 000,00",
        "R 900 000,00",
        "Version 1",
        "Version 2",
        "Accident: flat premium",
        "R 20,00",
    ):
        assert expected in seen
    for silent in ("Accident: excess", "Accident: order in the list", "ACCIDENT", "Amount</dt>"):
        assert silent not in seen


def test_a_long_rate_table_is_counted_and_not_written_out(session: Session) -> None:
    def table(rate: str, now: datetime = NOW) -> object:
        return make_rate_table(
            "long",
            rows=[
                services.NewRate(rate=Decimal(rate) + age, age_from=age, age_to=age)
                for age in range(121)
            ],
        )

    product = make_draft()
    benefit = add_death_benefit(product, table("0.5"))
    services.launch_product(product.id, now=NOW)
    change_settings(launch_needs_second_person=True)
    newer = table("0.6")
    services.edit_product(product.id, {}, mode=services.EditMode.CLONE, now=NOW)
    (benefit,) = queries.list_benefits(session, draft_version(product).id)
    services.edit_benefit(benefit.id, {"rate_table_id": newer.id})

    asked(product)

    rates = [one for one in waiting(product).payload["changes"] if one["kind"] == "rates"]
    assert [(one["field"], one["after"]) for one in rates] == [("rates_that_differ", 121)]
