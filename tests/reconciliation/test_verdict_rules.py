"""Verdicts: whatever a file holds, money neither appears nor is lost."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insurance.billing.rules import OpenLine
from insurance.core.money import ZERO, total
from insurance.debit_orders.rules import ItemStatus
from insurance.reconciliation.rules import (
    PAYING,
    RECEIVING,
    BookStanding,
    Known,
    KnownDebit,
    KnownPolicy,
    KnownReceipt,
    Row,
    RowOutcome,
    RowVerdict,
    decide,
    recognise,
)

D = Decimal
ON = date(2026, 11, 20)
NUMBER = "PL-2026-000001"
POLICY = KnownPolicy(UUID(int=1), NUMBER, "active")
LINES = [
    OpenLine(UUID(int=number), ON - timedelta(days=30 * (3 - number)), D("310.00"))
    for number in (1, 2, 3)
]
KNOWN = Known(policy=POLICY, lines=LINES)


def _row(
    amount: str | Decimal = "310.00",
    reference: str = "R",
    outcome: RowOutcome = RowOutcome.PAID,
    day: date = ON,
    **more: object,
) -> Row:
    return Row(2, NUMBER, None, day, D(amount), reference, outcome, None, **more)


def _receipt(amount: str = "310.00", **more: object) -> KnownReceipt:
    return KnownReceipt(
        **{
            "policy_id": POLICY.id,
            "amount": D(amount),
            "payer_key": "PL2026000001",
            "reference_key": "R",
            "received_on": ON,
            "id": UUID(int=7),
        }
        | more
    )


def _standing() -> BookStanding:
    return BookStanding(
        policies={NUMBER: POLICY}, by_id={POLICY.id: POLICY}, lines={POLICY.id: list(LINES)}
    )


@pytest.mark.parametrize(
    ("amount", "verdict", "settled", "credit"),
    [
        ("310.00", RowVerdict.MATCHED, 1, "0.00"),
        ("260.00", RowVerdict.PARTIAL, 1, "0.00"),
        ("309.00", RowVerdict.MATCHED, 1, "0.00"),
        ("308.99", RowVerdict.PARTIAL, 1, "0.00"),
        ("620.00", RowVerdict.OVERPAID, 2, "0.00"),
        ("1000.00", RowVerdict.OVERPAID, 3, "70.00"),
    ],
)
def test_an_amount_settles_the_oldest_first(
    amount: str, verdict: RowVerdict, settled: int, credit: str
) -> None:
    decision = decide(_row(amount), KNOWN, on=ON, tolerance=D("1.00"))

    assert (decision.verdict, decision.credit) == (verdict, D(credit))
    assert [share.line_id for share in decision.shares] == [one.id for one in LINES[:settled]]


def test_where_nothing_is_owed_all_of_it_is_credit() -> None:
    decision = decide(_row(), Known(policy=POLICY), on=ON)

    assert (decision.verdict, decision.shares, decision.credit) == (
        RowVerdict.OVERPAID,
        (),
        D("310.00"),
    )


@pytest.mark.parametrize(
    ("status", "outcome", "verdict"),
    [
        (ItemStatus.SUBMITTED, RowOutcome.PAID, RowVerdict.MATCHED),
        (ItemStatus.SUBMITTED, RowOutcome.UNPAID, RowVerdict.REVERSAL),
        (ItemStatus.UNPAID, RowOutcome.PAID, RowVerdict.SUSPENSE),
        (ItemStatus.UNPAID, RowOutcome.UNPAID, RowVerdict.DUPLICATE),
        (ItemStatus.PAID, RowOutcome.PAID, RowVerdict.DUPLICATE),
        (ItemStatus.INCLUDED, RowOutcome.PAID, RowVerdict.SUSPENSE),
        (ItemStatus.INCLUDED, RowOutcome.UNPAID, RowVerdict.ERROR),
    ],
)
def test_a_debit_settles_its_own_premium_and_is_answered_once(
    status: ItemStatus, outcome: RowOutcome, verdict: RowVerdict
) -> None:
    debit = KnownDebit(POLICY.id, LINES[1].id, status)

    decision = decide(_row(outcome=outcome), replace(KNOWN, debit=debit), on=ON)

    assert decision.verdict is verdict
    if verdict is RowVerdict.MATCHED:
        assert [share.line_id for share in decision.shares] == [LINES[1].id]
    assert not decision.is_reversing


def test_a_debit_of_another_policy_is_not_taken_for_this_one() -> None:
    debit = KnownDebit(UUID(int=9), LINES[1].id, ItemStatus.SUBMITTED)

    assert decide(_row(), replace(KNOWN, debit=debit), on=ON).verdict is RowVerdict.SUSPENSE


@pytest.mark.parametrize(
    ("receipts", "verdict"),
    [
        ([_receipt()], RowVerdict.REVERSAL),
        ([_receipt(policy_id=None, status="SUSPENSE")], RowVerdict.REVERSAL),
        ([_receipt(status="REVERSED")], RowVerdict.DUPLICATE),
        ([_receipt(policy_id=UUID(int=9), payer_key="OTHER")], RowVerdict.ERROR),
        ([_receipt("300.00")], RowVerdict.ERROR),
        ([_receipt(is_refunded=True)], RowVerdict.ERROR),
        ([], RowVerdict.ERROR),
        # Of several the day decides; where it does not, a person.
        ([_receipt(received_on=ON - timedelta(days=30)), _receipt()], RowVerdict.REVERSAL),
        ([_receipt(received_on=ON - timedelta(days=30)), _receipt(status="REVERSED")], "DUPLICATE"),
        ([_receipt(received_on=ON - timedelta(days=day)) for day in (30, 60)], RowVerdict.ERROR),
        ([_receipt(), _receipt()], RowVerdict.ERROR),
    ],
)
@pytest.mark.parametrize("outcome", [RowOutcome.UNPAID, RowOutcome.DISPUTED])
def test_only_a_payment_that_was_received_and_is_still_there_is_taken_back(
    receipts: list[KnownReceipt], verdict: RowVerdict, outcome: RowOutcome
) -> None:
    known = replace(KNOWN, referenced=receipts)

    assert decide(_row(outcome=outcome), known, on=ON).verdict == verdict


def test_a_debit_that_came_back_takes_back_no_payment_of_another_reference() -> None:
    debit = KnownDebit(POLICY.id, LINES[1].id, ItemStatus.PAID, "R", D("310.00"), ON)

    decision = decide(_row(outcome=RowOutcome.UNPAID), replace(KNOWN, debit=debit), on=ON)

    assert (decision.verdict, decision.receipt) == (RowVerdict.REVERSAL, None)
    assert "stays as a payment of its own" in decision.detail


def test_money_of_the_policy_amount_and_day_of_a_debit_in_flight_is_that_debit() -> None:
    waiting = KnownDebit(POLICY.id, LINES[1].id, ItemStatus.SUBMITTED, "DEBIT1", D("310.00"), ON)
    standing = _standing()
    standing.debits["DEBIT1"] = waiting
    standing.in_flight[(POLICY.id, D("310.00"), ON)] = ["DEBIT1"]

    first = standing.take(_row(reference="cash"), on=ON)
    own = standing.take(_row(reference="debit-1"), on=ON)
    later = standing.take(_row(reference="cash", day=ON - timedelta(days=1)), on=ON)

    assert (first.verdict, first.shares[0].line_id) == (RowVerdict.MATCHED, LINES[1].id)
    assert first.debit == waiting
    assert own.verdict is RowVerdict.DUPLICATE
    assert (later.verdict, later.debit) == (RowVerdict.MATCHED, None)


@pytest.mark.parametrize(
    ("row", "agreeing", "numbered", "known"),
    [
        (_row(), [], [], None),
        (_row(), [_receipt()], [], True),
        (_row(occurrence=2), [_receipt()], [], False),
        (_row(occurrence=2), [_receipt(), _receipt()], [], True),
        # The bank's own number decides, whatever the text.
        (_row(bank_reference="N1"), [], [_receipt(bank_reference="N1")], True),
        (_row("311.00", bank_reference="N1"), [], [_receipt(bank_reference="N1")], False),
        (_row(bank_reference="N2"), [_receipt(bank_reference="N1", source="CSV")], [], None),
        (_row(bank_reference="N1", occurrence=2), [], [_receipt(bank_reference="N1")], False),
        # Two of one batch have one number; of two payers each has its own money.
        (
            _row(bank_reference="N1"),
            [],
            [_receipt(bank_reference="N1", payer_key="OTHER", is_of_this_file=True)],
            None,
        ),
        # The same movement written in two ways, or typed by hand and then read: a person decides.
        (_row(bank_reference="N2"), [_receipt(bank_reference="N1", source="XLSX")], [], False),
        (_row(bank_reference="N2"), [_receipt()], [], False),
        (_row(), [_receipt(bank_reference="N1", source="XLSX")], [], True),
    ],
)
def test_a_movement_is_known_by_its_number_or_by_all_it_says(
    row: Row,
    agreeing: list[KnownReceipt],
    numbered: list[KnownReceipt],
    known: bool | None,
) -> None:
    found = recognise(row, agreeing, numbered, "CSV")

    assert (found.is_certain if found else None) is known


def _counted(rows: list[Row]) -> list[Row]:
    seen: Counter[tuple[object, ...]] = Counter()
    counted = []
    for line, row in enumerate(rows, 2):
        seen[row.alike] += 1
        counted.append(replace(row, line=line, occurrence=seen[row.alike]))
    return counted


rows = st.lists(
    st.builds(
        _row,
        st.sampled_from(["100.00", "310.00", "620.00"])
        | st.integers(1, 120_000).map(lambda cents: D(cents) / 100),
        st.sampled_from(["A", "B", "a "]),
        st.sampled_from(list(RowOutcome)),
        st.sampled_from([ON, ON - timedelta(days=1)]),
        bank_reference=st.sampled_from([None, None, "N1", "N2"]),
    ),
    max_size=12,
).map(_counted)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rows=rows, tolerance=st.sampled_from([D("0.00"), D("1.00"), D("5.00")]))
def test_whatever_the_rows_nothing_is_settled_beyond_what_is_owed(
    rows: list[Row], tolerance: Decimal
) -> None:
    standing = _standing()
    for row in rows:
        before = {line.id: line.outstanding for line in standing.lines[POLICY.id]}
        decision = standing.take(row, on=ON, tolerance=tolerance)
        if decision.verdict in PAYING:
            settled = total(share.amount for share in decision.shares)
            assert settled + decision.credit == row.amount
            assert all(share.amount <= before[share.line_id] for share in decision.shares)
        else:
            assert (decision.shares, decision.credit) == ((), ZERO)
    for line in standing.lines[POLICY.id]:
        assert ZERO < line.outstanding <= D("310.00")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rows=rows)
def test_in_one_file_every_row_of_money_received_is_received(rows: list[Row]) -> None:
    standing = _standing()
    for row in rows:
        verdict = standing.take(row, on=ON).verdict
        if row.outcome is RowOutcome.PAID:
            assert verdict in RECEIVING, "nothing was in the books before"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rows=rows)
def test_the_same_rows_again_receive_nothing(rows: list[Row]) -> None:
    standing = _standing()
    money = [row for row in rows if row.outcome is RowOutcome.PAID]
    for row in money:
        standing.take(row, on=ON)

    again = {standing.take(row, on=ON).verdict for row in money}

    assert again <= {RowVerdict.DUPLICATE}


@given(
    amounts=st.lists(st.integers(1, 120_000), min_size=1, max_size=6),
    tolerance=st.sampled_from([D("0.00"), D("5.00")]),
)
def test_what_is_all_taken_back_leaves_everything_as_it_was(
    amounts: list[int], tolerance: Decimal
) -> None:
    standing = _standing()
    for number, cents in enumerate(amounts):
        standing.take(_row(D(cents) / 100, f"R{number}"), on=ON, tolerance=tolerance)
    for number, cents in enumerate(amounts):
        back = _row(D(cents) / 100, f"R{number}", RowOutcome.UNPAID)
        assert standing.take(back, on=ON).verdict is RowVerdict.REVERSAL

    assert standing.lines[POLICY.id] == LINES
