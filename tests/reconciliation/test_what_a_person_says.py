"""A person says of money that looks like money before what it is: other money, or the same."""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.billing.queries import arrears_on, list_receipts
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import ConflictError, DomainError, NotFoundError
from insurance.core.ids import new_id
from insurance.core.permissions import Role
from insurance.reconciliation.models import ReconciliationFile
from insurance.reconciliation.queries import (
    get_bank_money,
    get_file,
    get_file_money,
    list_repeated,
    list_suspense,
    sum_suspense,
)
from insurance.reconciliation.services import drop_repeated, post_other_money
from tests.factories.book import NOW, TODAY
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.reconciliation import (
    commit,
    csv_of,
    details,
    make_policies,
    row,
    upload,
    verdicts,
)

D = Decimal


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    """Hold the clock in November 2026."""
    with clock.frozen(NOW):
        yield


@pytest.fixture
def policy(session: Session) -> tuple[UUID, str]:
    """Return a policy of 100.00 a month of which three premiums have fallen due."""
    return make_policies()[0]


def _money(file: ReconciliationFile) -> tuple[Decimal, ...]:
    """Return received, posted, suspense and duplicates of a file."""
    session = db.session()
    session.rollback()
    money = get_file_money(session, file.id)
    return money.received, money.posted, money.suspense, money.duplicates


def _repeated_row(number: str) -> ReconciliationFile:
    """Return a file with a row that a file before it had."""
    commit(csv_of(row(number)))
    return commit(csv_of(row(number), row(number, "5.00", "R2")))


def _doubt(number: str) -> tuple[ReconciliationFile, UUID]:
    """Return a file that has one row twice, and the receipt of the second, which waits."""
    file = commit(csv_of(row(number), row(number)))
    (waiting,) = list_suspense(db.session(), limit=5).items
    db.session().rollback()
    return file, waiting.id


def test_a_duplicate_that_is_other_money_is_posted_on_its_own_day(
    policy: tuple[UUID, str], session: Session
) -> None:
    file = _repeated_row(policy[1])
    assert _money(file) == (105, 5, 0, 100)
    session.rollback()

    post_other_money(file.id, 2, reason="The statement shows both", on=TODAY, now=NOW)

    assert verdicts(file) == ["OVERPAID", "PARTIAL"]
    assert "said that it is other money" in details(file)[0]
    assert _money(file) == (105, 105, 0, 0)
    assert get_file(session, file.id).totals["OVERPAID"] == {"rows": 1, "amount": "100.00"}
    assert arrears_on(session, policy[0], TODAY) == D("95.00")
    receipts = list_receipts(session, policy[0])
    assert sorted(one.amount for one in receipts) == [5, 100, 100]
    assert {one.received_on for one in receipts} == {date(2026, 11, 20)}
    reasons = session.scalars(
        select(AuditEvent.reason).where(AuditEvent.action == "reconciliation.post_other_money")
    ).all()
    assert reasons == ["The statement shows both"]


def test_what_was_said_is_remembered_when_the_rows_come_again(
    policy: tuple[UUID, str], session: Session
) -> None:
    file = _repeated_row(policy[1])
    post_other_money(file.id, 2, reason="Both came", on=TODAY, now=NOW)

    again = commit(csv_of(row(policy[1]), row(policy[1])))

    assert verdicts(again) == ["DUPLICATE", "DUPLICATE"]
    with pytest.raises(ConflictError, match="taken for a payment before"):
        post_other_money(file.id, 2, reason="Both came", on=TODAY, now=NOW)


def test_only_money_that_was_passed_over_can_be_other_money(
    policy: tuple[UUID, str], session: Session
) -> None:
    file = _repeated_row(policy[1])
    previewed = upload(csv_of(row(policy[1]), row(policy[1], "7.00", "R3")))

    with pytest.raises(DomainError) as refused:
        post_other_money(file.id, 2, reason=" ", on=TODAY, now=NOW)
    assert refused.value.field == "reason"
    with pytest.raises(ConflictError, match="taken for a payment before"):
        post_other_money(file.id, 3, reason="Both came", on=TODAY, now=NOW)
    with pytest.raises(ConflictError, match="Post the file first"):
        post_other_money(previewed.id, 2, reason="Both came", on=TODAY, now=NOW)
    for line in (99, 2**40):
        with pytest.raises(NotFoundError):
            post_other_money(file.id, line, reason="Both came", on=TODAY, now=NOW)


def test_a_doubt_that_is_the_same_payment_leaves_the_books(
    policy: tuple[UUID, str], session: Session
) -> None:
    file, receipt_id = _doubt(policy[1])
    assert _money(file) == (200, 100, 100, 0)
    (earlier,) = list_repeated(session, [receipt_id])[receipt_id]
    session.rollback()
    assert (earlier.policy_number, earlier.amount) == (policy[1], D("100.00"))

    drop_repeated(receipt_id, earlier.id, reason="Printed twice", on=TODAY, now=NOW)

    assert verdicts(file) == ["MATCHED", "DUPLICATE"]
    assert "said that it is the same payment" in details(file)[1]
    assert _money(file) == (200, 100, 0, 100)
    assert get_file(session, file.id).rows_of("DUPLICATE") == 1
    assert sum_suspense(session) == (0, D("0.00"))
    money = get_bank_money(session)
    assert (money.received, money.posted, money.gone_back) == (100, 100, 0)
    session.rollback()
    # What was said of it may have been wrong.
    post_other_money(file.id, 3, reason="It came twice after all", on=TODAY, now=NOW)
    assert _money(file) == (200, 200, 0, 0)


def test_money_is_the_same_only_as_a_payment_that_it_agrees_with(
    policy: tuple[UUID, str], session: Session
) -> None:
    _file, receipt_id = _doubt(policy[1])
    (earlier,) = list_repeated(session, [receipt_id])[receipt_id]
    commit(csv_of(row(policy[1], "60.00", "R9")))
    other = next(one.id for one in list_receipts(session, policy[0]) if one.amount == D("60.00"))
    session.rollback()

    for wrong in (other, receipt_id, new_id()):
        with pytest.raises(ConflictError, match="does not agree"):
            drop_repeated(receipt_id, wrong, reason="Same", on=TODAY, now=NOW)
    with pytest.raises(DomainError) as refused:
        drop_repeated(receipt_id, earlier.id, reason=" ", on=TODAY, now=NOW)
    assert refused.value.field == "reason"
    drop_repeated(receipt_id, earlier.id, reason="Same", on=TODAY, now=NOW)
    with pytest.raises(ConflictError, match="does not wait"):
        drop_repeated(receipt_id, earlier.id, reason="Same", on=TODAY, now=NOW)


def test_both_are_said_on_screen(
    sign_in: Callable[..., SignedInClient], policy: tuple[UUID, str], session: Session
) -> None:
    file, receipt_id = _doubt(policy[1])
    (earlier,) = list_repeated(session, [receipt_id])[receipt_id]
    session.rollback()
    clerk, reader = sign_in(Role.FINANCE), sign_in(Role.AUDITOR)
    listed = clerk.get(clerk.url("/reconciliation/suspense")).text
    same = f"/reconciliation/suspense/{receipt_id}/same-payment"
    asked = clerk.get(clerk.url(same)).text
    empty = clerk.post(clerk.url(same), data={"receipt_id": str(earlier.id), "reason": ""})
    wrong = clerk.post(clerk.url(same), data={"receipt_id": str(new_id()), "reason": "Same"})
    said = clerk.post(clerk.url(same), data={"receipt_id": str(earlier.id), "reason": "Same"})

    assert same in listed
    assert f'<option selected value="{earlier.id}">2026/11/20' in asked
    assert (empty.status_code, wrong.status_code, said.status_code) == (422, 422, 303)

    other = f"/reconciliation/{file.id}/rows/3/other-money"
    shown = clerk.get(clerk.url(f"/reconciliation/{file.id}")).text
    hidden = reader.get(reader.url(f"/reconciliation/{file.id}")).text
    form = clerk.get(clerk.url(other))
    unsaid = clerk.post(clerk.url(other), data={"reason": ""})
    posted = clerk.post(clerk.url(other), data={"reason": "Both came"})
    twice = clerk.post(clerk.url(other), data={"reason": "Both came"})

    assert (other in shown, other in hidden) == (True, False)
    assert (form.status_code, unsaid.status_code) == (200, 422)
    assert (posted.status_code, twice.status_code) == (303, 409)
    assert verdicts(file) == ["MATCHED", "MATCHED"]


def test_both_are_said_over_the_api(
    api: Callable[..., TestClient], policy: tuple[UUID, str], session: Session
) -> None:
    file, receipt_id = _doubt(policy[1])
    client, reader = api(Role.FINANCE), api(Role.AUDITOR)
    (waiting,) = client.get("/api/v1/suspense").json
    same = f"/api/v1/suspense/{receipt_id}/same-payment"
    body = {"receipt_id": waiting["may_repeat"][0]["id"], "reason": "Printed twice"}
    refused = client.post(same, json=body | {"receipt_id": str(receipt_id)})
    dropped = client.post(same, json=body)

    assert (reader.post(same, json=body).status_code, refused.status_code) == (403, 409)
    assert (dropped.status_code, dropped.json["status"]) == (200, "REVERSED")

    other = f"/api/v1/premium-reconciliation/files/{file.id}/rows/3/other-money"
    posted = client.post(other, json={"reason": "Both came"})
    assert (posted.status_code, posted.json["verdict"]) == (200, "MATCHED")
    assert client.post(other, json={"reason": "Both came"}).status_code == 409
    assert client.post(other.replace("/3/", "/77/"), json={"reason": "A"}).status_code == 404
    assert client.post(other, json={"reason": ""}).status_code == 422
