"""A run takes each premium once, is released by a second person and follows the banks' answers."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from insurance.core.tenancy import tenant_scope
from insurance.debit_orders import queries, services
from insurance.debit_orders.calendar import business_holidays
from insurance.debit_orders.models import DebitOrderItem, DebitRunStatus
from insurance.debit_orders.rules import (
    Convention,
    DebitVerdict,
    Exclusion,
    ItemStatus,
    MandateStatus,
    Post,
    Result,
    Treatment,
    action_date,
    collection_date,
    is_business_day,
)
from insurance.debit_orders.services import DebitOutcome, ResultRow
from insurance.policies.queries import get_policy
from insurance.policies.services import accept_quote
from insurance.products.queries import list_products
from tests.factories.book import (
    NOW,
    TODAY,
    make_book,
    make_customer,
    make_product,
    make_quote,
)
from tests.factories.debit_orders import (
    ACCOUNT,
    CHECKER,
    MAKER,
    acting,
    due_on,
    make_account,
    make_mandate,
    make_policies,
    make_run,
    release,
)
from tests.factories.lifecycle import pay
from tests.factories.organizations import OrganizationFacts

DAY = date(2026, 12, 1)
"""A Tuesday."""


def _items(session: Session, run_id: UUID) -> list[DebitOrderItem]:
    session.expire_all()
    return list(
        session.scalars(
            select(DebitOrderItem)
            .where(DebitOrderItem.run_id == run_id)
            .order_by(DebitOrderItem.reference)
        )
    )


def _answer(item: DebitOrderItem, result: Result, code: str | None = None) -> DebitOutcome:
    with transaction() as session:
        row = ResultRow(item.reference or "", result, code)
        return services.mark_results(session, [row], now=NOW)[0]


@pytest.fixture
def policies(session: Session) -> list[UUID]:
    """Return two policies with mandates and a premium of 100.00 due on the day."""
    made = make_policies(2)
    due_on(DAY, made)
    return made


def test_a_run_takes_the_premiums_of_its_day(session: Session, policies: list[UUID]) -> None:
    run = make_run(DAY)

    assert (run.number, run.item_count, run.total) == ("DR-2026-000001", 2, Decimal("200.00"))
    assert {item.policy_id for item in _items(session, run.id)} == set(policies)
    assert all(len(item.reference or "") <= 30 for item in _items(session, run.id))


def test_a_preview_says_what_the_run_will_hold_and_keeps_nothing(
    session: Session, policies: list[UUID]
) -> None:
    preview = services.preview_run(session, DAY, on=TODAY)

    assert (preview.item_count, preview.total) == (2, Decimal("200.00"))
    assert session.scalars(select(DebitOrderItem)).all() == []


def test_a_premium_due_at_christmas_is_debited_after_it(session: Session) -> None:
    made = make_policies(1)
    due_on(date(2026, 12, 19), made)

    assert make_run(date(2026, 12, 21)).item_count == 1


def test_a_day_the_tenant_closed_moves_the_debit(session: Session, policies: list[UUID]) -> None:
    services.add_holiday(DAY, name="System migration")

    with pytest.raises(DomainError, match="process nothing"):
        make_run(DAY)
    assert make_run(DAY + timedelta(days=1)).item_count == 2


def test_a_holiday_on_which_banks_work_is_a_business_day(session: Session) -> None:
    day = date(2026, 12, 16)
    services.add_holiday(day, name="Worked by agreement", is_working=True)

    assert day not in business_holidays(session, 2026, 2026)
    with pytest.raises(ConflictError):
        services.add_holiday(day, name="Twice")


def test_what_cannot_be_debited_is_kept_with_its_reason(session: Session) -> None:
    kept = make_policies(1)
    beside = make_policy_beside()
    holder = get_policy(session, beside).customer_id
    capped = make_mandate(beside, holder, max_amount=Decimal("99.99"))
    due_on(DAY, [*kept, beside])

    run = make_run(DAY)

    reasons = {item.exclusion for item in _items(session, run.id)}
    assert reasons == {None, Exclusion.ABOVE_MAXIMUM}
    assert (run.item_count, run.total) == (1, Decimal("100.00"))
    services.suspend_mandate(capped.id, reason="asked to wait")
    services.cancel_run(run.id, reason="wrong day", on=TODAY)
    assert services.preview_run(session, DAY, on=TODAY).excluded == {
        Exclusion.MANDATE_NOT_ACTIVE: (1, Decimal("100.00"))
    }


def test_a_policy_without_a_mandate_is_listed(session: Session, policies: list[UUID]) -> None:
    due_on(DAY, [make_policy_beside()])

    assert services.preview_run(session, DAY, on=TODAY).excluded == {
        Exclusion.NO_MANDATE: (1, Decimal("100.00"))
    }


def make_policy_beside() -> UUID:
    """Return a policy without a mandate, beside those of make_policies."""
    product_id = list_products(db.session(), limit=1).items[0].product.id
    customer_id = make_customer(77)
    quote_id = make_quote(product_id, customer_id)
    return accept_quote(quote_id, on=TODAY, now=NOW).policy.id


def test_a_second_run_finds_nothing_left(session: Session, policies: list[UUID]) -> None:
    make_run(DAY)

    with pytest.raises(DomainError, match="a run holds them already"):
        make_run(DAY)


def test_two_clerks_who_prepare_at_once_take_each_premium_once(
    app: Flask, org: OrganizationFacts, session: Session, policies: list[UUID]
) -> None:
    start, outcomes = threading.Barrier(2), []

    def prepare() -> None:
        with app.app_context(), tenant_scope(org.id):
            start.wait()
            try:
                outcomes.append(make_run(DAY).item_count)
            except DomainError as error:
                outcomes.append(error.message)

    clerks = [threading.Thread(target=prepare) for _ in range(2)]
    for clerk in clerks:
        clerk.start()
    for clerk in clerks:
        clerk.join()

    made, refused = sorted(outcomes, key=lambda one: isinstance(one, str))
    assert made == 2
    assert "a run holds them already" in refused, "the second waited for the first"
    lines = session.scalars(select(DebitOrderItem.premium_line_id)).all()
    assert len(lines) == len(set(lines)) == 2


def test_the_database_itself_refuses_a_premium_in_two_runs(
    session: Session, policies: list[UUID]
) -> None:
    run = make_run(DAY)
    again = _items(session, run.id)[0]

    with pytest.raises(IntegrityError, match="debit_order_items_line_key"):
        session.execute(
            text(
                "INSERT INTO ins.debit_order_items (org_id, id, run_id, policy_id,"
                " premium_line_id, mandate_id, amount, reference, action_date, status)"
                " SELECT org_id, gen_random_uuid(), run_id, policy_id, premium_line_id,"
                " mandate_id, amount, 'ANOTHER', action_date, status"
                " FROM ins.debit_order_items WHERE id = :id"
            ),
            {"id": again.id},
        )
    session.rollback()


def test_who_prepared_a_run_cannot_release_it(session: Session, policies: list[UUID]) -> None:
    run = make_run(DAY)

    with pytest.raises(ForbiddenError, match="Somebody other"):
        release(run, by=MAKER)
    with pytest.raises(IntegrityError, match="second_person"):
        session.execute(
            text("UPDATE ins.debit_order_runs SET released_by = created_by WHERE id = :id"),
            {"id": run.id},
        )
    session.rollback()
    assert release(run, by=CHECKER).status is DebitRunStatus.RELEASED


def test_a_released_run_is_frozen_with_the_hash_of_its_file(
    session: Session, policies: list[UUID]
) -> None:
    run = release(make_run(DAY))

    assert {item.status for item in _items(session, run.id)} == {ItemStatus.SUBMITTED}
    assert run.file_hash is not None
    with pytest.raises(ConflictError):
        release(run)


def test_what_was_paid_meanwhile_is_not_debited(session: Session, policies: list[UUID]) -> None:
    run = make_run(DAY)
    pay(policies[0], "100.00", TODAY)

    run = release(run)

    assert (run.item_count, run.total) == (1, Decimal("100.00"))
    left_out = [item.exclusion for item in _items(session, run.id) if item.exclusion]
    assert left_out == [Exclusion.CHANGED_SINCE]


def test_a_policy_or_mandate_that_ended_meanwhile_is_not_debited(session: Session) -> None:
    made = make_policies(3)
    due_on(DAY, made)
    run = make_run(DAY)
    session.execute(
        text("UPDATE ins.policies SET status = 'lapsed' WHERE id = :id"), {"id": made[0]}
    )
    session.commit()
    mandate = queries.find_active_mandate(session, made[1])
    assert mandate is not None
    services.cancel_mandate(mandate.id, reason="new bank", now=NOW)

    run = release(run)

    assert run.item_count == 1
    assert [item.policy_id for item in _items(session, run.id) if not item.exclusion] == made[2:]


def test_a_run_of_which_nothing_is_left_is_not_released(session: Session) -> None:
    made = make_policies(1)
    due_on(DAY, made)
    run = make_run(DAY)
    mandate = queries.find_active_mandate(session, made[0])
    assert mandate is not None
    services.cancel_mandate(mandate.id, reason="new bank", now=NOW)

    with pytest.raises(ConflictError, match="Cancel it"):
        release(run)


def test_a_collection_day_is_read_from_the_book_like_the_rule_says(session: Session) -> None:
    made = make_policies(1, collection_day=25)
    due_on(date(2026, 11, 26), made)

    with pytest.raises(DomainError):
        make_run(date(2026, 11, 26))
    preview = services.preview_run(session, date(2026, 12, 24), on=date(2026, 12, 20))
    assert preview.item_count == 0, "the 25th is a holiday, the next business day the 28th"
    later = services.preview_run(session, date(2026, 12, 28), on=date(2026, 12, 20))
    assert later.item_count == 1


def test_on_every_day_of_a_month_the_book_is_read_as_the_rules_say(session: Session) -> None:
    chosen = [
        (date(2026, 12, 1 + 2 * index), day, convention)
        for index, (day, convention) in enumerate(
            product((None, 1, 16, 31), (Convention.PRECEDING, Convention.FOLLOWING))
        )
    ]
    for index, (due, day, convention) in enumerate(chosen):
        customer_id = make_customer(100 + index)
        if index == 0:
            product_id = make_product()
        quote_id = make_quote(product_id, customer_id)
        policy_id = accept_quote(quote_id, on=TODAY, now=NOW).policy.id
        make_mandate(policy_id, customer_id, collection_day=day, convention=convention)
        due_on(due, [policy_id])
    holidays = business_holidays(session, 2026, 2027)
    debited = [
        action_date(collection_date(due, day), convention, holidays)
        for due, day, convention in chosen
    ]

    for offset in range(50):
        on = date(2026, 11, 30) + timedelta(days=offset)
        if is_business_day(on, holidays):
            found = services.preview_run(session, on, on=on).item_count
            assert found == debited.count(on), on


def test_a_cancelled_run_gives_its_premiums_free(session: Session, policies: list[UUID]) -> None:
    run = services.cancel_run(make_run(DAY).id, reason="wrong day", on=TODAY)

    assert run.status is DebitRunStatus.CANCELLED
    assert make_run(DAY).item_count == 2


def test_a_released_run_is_called_back_only_before_its_action_date(
    session: Session, policies: list[UUID]
) -> None:
    run = release(make_run(DAY))

    with pytest.raises(ConflictError):
        services.cancel_run(run.id, reason="too late", on=DAY)
    assert services.cancel_run(run.id, reason="in time", on=TODAY).item_count == 0


def test_the_csv_adds_up_to_the_run_and_holds_no_formula(
    session: Session, policies: list[UUID]
) -> None:
    beside = make_policy_beside()
    holder = get_policy(session, beside).customer_id
    account = make_account(holder, holder="=cmd()", branch_code="051001")
    make_mandate(beside, holder, bank_account_id=account)
    due_on(DAY, [beside])
    run = release(make_run(DAY), format="CSV")

    file = services.download_file(run.id, format="CSV")

    rows = [line.split(",") for line in file.content.decode().splitlines()]
    assert rows[0][0] == "reference"
    assert len(rows) - 1 == run.item_count == 3
    assert sum(Decimal(row[7]) for row in rows[1:]) == run.total
    assert {row[2] for row in rows[1:]} == {"P Dlamini", "'=cmd()"}
    assert {row[4] for row in rows[1:]} == {"250655", "051001"}
    assert {row[6] for row in rows[1:]} == {ACCOUNT}


def test_the_bureau_file_has_totals_in_cents_and_a_hash_total(
    session: Session, policies: list[UUID]
) -> None:
    run = release(make_run(DAY))

    file = services.download_file(run.id, format="BUREAU")

    records = [line.split("\t") for line in file.content.decode("ascii").splitlines()]
    debits = [record for record in records if record[0] == "DT"]
    assert [record[0] for record in records] == ["FH", "SH", "DT", "DT", "SF", "FF"]
    assert sum(int(record[8]) for record in debits) == int(run.total * 100) == 20_000
    assert records[-2] == ["SF", "2", "20000", f"{2 * int(ACCOUNT):012d}"]
    assert records[-1] == ["FF", "6"]
    assert file.name == f"{run.number}.txt"


def test_a_file_released_after_midnight_bears_the_insurers_own_day(
    session: Session, policies: list[UUID]
) -> None:
    run = make_run(DAY)
    just_after_midnight = datetime(2026, 11, 19, 22, 30, tzinfo=UTC)  # 00:30 in Johannesburg
    with acting(CHECKER):
        services.release_run(run.id, on=TODAY, now=just_after_midnight)

    file = services.download_file(run.id, format="BUREAU")

    header = file.content.splitlines()[0]
    assert b"20261120" in header.replace(b"-", b"").replace(b"/", b"")
    assert b"20261119" not in header.replace(b"-", b"").replace(b"/", b"")


def test_a_download_is_audited_and_the_same_each_time(
    session: Session, policies: list[UUID]
) -> None:
    run = release(make_run(DAY))

    first = services.download_file(run.id, format="BUREAU")
    second = services.download_file(run.id, format="BUREAU")

    assert first == second
    actions = session.scalars(
        select(AuditEvent.action).where(AuditEvent.action == "debit_orders.download_file")
    ).all()
    assert len(actions) == 2
    assert ACCOUNT not in str(session.scalars(select(AuditEvent.after)).all())


def test_a_file_that_is_not_the_released_one_is_refused(
    session: Session, policies: list[UUID]
) -> None:
    run = release(make_run(DAY))
    session.execute(text("UPDATE ins.customer_bank_accounts SET holder = 'Somebody else'"))
    session.commit()

    with pytest.raises(ConflictError, match="changed since its release"):
        services.download_file(run.id, format="BUREAU")


def test_a_draft_has_no_file(session: Session, policies: list[UUID]) -> None:
    with pytest.raises(ConflictError):
        services.download_file(make_run(DAY).id, format="CSV")
    with pytest.raises(NotFoundError):
        services.download_file(policies[0], format="CSV")


def test_paid_then_disputed_is_a_receipt_and_its_reversal_once_each(
    session: Session, policies: list[UUID]
) -> None:
    run = release(make_run(DAY))
    item = _items(session, run.id)[0]

    assert _answer(item, Result.PAID).post is Post.RECEIPT
    assert _answer(item, Result.PAID).verdict is DebitVerdict.DUPLICATE
    disputed = _answer(item, Result.DISPUTED, "34")
    assert (disputed.post, disputed.treatment) == (Post.REVERSAL, Treatment.REVERSE)
    assert disputed.amount == Decimal("100.00")
    assert _answer(item, Result.DISPUTED, "34").verdict is DebitVerdict.DUPLICATE
    session.expire_all()
    mandate = queries.list_mandates(session, item.policy_id)[0].mandate
    assert mandate.status is MandateStatus.CANCELLED
    assert mandate.cancel_reason == "Unpaid with code 34"


def test_a_run_closes_with_its_last_answer(session: Session, policies: list[UUID]) -> None:
    run = release(make_run(DAY))
    first, second = _items(session, run.id)

    _answer(first, Result.PAID)
    session.expire_all()
    assert queries.get_run(session, run.id).status is DebitRunStatus.RESULTS_IN
    _answer(second, Result.UNPAID, "02")
    session.expire_all()
    assert queries.get_run(session, run.id).status is DebitRunStatus.CLOSED


def test_an_account_without_money_is_debited_once_more_and_then_no_more(
    session: Session, policies: list[UUID]
) -> None:
    first = release(make_run(DAY))
    for item in _items(session, first.id):
        assert _answer(item, Result.UNPAID, "02").treatment is Treatment.REPRESENT
    later = DAY + timedelta(days=2)

    second = release(make_run(later, since=DAY))

    assert second.item_count == 2
    references = {item.reference for item in _items(session, second.id)}
    assert {reference[-6:] for reference in references if reference} == {"000002"}
    again = _answer(_items(session, second.id)[0], Result.UNPAID, "02")
    assert (again.treatment, again.mandate_status) == (
        Treatment.NEW_MANDATE,
        MandateStatus.CANCELLED,
    )


def test_a_closed_account_is_not_debited_again_until_there_is_a_new_mandate(
    session: Session, policies: list[UUID]
) -> None:
    run = release(make_run(DAY))
    item = _items(session, run.id)[0]
    _answer(item, Result.UNPAID, "12")
    later = DAY + timedelta(days=2)

    assert services.preview_run(session, later, on=TODAY, since=DAY).excluded == {
        Exclusion.MANDATE_NOT_ACTIVE: (1, Decimal("100.00"))
    }
    customer_id = queries.get_policy_facts(session, item.policy_id).customer_id
    make_mandate(item.policy_id, customer_id)
    assert services.preview_run(session, later, on=TODAY, since=DAY).item_count == 1


def test_a_deceased_holder_stops_the_mandate_and_asks_for_a_claim(
    session: Session, policies: list[UUID]
) -> None:
    item = _items(session, release(make_run(DAY)).id)[0]

    outcome = _answer(item, Result.UNPAID, "18")

    assert outcome.treatment is Treatment.POSSIBLE_CLAIM
    assert outcome.mandate_status is MandateStatus.SUSPENDED
    assert outcome.policy_id == item.policy_id


def test_money_for_no_known_debit_goes_to_suspense(session: Session, policies: list[UUID]) -> None:
    draft_item = _items(session, make_run(DAY).id)[0]

    assert _answer(draft_item, Result.PAID).post is Post.SUSPENSE
    with transaction() as step:
        outcome = services.mark_results(step, [ResultRow("NOBODY", Result.PAID)], now=NOW)[0]
    assert (outcome.verdict, outcome.post) == (DebitVerdict.UNKNOWN, Post.SUSPENSE)


def test_a_collection_is_in_flight_until_the_bank_answers_or_ten_days_have_passed(
    session: Session, policies: list[UUID]
) -> None:
    run = make_run(DAY)
    assert queries.collection_in_flight(session, policies, on=DAY) == {}
    release(run)

    found = queries.collection_in_flight(session, policies, on=DAY + timedelta(days=10))
    assert found[policies[0]].amount == Decimal("100.00")
    assert queries.collection_in_flight(session, policies, on=DAY + timedelta(days=11)) == {}
    _answer(_items(session, run.id)[0], Result.UNPAID, "02")
    assert len(queries.collection_in_flight(session, policies, on=DAY)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: make_run(date(2026, 12, 16)),
        lambda: make_run(TODAY - timedelta(days=1)),
        lambda: make_run(TODAY + timedelta(days=40)),
        lambda: make_run(DAY, since=DAY + timedelta(days=1)),
        lambda: make_run(DAY, since=DAY - timedelta(days=200)),
    ],
)
def test_a_day_without_sense_is_refused(
    wrong: Callable[[], object], session: Session, policies: list[UUID]
) -> None:
    with pytest.raises(DomainError):
        wrong()


def test_a_policy_has_one_active_mandate(session: Session) -> None:
    book = make_book()
    first = make_mandate(book.policy_id, book.customer_id)

    with pytest.raises(ConflictError, match="active mandate"):
        make_mandate(book.policy_id, book.customer_id)
    services.cancel_mandate(first.id, reason="new bank", now=NOW)
    second = make_mandate(book.policy_id, book.customer_id, signed_on=None)
    assert second.status is MandateStatus.PENDING
    second = services.activate_mandate(second.id, signed_on=TODAY, on=TODAY)
    assert second.status is MandateStatus.ACTIVE
    with pytest.raises(ConflictError):
        services.activate_mandate(first.id, signed_on=TODAY, on=TODAY)


def test_a_mandate_is_on_an_account_of_the_policyholder(session: Session) -> None:
    book = make_book()
    from tests.factories.book import make_customer

    strangers = make_account(make_customer(9))

    with pytest.raises(DomainError, match="of who pays"):
        make_mandate(book.policy_id, book.customer_id, bank_account_id=strangers)
    with pytest.raises(DomainError, match="in the future"):
        make_mandate(book.policy_id, book.customer_id, signed_on=TODAY + timedelta(days=1))


def test_a_job_without_a_person_cannot_release(session: Session, policies: list[UUID]) -> None:
    run = make_run(DAY)

    with pytest.raises(ForbiddenError):
        services.release_run(run.id, on=TODAY, now=NOW)
    with acting(CHECKER):
        assert services.release_run(run.id, on=TODAY, now=NOW).released_by == CHECKER
