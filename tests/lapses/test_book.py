"""What the statement over the book decides is what the rule decides, policy by policy."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from insurance.core.db import transaction
from insurance.core.tenancy import current_org
from insurance.lapses import queries, services
from insurance.lapses.models import LapseHold, LapseRule, NoticeKind, PremiumNotice
from insurance.lapses.queries import LapseState
from insurance.lapses.rules import LapseTerms
from insurance.notifications.models import Mail
from tests.factories.book import make_customer, make_product
from tests.factories.lapses import DUE, RULE, make_owing, noon, pay
from tests.random_tries import by_chance, tries

FREQUENCIES = ("MONTHLY", "QUARTERLY", "HALF_YEARLY", "ANNUAL")
DAYS = [DUE + timedelta(days=late) for late in (0, 12, 16, 17, 33, 48, 75)]


def _shake(session: Session, products: list[UUID], policies: list[UUID], random: Random) -> None:
    """Give the book other rules, payments, holds, notices and statuses."""
    org = {"org": current_org()}
    with transaction() as writing:
        for table in ("premium_notices", "lapse_holds", "lapse_rules", "mails"):
            writing.execute(text(f"DELETE FROM ins.{table} WHERE org_id = :org"), org)
        for product_id in products:
            _add_rules(writing, product_id, random)
        for policy_id in policies:
            _move(writing, policy_id, random)


def _add_rules(session: Session, product_id: UUID, random: Random) -> None:
    start = DUE - timedelta(days=random.choice((400, 5, 0)))
    while start < DUE + timedelta(days=60) and random.random() < 0.8:
        end = start + timedelta(days=random.randint(1, 70))
        facts: dict[str, Any] = RULE | {
            "grace_period_type": random.choice(("CALENDAR", "BUSINESS")),
            "monthly_grace_days": random.choice((15, 30)),
            "half_yearly_grace_days": 50,
            "requires_notice": random.random() < 0.5,
            "tolerance": random.choice((Decimal(0), Decimal(40), Decimal(100))),
            "product_id": product_id,
            "effective_from": start,
            "effective_to": end if random.random() < 0.8 else None,
            "created_at": noon(DUE),
            "updated_at": noon(DUE),
            "version": 1,
        }
        session.execute(insert(LapseRule), [facts])
        if facts["effective_to"] is None:
            return
        start = end + timedelta(days=random.choice((0, 0, 9)))


def _move(session: Session, policy_id: UUID, random: Random) -> None:
    values: dict[str, Any] = {"org": current_org(), "policy": policy_id}
    session.execute(
        text(
            "UPDATE ins.policies SET frequency = :frequency, status = :status"
            " WHERE org_id = :org AND id = :policy"
        ),
        values
        | {
            "frequency": random.choice(FREQUENCIES),
            "status": random.choice(("active", "active", "active", "suspended", "lapsed")),
        },
    )
    lines = session.execute(
        text(
            "SELECT id, due_date FROM ins.premium_lines"
            " WHERE org_id = :org AND policy_id = :policy ORDER BY sequence LIMIT 4"
        ),
        values,
    ).all()
    for line_id, _due in lines:
        _pay(session, line_id, random)
    if random.random() < 0.3:
        placed = DUE + timedelta(days=random.randint(-5, 40))
        session.execute(insert(LapseHold), [_hold(policy_id, placed, random)])
    if random.random() < 0.7:
        session.execute(insert(PremiumNotice), [_notice(session, policy_id, lines, random)])


def _pay(session: Session, line_id: UUID, random: Random) -> None:
    paid = random.choice((0, 0, 70, 100))
    status = "PAID" if paid == 100 else random.choice(("PENDING", "OVERDUE", "CANCELLED"))
    session.execute(
        text(
            "UPDATE ins.premium_lines SET paid_amount = :paid, status = :status, paid_date = :on,"
            " whole_days = :days"
            " WHERE org_id = :org AND id = :line"
        ),
        {
            "org": current_org(),
            "line": line_id,
            "paid": paid,
            "status": status,
            "on": DUE,
            "days": random.choice((None, 31, 90, 182, 366)),
        },
    )


def _hold(policy_id: UUID, placed: date, random: Random) -> dict[str, Any]:
    return {
        "policy_id": policy_id,
        "reason": "Dispute",
        "placed_on": placed,
        "expires_on": placed + timedelta(days=random.randint(1, 40)),
        "placed_by": "Thandi",
        "placed_at": noon(DUE),
        "released_at": random.choice((None, None, noon(DUE))),
    }


def _notice(session: Session, policy_id: UUID, lines: Any, random: Random) -> dict[str, Any]:
    line_id, due = random.choice(lines[:2])
    mail_id = None
    if random.random() < 0.5:
        mail = Mail(
            kind="non_payment_notice",
            recipient="x@example.org",
            subject="x",
            body="x",
            created_at=noon(due),
            tried_from=noon(due),
            sent_at=random.choice((None, noon(due))),
        )
        session.add(mail)
        session.flush()
        mail_id = mail.id
    return {
        "policy_id": policy_id,
        "premium_line_id": line_id,
        "kind": NoticeKind.NON_PAYMENT,
        "days_before": 0,
        "recipient": "x@example.org",
        "mail_id": mail_id,
        "registered_number": None if mail_id else random.choice((None, "RC 1", "RC 2")),
        "file_key": None if mail_id else random.choice((None, None, "a/key")),
        "sent_on": due + timedelta(days=random.randint(1, 30)),
    }


@pytest.fixture
def book(session: Session) -> tuple[list[UUID], list[UUID]]:
    """Return two products and a dozen policies with premiums from different days on."""
    products = [make_product(), make_product(name="Other Life")]
    customer_id = make_customer()
    policies = [
        make_owing(
            product_id=products[index % 2],
            customer_id=customer_id,
            due=DUE - timedelta(days=3 * (index % 5)),
        ).policy_id
        for index in range(12)
    ]
    return products, policies


@by_chance
@pytest.mark.breaks_books("says at random which premiums are paid, open and cancelled")
@pytest.mark.parametrize("seed", range(tries(3, 24)))
def test_the_book_and_the_rule_decide_alike(
    session: Session, book: tuple[list[UUID], list[UUID]], seed: int
) -> None:
    products, policies = book
    random = Random(seed)
    seen = set()
    for _ in range(3):
        _shake(session, products, policies, random)
        collecting = random.sample(policies, 2)
        for on in DAYS:
            seen |= _compare(session, policies, collecting, on)

    assert seen >= {LapseState.IN_GRACE, LapseState.BLOCKED, LapseState.DUE}


def _compare(
    session: Session, policies: list[UUID], collecting: list[UUID], on: date
) -> set[LapseState]:
    expected: dict[LapseState, dict[UUID, Any]] = {state: {} for state in LapseState}
    for policy_id in policies:
        one = queries.policy_forecast(
            session, policy_id, on, collection_in_flight=policy_id in collecting
        )
        if one.lapse_date is None:
            continue
        facts = (
            one.oldest_unpaid,
            one.grace_end,
            one.lapse_date,
            one.arrears,
            one.blocked_by,
        )
        if one.lapse_date > on:
            expected[LapseState.IN_GRACE][policy_id] = facts
            if one.lapse_date == on + timedelta(days=1) and not one.blocked_by:
                expected[LapseState.TOMORROW][policy_id] = facts
        else:
            state = LapseState.DUE if one.is_candidate else LapseState.BLOCKED
            expected[state][policy_id] = facts
    found = {
        state: {
            line.policy_id: (
                line.oldest_unpaid,
                line.grace_end,
                line.lapse_date,
                line.arrears,
                line.blocked_by,
            )
            for line in queries.list_lapse_candidates(
                session, on, 50, state=state, collecting=collecting
            ).items
        }
        for state in LapseState
    }
    counts = queries.count_lapse_states(session, on, collecting=collecting)
    session.rollback()
    _compare_kept(session, on, collecting, expected)
    assert found == expected
    assert counts == {state: len(lines) for state, lines in expected.items()}
    return {state for state, lines in found.items() if lines}


def _compare_kept(
    session: Session, on: date, collecting: list[UUID], expected: dict[LapseState, dict[UUID, Any]]
) -> None:
    """Hold the list that is kept of a large book to the same, page by page."""
    services.keep_arrears_list(on=on, now=noon(on), collecting=collecting)
    kept = queries.find_arrears_list(session, on)
    assert kept is not None
    assert kept.counts == {state: len(lines) for state, lines in expected.items()}
    for state, lines in expected.items():
        found: list[UUID] = []
        after: tuple[date, UUID] | None = None
        while True:
            page = queries.list_kept_arrears(
                session, on, 3, after, state=state, collecting=collecting
            )
            found += [line.policy_id for line in page.items]
            if page.next_cursor is None:
                break
            after = (page.items[-1].lapse_date, page.items[-1].policy_id)
        assert found == sorted(lines, key=lambda policy_id: (lines[policy_id][2], policy_id))
    session.rollback()


def test_a_policy_that_paid_since_a_large_book_was_listed_is_not_shown(
    session: Session, book: tuple[list[UUID], list[UUID]]
) -> None:
    _products, policies = book
    on = DAYS[1]
    services.keep_arrears_list(on=on, now=noon(on))
    pay(policies[0], 1, on=on)

    shown = queries.list_kept_arrears(session, on, 50, state=LapseState.IN_GRACE).items

    assert policies[0] not in {line.policy_id for line in shown}
    assert {line.policy_id for line in shown} == {
        line.policy_id
        for line in queries.list_lapse_candidates(session, on, 50, state=LapseState.IN_GRACE).items
    }
    assert queries.find_arrears_list(session, DAYS[2]) is None


@by_chance
@pytest.mark.breaks_books("says at random which premiums are paid, open and cancelled")
@pytest.mark.parametrize("seed", range(tries(2, 12)))
def test_the_impact_is_what_the_rule_would_decide_for_each_policy(
    session: Session, book: tuple[list[UUID], list[UUID]], seed: int
) -> None:
    products, policies = book
    random = Random(seed + 100)
    _shake(session, products, policies, random)
    changed = LapseTerms(
        monthly_grace_days=random.choice((15, 40)),
        grace_period_type=random.choice(("CALENDAR", "BUSINESS")),
        requires_notice=random.random() < 0.3,
        tolerance=random.choice((Decimal(0), Decimal(40))),
    )
    for on in DAYS:
        impact = queries.count_rule_impact(session, products[0], changed, on)
        now = _candidates(session, policies[::2], on)
        session.rollback()
        assert impact.now.policies == len(now)
        assert impact.now.monthly_premium == 100 * len(now)
    on = DAYS[-1]
    would = queries.count_rule_impact(session, products[0], changed, on).changed
    session.rollback()
    with transaction() as writing:
        values = {"org": current_org(), "product": products[0]}
        writing.execute(
            text("DELETE FROM ins.lapse_rules WHERE org_id = :org AND product_id = :product"),
            values,
        )
        facts = RULE | {
            name: getattr(changed, name)
            for name in (
                "monthly_grace_days",
                "quarterly_grace_days",
                "half_yearly_grace_days",
                "annual_grace_days",
                "grace_period_type",
                "requires_notice",
                "tolerance",
            )
        }
        more = {"created_at": noon(DUE), "updated_at": noon(DUE), "version": 1}
        since = {"product_id": products[0], "effective_from": date(2000, 1, 1)}
        writing.execute(insert(LapseRule), [facts | more | since])
    assert would.policies == len(_candidates(session, policies[::2], on))


def _candidates(session: Session, policies: list[UUID], on: date) -> list[UUID]:
    return [one for one in policies if queries.policy_forecast(session, one, on).is_candidate]
