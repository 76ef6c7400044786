"""ID and passport numbers of insured lives: kept apart, never in clear, and what caps count by."""

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from insurance.core import crypto
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.customers.models import LifeNumber
from insurance.organizations.key_rotation import rotate_keys
from insurance.policies import queries
from insurance.policies.models import EndorsementType, PolicyMember
from insurance.policies.services import accept_quote
from insurance.policies.services.endorsements import (
    EndorsementRequest,
    draft_endorsement,
    endorse,
    endorse_policy,
    issue_endorsement,
    preview_endorsement,
)
from insurance.policies.services.life_cover import LifeQuestionsError
from insurance.quotes.rules import Life
from insurance.seeding.names import id_number
from tests.factories.book import NOW, TODAY, make_customer, make_quote
from tests.factories.funeral import make_funeral_product
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.organizations import OrganizationFacts

D = Decimal
BORN = date(1985, 5, 15)
NUMBER, ANOTHER = (id_number(BORN, "MALE", index) for index in (41, 42))


@pytest.fixture
def product_id(session: Session) -> UUID:
    """Return a funeral product for main member, spouse and children."""
    return make_funeral_product()


def _spouse(first: str = "Sipho", number: str | None = NUMBER, **more: Any) -> Life:
    return Life("SPOUSE", None, None, None if number else BORN, first, "Dlamini", number, **more)


def _policy(product_id: UUID, amount: int, *lives: Life, holder: int = 1) -> UUID:
    names = {1: ("Palesa", "Nkosi"), 2: ("Zanele", "Botha"), 3: ("Refilwe", "Khumalo")}
    first, last = names[holder]
    customer = make_customer(holder, first_name=first, last_name=last)
    quote = make_quote(product_id, customer, sum_assured=D(amount), lives=lives)
    return accept_quote(quote, on=TODAY, now=NOW).policy.id


def test_one_id_number_is_counted_once_whatever_the_name(
    session: Session, product_id: UUID
) -> None:
    _policy(product_id, 60_000, _spouse("Sipho"))

    with pytest.raises(DomainError, match="R\u00a0110\u00a0000,00 of funeral cover over all"):
        _policy(product_id, 50_000, _spouse("Bongani"), holder=2)


def test_two_id_numbers_are_two_lives_and_nobody_is_asked(
    session: Session, product_id: UUID
) -> None:
    _policy(product_id, 60_000, _spouse())
    _policy(product_id, 50_000, _spouse(number=ANOTHER), holder=2)


def test_a_life_without_a_number_is_still_asked_about(session: Session, product_id: UUID) -> None:
    _policy(product_id, 60_000, _spouse())

    with pytest.raises(LifeQuestionsError):
        _policy(product_id, 50_000, _spouse("S", None), holder=2)


def test_one_passport_is_one_life(session: Session, product_id: UUID) -> None:
    passport = {"passport_number": "AB 123-456", "passport_country": "ZW"}
    _policy(product_id, 60_000, _spouse(number=None, **passport))

    with pytest.raises(DomainError, match="over all policies"):
        _policy(product_id, 50_000, _spouse("Tendai", None, **passport), holder=2)


def test_birth_and_gender_follow_from_the_number(session: Session, product_id: UUID) -> None:
    policy_id = _policy(product_id, 10_000, _spouse())

    spouse = _member(session, policy_id, "SPOUSE")
    assert (spouse.date_of_birth, spouse.gender) == (BORN, "MALE")


def _member(session: Session, policy_id: UUID, role: str) -> PolicyMember:
    return next(one for one in queries.list_members(session, policy_id) if one.role == role)


@pytest.mark.parametrize(
    ("life", "field"),
    [
        (_spouse(number="8505155041"), "insured_lives.0.id_number"),
        (Life("SPOUSE", None, None, date(1985, 5, 16), "S", "D", NUMBER), "date_of_birth"),
        (Life("SPOUSE", None, "FEMALE", None, "S", "D", NUMBER), "insured_lives.0.gender"),
        (_spouse(number=None, passport_number="AB123456"), "insured_lives.0.passport_country"),
    ],
)
def test_a_number_that_cannot_be_is_refused_at_its_life(
    session: Session, product_id: UUID, life: Life, field: str
) -> None:
    with pytest.raises(DomainError) as refusal:
        _policy(product_id, 10_000, life)

    assert field in (refusal.value.field or "")
    assert session.scalars(select(LifeNumber)).all() == []


def test_the_holder_who_is_insured_has_the_number_of_the_customer(
    session: Session, product_id: UUID
) -> None:
    policy_id = _policy(product_id, 60_000)
    own = id_number(date(1987, 4, 2), "FEMALE", 1)

    assert _member(session, policy_id, "MAIN_MEMBER").id_number_ref is not None
    with pytest.raises(DomainError, match="over all policies"):
        _policy(product_id, 50_000, _spouse("Precious", own), holder=2)


def test_two_lives_of_one_policy_do_not_have_one_number(session: Session, product_id: UUID) -> None:
    child = Life("CHILD", None, None, None, "Neo", "Nkosi", NUMBER)
    with pytest.raises(DomainError) as refusal:
        _policy(product_id, 10_000, _spouse(), child)
    assert refusal.value.field == "insured_lives.1.id_number"

    with pytest.raises(ConflictError, match="have one ID or passport number"):
        _policy(
            product_id, 10_000, _spouse(number=id_number(date(1987, 4, 2), "FEMALE", 2)), holder=2
        )


def _adding(number: str | None, **data: Any) -> EndorsementRequest:
    return EndorsementRequest(
        type=EndorsementType.ADD_MEMBER,
        data={"member_role": "SPOUSE", "first_name": "Sipho", "last_name": "Dlamini"}
        | ({"id_number": number} if number else {})
        | data,
        effective_date=TODAY,
    )


def test_a_member_who_joins_is_counted_by_the_number(session: Session, product_id: UUID) -> None:
    _policy(product_id, 60_000, _spouse("Bongani"))
    policy_id = _policy(product_id, 50_000, holder=2)

    for act in (
        lambda: preview_endorsement(policy_id, _adding(NUMBER), on=TODAY),
        lambda: endorse_policy(policy_id, _adding(NUMBER), on=TODAY, now=NOW),
    ):
        with pytest.raises(DomainError, match="over all policies"):
            act()
    draft = draft_endorsement(policy_id, _adding(ANOTHER), on=TODAY, now=NOW)
    issue_endorsement(draft.id, on=TODAY, now=NOW)

    spouse = _member(session, policy_id, "SPOUSE")
    assert (spouse.date_of_birth, spouse.gender) == (BORN, "MALE")
    with pytest.raises(ConflictError) as refusal:
        endorse_policy(
            policy_id,
            _adding(ANOTHER, first_name="Bongani", member_role="CHILD"),
            on=TODAY,
            now=NOW,
        )
    assert refusal.value.field == "id_number"


def test_a_preview_keeps_no_number(session: Session, product_id: UUID) -> None:
    policy_id = _policy(product_id, 10_000)
    before = len(session.scalars(select(LifeNumber)).all())

    preview_endorsement(policy_id, _adding(NUMBER), on=TODAY)

    assert len(session.scalars(select(LifeNumber)).all()) == before


def test_a_number_is_added_by_correcting_the_details_and_survives_later_changes(
    session: Session, product_id: UUID
) -> None:
    policy_id = _policy(product_id, 50_000, _spouse("S", None))
    spouse_id = _member(session, policy_id, "SPOUSE").id
    right = {"policy_member_id": spouse_id, "id_number": NUMBER}

    endorse_policy(
        policy_id,
        EndorsementRequest(type=EndorsementType.CORRECT_DETAILS, data=right, effective_date=TODAY),
        on=TODAY,
        now=NOW,
    )
    endorse_policy(
        policy_id,
        EndorsementRequest(
            type=EndorsementType.CHANGE_PREMIUM_DUE_DAY, data={"due_day": 3}, effective_date=TODAY
        ),
        on=TODAY,
        now=NOW,
    )

    assert _member(session, policy_id, "SPOUSE").id_number_ref is not None
    with pytest.raises(DomainError, match="over all policies"):
        _policy(product_id, 60_000, _spouse("Bongani"), holder=2)


def test_no_quote_event_version_endorsement_or_audit_row_has_a_number_in_clear(
    session: Session, product_id: UUID
) -> None:
    policy_id = _policy(product_id, 10_000, _spouse())
    endorse_policy(
        policy_id,
        EndorsementRequest(
            type=EndorsementType.ADD_MEMBER,
            data={
                "member_role": "CHILD",
                "first_name": "Neo",
                "last_name": "Nkosi",
                "date_of_birth": date(2015, 1, 1),
                "id_number": id_number(date(2015, 1, 1), "MALE", 9),
            },
            effective_date=TODAY,
        ),
        on=TODAY,
        now=NOW,
    )

    for table in (
        "quotes",
        "policy_events",
        "policy_versions",
        "endorsements",
        "audit_events",
        "policy_members",
        "life_numbers",
        "life_locks",
    ):
        rows = session.scalars(text(f"SELECT to_jsonb(t)::text FROM ins.{table} t")).all()
        assert rows
        clear = [
            row for row in rows if NUMBER in row or id_number(date(2015, 1, 1), "MALE", 9) in row
        ]
        assert clear == [], table


def test_rotating_the_keys_covers_the_numbers_of_lives(session: Session, product_id: UUID) -> None:
    policy_id = _policy(product_id, 10_000, _spouse())
    ref = _member(session, policy_id, "SPOUSE").id_number_ref
    row = session.scalars(select(LifeNumber).where(LifeNumber.id == ref)).one()
    keyring = crypto._keys()
    new = (b"n" * 32, *keyring.master_keys)
    try:
        crypto.use_keys(new, keyring.index_key)
        assert not (row.number_cipher or "").startswith(crypto.newest_prefix())
        assert rotate_keys()["life_numbers.number_cipher"] == 2
        session.refresh(row)
        assert (row.number_cipher or "").startswith(crypto.newest_prefix())
        plain = crypto.decrypt(
            row.org_id, "life_numbers", "number", row.id, row.number_cipher or ""
        )
        assert plain == NUMBER
    finally:
        crypto.use_keys(keyring.master_keys, keyring.index_key)


def test_the_api_takes_a_number_and_shows_it_only_to_who_may_see_it(
    app: Flask, org: OrganizationFacts, api: Callable[..., TestClient]
) -> None:
    with app.app_context(), tenant_scope(org.id):
        product_id = make_funeral_product()
        customer = make_customer(1, first_name="Palesa", last_name="Nkosi")
    owner, agent = api(), api(Role.AGENT)
    body = {
        "product_id": str(product_id),
        "customer_id": str(customer),
        "sum_assured": 10_000,
        "insured_lives": [
            {"relationship": "SPOUSE", "first_name": "Sipho", "last_name": "D", "id_number": NUMBER}
        ],
    }

    quote = owner.post("/api/v1/quotes", json=body).json
    seen = [agent.get(f"/api/v1/quotes/{quote['id']}"), owner.get(f"/api/v1/quotes/{quote['id']}")]
    policy = owner.put(f"/api/v1/quotes/{quote['id']}/accept", json={}).json["policy"]
    path = f"/api/v1/policies/{policy['id']}"
    seen += [agent.get(f"{path}/detail"), owner.get(f"{path}/detail")]

    lives = [
        next(
            one
            for one in answer.json.get("insured_lives", answer.json.get("members"))
            if one.get("relationship", one.get("role")) == "SPOUSE"
        )
        for answer in seen
    ]
    assert [one["id_number"] for one in lives] == ["*" * 13, NUMBER, "*" * 13, NUMBER]
    for answer in [
        seen[0],
        seen[2],
        agent.get(f"{path}/versions"),
        agent.get(f"{path}/endorsements"),
    ]:
        assert NUMBER not in answer.text
        assert NUMBER[:6] not in answer.text
    added = owner.post(
        f"{path}/endorse",
        json={
            "endorsement_type": "ADD_MEMBER",
            "member_role": "CHILD",
            "first_name": "Neo",
            "last_name": "Nkosi",
            "id_number": "123",
        },
    )
    assert added.status_code == 422
    assert added.json["errors"][0]["pointer"].endswith("id_number")


def test_the_policy_page_shows_a_number_when_asked_and_records_the_look(
    app: Flask, org: OrganizationFacts, sign_in: Callable[..., SignedInClient], session: Session
) -> None:
    policy_id = _policy(make_funeral_product(), 10_000, _spouse())
    spouse = _member(session, policy_id, "SPOUSE")
    client = sign_in()
    url = client.url(f"/policies/{policy_id}")

    page = client.get(url)
    shown = client.post(f"{url}/members/{spouse.id}/reveal", data={})

    assert "On file" in page.text
    assert NUMBER not in page.text
    assert NUMBER in shown.text
    assert session.scalar(
        text("SELECT count(*) FROM ins.audit_events WHERE action = 'policies.reveal'")
    )
    assert client.post(f"{url}/members/{UUID(int=3)}/reveal", data={}).status_code == 404


def test_who_may_not_see_numbers_cannot_try_them_without_end(
    session: Session,
    product_id: UUID,
    admin_connection: Connection,
    org: OrganizationFacts,
    api: Callable[..., TestClient],
) -> None:
    policy_id = _policy(product_id, 10_000)
    admin_connection.execute(
        text("UPDATE ins.organizations SET number_searches_per_hour = 2 WHERE org_id = :org"),
        {"org": org.id},
    )
    admin_connection.commit()
    agent = api(Role.AGENT)
    path = f"/api/v1/policies/{policy_id}/endorse/preview"
    tried = [
        agent.post(
            path,
            json={
                "endorsement_type": "ADD_MEMBER",
                "member_role": "SPOUSE",
                "first_name": "Sipho",
                "last_name": "Dlamini",
                "id_number": id_number(BORN, "MALE", index),
            },
        ).status_code
        for index in range(3)
    ]

    assert tried == [200, 200, 429]


def test_two_policies_for_one_life_at_the_same_moment_do_not_both_pass_the_cap(
    app: Flask,
    session: Session,
    org: OrganizationFacts,
    admin_connection: Connection,
    product_id: UUID,
) -> None:
    policy_id = _policy(product_id, 50_000, holder=2)
    customer = make_customer(3, first_name="Refilwe", last_name="Khumalo")
    # The other spells the name otherwise and has no number: the birth date is what is locked.
    quote_id = make_quote(
        product_id, customer, sum_assured=D(60_000), lives=(_spouse("Sipho", None),)
    )
    session.commit()
    outcomes: list[object] = []

    def accepting() -> None:
        with app.app_context(), tenant_scope(org.id):
            try:
                outcomes.append(accept_quote(quote_id, on=TODAY, now=NOW))
            except DomainError as refusal:
                outcomes.append(refusal)

    other = threading.Thread(target=accepting)
    with transaction() as ours:
        policy = queries.get_policy(ours, policy_id, lock=True)
        endorse(ours, policy, _adding(NUMBER), on=TODAY, now=NOW)
        other.start()
        waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        while other.is_alive() and not admin_connection.scalar(waiting):
            other.join(0.02)
        assert other.is_alive(), outcomes
    other.join(20)

    (refusal,) = outcomes
    assert isinstance(refusal, DomainError)
    assert "over all policies" in refusal.message
