"""Verdicts: whatever a file holds, money neither appears nor is lost."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.billing.rules import OpenLine
from insurance.core.money import ZERO, total
from insurance.debit_orders.rules import ItemStatus
from insurance.reconciliation.rules import (
    PAYING,
    KnownDebit,
    KnownPolicy,
    KnownReceipt,
    Outcome,
    Row,
    Standing,
    Verdict,
    decide,
)

D = Decimal
ON = date(2026, 11, 20)
POLICY = KnownPolicy(UUID(int=1), "PL-1", "active")
LINES = [
    OpenLine(UUID(int=number), ON - timedelta(days=30 * (3 - number)), D("310.00"))
    for number in (1, 2, 3)
]


def _row(
    amount: str | Decimal = "310.00", reference: str = "R", outcome: Outcome = Outcome.PAID
) -> Row:
    return Row(2, "PL-1", None, ON, D(amount), reference, outcome, None)


def _standing() -> Standing:
    return Standing(policies={"PL-1": POLICY}, lines={POLICY.id: list(LINES)})


@pytest.mark.parametrize(
    ("amount", "verdict", "settled", "credit"),
    [
        ("310.00", Verdict.MATCHED, 1, "0.00"),
        ("260.00", Verdict.PARTIAL, 1, "0.00"),
        ("309.00", Verdict.MATCHED, 1, "0.00"),
        ("308.99", Verdict.PARTIAL, 1, "0.00"),
        ("620.00", Verdict.OVERPAID, 2, "0.00"),
        ("1000.00", Verdict.OVERPAID, 3, "70.00"),
    ],
)
def test_an_amount_settles_the_oldest_first(
    amount: str, verdict: Verdict, settled: int, credit: str
) -> None:
    decision = decide(_row(amount), POLICY, LINES, None, on=ON, tolerance=D("1.00"))

    assert (decision.verdict, decision.credit) == (verdict, D(credit))
    assert [share.line_id for share in decision.shares] == [one.id for one in LINES[:settled]]


def test_where_nothing_is_owed_all_of_it_is_credit() -> None:
    decision = decide(_row(), POLICY, [], None, on=ON)

    assert (decision.verdict, decision.shares, decision.credit) == (
        Verdict.OVERPAID,
        (),
        D("310.00"),
    )


@pytest.mark.parametrize(
    ("status", "outcome", "verdict"),
    [
        (ItemStatus.SUBMITTED, Outcome.PAID, Verdict.MATCHED),
        (ItemStatus.SUBMITTED, Outcome.UNPAID, Verdict.REVERSAL),
        (ItemStatus.UNPAID, Outcome.PAID, Verdict.SUSPENSE),
        (ItemStatus.UNPAID, Outcome.UNPAID, Verdict.DUPLICATE),
        (ItemStatus.PAID, Outcome.PAID, Verdict.DUPLICATE),
        (ItemStatus.INCLUDED, Outcome.PAID, Verdict.SUSPENSE),
        (ItemStatus.INCLUDED, Outcome.UNPAID, Verdict.ERROR),
    ],
)
def test_a_debit_settles_its_own_premium_and_is_answered_once(
    status: ItemStatus, outcome: Outcome, verdict: Verdict
) -> None:
    debit = KnownDebit(POLICY.id, LINES[1].id, status)

    decision = decide(_row(outcome=outcome), POLICY, LINES, None, debit, on=ON)

    assert decision.verdict is verdict
    if verdict is Verdict.MATCHED:
        assert [share.line_id for share in decision.shares] == [LINES[1].id]
    assert not decision.is_reversing


def test_a_debit_of_another_policy_is_not_taken_for_this_one() -> None:
    debit = KnownDebit(UUID(int=9), LINES[1].id, ItemStatus.SUBMITTED)

    assert decide(_row(), POLICY, LINES, None, debit, on=ON).verdict is Verdict.SUSPENSE


@pytest.mark.parametrize(
    ("receipt", "verdict"),
    [
        (KnownReceipt(POLICY.id, D("310.00")), Verdict.REVERSAL),
        (KnownReceipt(None, D("310.00"), "SUSPENSE"), Verdict.REVERSAL),
        (KnownReceipt(POLICY.id, D("310.00"), "REVERSED"), Verdict.DUPLICATE),
        (KnownReceipt(UUID(int=9), D("310.00")), Verdict.ERROR),
        (KnownReceipt(POLICY.id, D("300.00")), Verdict.ERROR),
        (KnownReceipt(POLICY.id, D("310.00"), is_money=False), Verdict.ERROR),
        (KnownReceipt(POLICY.id, D("310.00"), is_refunded=True), Verdict.ERROR),
        (None, Verdict.ERROR),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.UNPAID, Outcome.DISPUTED])
def test_only_a_payment_that_was_received_and_is_still_there_is_taken_back(
    receipt: KnownReceipt | None, verdict: Verdict, outcome: Outcome
) -> None:
    assert decide(_row(outcome=outcome), POLICY, LINES, receipt, on=ON).verdict is verdict


rows = st.lists(
    st.builds(
        _row,
        st.integers(1, 120_000).map(lambda cents: D(cents) / 100),
        st.sampled_from(["A", "B", "C", "D"]),
        st.sampled_from(list(Outcome)),
    ),
    max_size=12,
)


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


@given(rows=rows)
def test_each_reference_is_posted_at_most_once(rows: list[Row]) -> None:
    standing = _standing()
    posted = [
        row.reference
        for row in rows
        if standing.take(row, on=ON).verdict in PAYING | {Verdict.SUSPENSE}
    ]

    assert len(set(posted)) == len(posted)


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
        back = _row(D(cents) / 100, f"R{number}", Outcome.UNPAID)
        assert standing.take(back, on=ON).verdict is Verdict.REVERSAL

    assert standing.lines[POLICY.id] == LINES
