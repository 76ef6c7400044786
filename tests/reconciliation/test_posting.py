"""What becomes of the rows of a bank's file."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, text, update
from sqlalchemy.orm import Session

from insurance.billing.queries import (
    arrears_on,
    list_premium_lines,
    list_receipts,
    unapplied_credit,
)
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError
from insurance.core.settings import Settings
from insurance.core.tenancy import tenant_scope
from insurance.jobs import outbox
from insurance.ledger.periods import close_books
from insurance.policies.models import Policy, PolicyStatus
from insurance.policies.queries import list_events
from insurance.policies.services import receive_payment
from insurance.reconciliation.models import FileStatus, ReconciliationFile
from insurance.reconciliation.queries import get_file, list_files, sum_suspense
from insurance.reconciliation.services import commit_file, postings
from tests.factories.book import NOW, TODAY
from tests.factories.organizations import OrganizationFacts
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


@pytest.fixture
def policy(session: Session) -> tuple[UUID, str]:
    """Return a policy of 100.00 a month of which three premiums have fallen due."""
    return make_policies()[0]


def _paid(session: Session, policy_id: UUID) -> list[tuple[str, Decimal]]:
    session.rollback()
    lines = list_premium_lines(session, policy_id)[:4]
    return [(one.status.value, one.paid_amount) for one in lines]


def _balance(session: Session, account: str) -> Decimal:
    session.rollback()
    return session.execute(
        text(
            "SELECT coalesce(sum(CASE WHEN debit_account = :account THEN amount"
            " ELSE -amount END), 0) FROM ins.ledger_transfers"
            " WHERE :account IN (debit_account, credit_account)"
        ),
        {"account": account},
    ).scalar_one()


def _set_status(policy_id: UUID, status: PolicyStatus) -> None:
    with transaction() as session:
        session.execute(update(Policy).where(Policy.id == policy_id).values(status=status))


def test_a_preview_posts_nothing(policy: tuple[UUID, str], session: Session) -> None:
    file = upload(csv_of(row(policy[1])))

    assert (file.status, verdicts(file)) == (FileStatus.PREVIEWED, ["MATCHED"])
    assert file.totals == {"MATCHED": {"rows": 1, "amount": "100.00"}}
    assert (file.money, file.rows_done) == (D("100.00"), 0)
    assert list_receipts(session, policy[0]) == []


def test_the_exact_amount_pays_the_oldest_open_premium(
    policy: tuple[UUID, str], session: Session
) -> None:
    file = commit(csv_of(row(policy[1], due_date="2026-11-20")))

    assert (file.status, verdicts(file)) == (FileStatus.COMMITTED, ["MATCHED"])
    assert details(file) == ["Settles the premium due 2026/09/20."]
    assert _paid(session, policy[0])[:2] == [("PAID", D("100.00")), ("PENDING", D("0.00"))]
    (receipt,) = list_receipts(session, policy[0])
    assert (receipt.reference, receipt.received_on) == ("R1", TODAY)
    assert list_events(session, policy[0], limit=1)[0].event_type == "PREMIUM_RECEIVED"


def test_less_than_the_premium_leaves_the_rest_open(
    policy: tuple[UUID, str], session: Session
) -> None:
    file = commit(csv_of(row(policy[1], "60.00")))

    assert verdicts(file) == ["PARTIAL"]
    assert details(file) == ["R 40,00 of the premium due 2026/09/20 stays open."]
    assert _paid(session, policy[0])[0] == ("PENDING", D("60.00"))


def test_what_is_short_within_the_tolerance_is_written_off(
    policy: tuple[UUID, str], session: Session
) -> None:
    content = csv_of(row(policy[1], "99.00"), row(policy[1], "98.99", "R2"))

    file = commit(content, tolerance=D("1.00"))

    assert verdicts(file) == ["MATCHED", "PARTIAL"]
    assert _paid(session, policy[0])[:2] == [("PAID", D("100.00")), ("PENDING", D("98.99"))]
    assert _balance(session, "PREMIUM_WAIVED") == D("1.00")


def test_more_than_the_premium_pays_the_oldest_and_the_rest_is_credit(
    policy: tuple[UUID, str], session: Session
) -> None:
    file = commit(csv_of(row(policy[1], "200.00"), row(policy[1], "500.00", "R2")))

    assert verdicts(file) == ["OVERPAID", "OVERPAID"]
    assert details(file) == [
        "Settles 2 premiums, the oldest first; R 0,00 becomes credit.",
        "Settles 2 premiums, the oldest first; R 300,00 becomes credit.",
    ]
    assert [one[0] for one in _paid(session, policy[0])] == ["PAID"] * 4
    assert unapplied_credit(session, policy[0]) == D("300.00")


def test_a_payment_that_a_clerk_had_recorded_is_a_duplicate_and_one_of_another_amount_is_not(
    policy: tuple[UUID, str], session: Session
) -> None:
    receive_payment(policy[0], amount=D("60.00"), reference="r-1", paid_on=TODAY, on=TODAY, now=NOW)

    file = commit(csv_of(row(policy[1], "60.00"), row(policy[1])))

    assert verdicts(file) == ["DUPLICATE", "OVERPAID"]
    assert details(file)[0] == "This payment was posted before; nothing is posted again."
    assert len(list_receipts(session, policy[0])) == 2


def test_money_for_an_unknown_policy_is_kept_in_suspense(session: Session) -> None:
    file = commit(csv_of(row("PL-2026-999999", "123.45")))

    assert verdicts(file) == ["SUSPENSE"]
    assert sum_suspense(session) == (1, D("123.45"))
    assert (_balance(session, "BANK"), _balance(session, "SUSPENSE")) == (D("123.45"), D("-123.45"))


def test_another_insurers_policy_is_answered_like_one_that_never_was(
    app: Flask, org: OrganizationFacts, other_org: OrganizationFacts, session: Session
) -> None:
    with tenant_scope(other_org.id):
        numbers = [number for _id, number in make_policies(3)]

    file = commit(csv_of(row(numbers[2], reference="A"), row("PL-2026-999999", reference="B")))

    assert verdicts(file) == ["SUSPENSE", "SUSPENSE"]
    assert len(set(details(file))) == 1
    with tenant_scope(other_org.id):
        assert list_files(db.session(), limit=5).items == []


@pytest.mark.parametrize("status", ["LAPSED", "CANCELLED", "EXPIRED"])
def test_money_for_a_policy_that_gives_no_cover_waits_in_suspense(
    status: str, policy: tuple[UUID, str], session: Session
) -> None:
    file = upload(csv_of(row(policy[1])))
    _set_status(policy[0], PolicyStatus[status])

    # What the preview said is decided anew when it is posted.
    assert verdicts(file) == ["MATCHED"]
    commit_file(file.id, on=TODAY, now=NOW)

    assert verdicts(file) == ["SUSPENSE"]
    assert f"The policy is {status.lower()}; decide whether it is reinstated" in details(file)[0]
    assert list_receipts(session, policy[0]) == []
    _set_status(policy[0], PolicyStatus.ACTIVE)


def test_a_payment_that_comes_back_is_reversed_with_its_reason(
    policy: tuple[UUID, str], session: Session
) -> None:
    commit(csv_of(row(policy[1], "150.00")))

    file = commit(csv_of(row(policy[1], "150.00", status="UNPAID", reason_code="02")))

    assert verdicts(file) == ["REVERSAL"]
    assert details(file) == ["R 150,00 is taken back: unpaid, 02 Not provided for."]
    (receipt,) = list_receipts(session, policy[0])
    assert (receipt.status.value, receipt.reason_code) == ("REVERSED", "02")
    assert _paid(session, policy[0])[:2] == [("OVERDUE", D("0.00")), ("PENDING", D("0.00"))]
    assert arrears_on(session, policy[0], TODAY) == D("300.00")
    assert list_events(session, policy[0], limit=1)[0].event_type == "PAYMENT_REVERSED"
    again = commit(csv_of(row(policy[1], "150.00", status="DISPUTED", reason_code="30")))
    assert verdicts(again) == ["DUPLICATE"]


def test_rows_are_posted_in_their_order_also_where_money_comes_back_in_between(
    policy: tuple[UUID, str], session: Session
) -> None:
    content = csv_of(
        row(policy[1], "100.00", "A"),
        row(policy[1], "100.00", "A", status="UNPAID"),
        row(policy[1], "60.00", "B"),
        row(policy[1], "40.00", "C"),
        row(policy[1], "100.00", "A"),
    )

    file = upload(content)
    foreseen = verdicts(file)
    commit_file(file.id, on=TODAY, now=NOW)

    assert foreseen == ["MATCHED", "REVERSAL", "PARTIAL", "MATCHED", "SUSPENSE"]
    assert verdicts(file) == foreseen
    assert _paid(session, policy[0])[:2] == [("PAID", D("100.00")), ("PENDING", D("0.00"))]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reference": "nobody's"}, "No payment with this reference"),
        ({"amount": "99.00"}, "amount: The payment was of R 100,00."),
    ],
)
def test_what_comes_back_must_have_been_received(
    change: dict[str, str], said: str, policy: tuple[UUID, str], session: Session
) -> None:
    commit(csv_of(row(policy[1])))

    file = commit(csv_of(row(policy[1], status="UNPAID") | change))

    assert verdicts(file) == ["ERROR"]
    assert said in details(file)[0]


def test_a_payment_in_suspense_that_comes_back_is_gone_from_there(session: Session) -> None:
    commit(csv_of(row("PL-2026-999999")))

    file = commit(csv_of(row("PL-2026-999999", status="UNPAID", reason_code="02")))

    assert verdicts(file) == ["REVERSAL"]
    assert sum_suspense(session) == (0, D("0.00"))
    assert (_balance(session, "BANK"), _balance(session, "SUSPENSE")) == (0, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": "-5.00"}, "amount: A payment is more than nothing."),
        ({"amount": "0"}, "amount: A payment is more than nothing."),
        ({"amount": "ten"}, "amount: This is not an amount"),
        ({"amount": "NaN"}, "amount: This is not an amount"),
        ({"amount": "1e9"}, "amount: This is not an amount"),
        ({"amount": "1000000000"}, "amount: This is more than any premium."),
        ({"amount": ""}, "amount: This is missing."),
        ({"amount": "=1+1"}, "amount: This is not an amount"),
        ({"paid_date": "2026-11-21"}, "paid_date: A payment cannot be dated in the future."),
        ({"paid_date": "2026-02-30"}, "paid_date: This is not a date"),
        ({"paid_date": ""}, "paid_date: This is missing."),
        ({"due_date": "31/11/2026"}, "due_date: This is not a date"),
        ({"reference": "", "status": "UNPAID"}, "reference: This is missing."),
        ({"reference": "x" * 201}, "reference: This has more than 200 characters."),
        ({"status": "UNPAID", "reason_code": "000"}, "reason_code: 000 says that it was paid"),
        ({"reference": "a\x00b"}, "reference: This holds characters that cannot be read."),
        ({"policy_number": "P" * 41}, "policy_number: This has more than 40 characters."),
        ({"status": "PERHAPS"}, "status: This is PAID, UNPAID or DISPUTED."),
    ],
)
def test_a_row_that_makes_no_sense_is_named_by_line_and_field_and_spoils_no_other(
    change: dict[str, str], said: str, policy: tuple[UUID, str], session: Session
) -> None:
    good = row(policy[1], reference="GOOD")

    file = commit(csv_of(row(policy[1]) | change, good))

    assert verdicts(file) == ["ERROR", "MATCHED"]
    assert said in details(file)[0]
    assert [one.reference for one in list_receipts(session, policy[0])] == ["GOOD"]
    assert file.rows_done == 2


def test_a_payment_of_a_closed_month_keeps_its_day_and_is_booked_on_the_first_open_one(
    policy: tuple[UUID, str], session: Session
) -> None:
    close_books(date(2026, 10, 31), reason="October is done", on=TODAY, now=NOW)
    early = row(policy[1], paid_date="2026-10-31")
    nobodys = row("PL-2026-999999", reference="R2", paid_date="2026-10-31")

    file = commit(csv_of(early, nobodys))

    assert verdicts(file) == ["MATCHED", "SUSPENSE"]
    assert [one.received_on for one in list_receipts(session, policy[0])] == [date(2026, 10, 31)]
    booked = session.scalars(
        text(
            "SELECT DISTINCT effective_date FROM ins.ledger_transfers WHERE debit_account = 'BANK'"
        )
    ).all()
    assert booked == [date(2026, 11, 1)]


def test_a_formula_in_a_reference_is_kept_as_its_text(
    policy: tuple[UUID, str], session: Session
) -> None:
    commit(csv_of(row(policy[1], reference="=cmd()")))

    assert [one.reference for one in list_receipts(session, policy[0])] == ["=cmd()"]


def test_the_same_file_again_posts_nothing(policy: tuple[UUID, str], session: Session) -> None:
    content = csv_of(row(policy[1]), row("PL-2026-999999", reference="R2"))
    first = commit(content)

    again = commit(content)
    same_rows = commit(content + b"\r\n")

    assert again.id == first.id
    assert verdicts(first) == ["MATCHED", "SUSPENSE"], "the report of the first time stays"
    assert verdicts(same_rows) == ["DUPLICATE", "DUPLICATE"]
    assert len(list_receipts(session, policy[0])) == 1
    assert sum_suspense(session)[0] == 1


def test_a_file_of_one_policy_names_no_other(session: Session) -> None:
    mine, other = make_policies(2)
    content = csv_of(row(mine[1]), row(other[1], reference="R2"), row("", reference="R3"))

    file = commit(content, policy_id=mine[0])

    assert verdicts(file) == ["MATCHED", "ERROR", "MATCHED"]
    assert details(file)[1] == f"policy_number: This file is for policy {mine[1]} alone."
    with pytest.raises(NotFoundError):
        upload(content, policy_id=file.id)


def test_more_than_a_few_rands_is_no_tolerance(session: Session) -> None:
    with pytest.raises(DomainError) as refusal:
        upload(csv_of(row("A")), tolerance=D("5.01"))

    assert refusal.value.field == "tolerance"


def _many(policies: list[tuple[UUID, str]], rows: int) -> bytes:
    each = [row(policies[n % len(policies)][1], "10.00", f"M{n}") for n in range(rows)]
    return csv_of(*each)


def test_a_long_file_is_posted_by_a_job(
    org: OrganizationFacts, policy: tuple[UUID, str], session: Session
) -> None:
    file = commit(_many([policy], 501))

    assert (file.status, file.rows_done) == (FileStatus.COMMITTING, 0)
    _run_waiting_job(org)

    session.rollback()
    done = get_file(session, file.id, lock=True)
    assert (done.status, done.rows_done) == (FileStatus.COMMITTED, 501)
    assert done.committed_by == file.committed_by
    assert len(list_receipts(session, policy[0], limit=1000)) == 501
    session.rollback()


def _run_waiting_job(org: OrganizationFacts) -> None:
    with transaction() as writing:
        writing.execute(text("UPDATE ins.jobs_outbox SET run_after = '2020-01-01'"))
    (job_id,) = outbox.find_waiting()
    outbox.run(str(org.id), str(job_id))


def test_a_chunk_that_cannot_be_posted_leaves_the_file_to_be_gone_on_with(
    policy: tuple[UUID, str], session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postings, "CHUNK", 2)
    file = upload(_many([policy], 5))
    _set_file(file.id, status=FileStatus.COMMITTING)
    postings._post_chunk(file.id, on=TODAY, now=NOW)
    _set_file(file.id, status=FileStatus.FAILED, error="Broke off")

    done = commit_file(file.id, on=TODAY, now=NOW)

    assert (done.status, done.rows_done, done.error) == (FileStatus.COMMITTED, 5, None)
    references = sorted(one.reference for one in list_receipts(session, policy[0]))
    assert references == ["M0", "M1", "M2", "M3", "M4"]


def _set_file(file_id: UUID, **values: object) -> None:
    with transaction() as writing:
        writing.execute(
            update(ReconciliationFile).where(ReconciliationFile.id == file_id).values(**values)
        )


_WORKER = """
import sys, uuid
from datetime import date, datetime, UTC
from insurance.app import create_app
from insurance.core.tenancy import tenant_scope
from insurance.reconciliation.services import post_file, postings
postings.CHUNK = 20
with create_app().app_context(), tenant_scope(uuid.UUID(sys.argv[1])):
    post_file(uuid.UUID(sys.argv[2]), on=date(2026, 11, 20), now=datetime(2026, 11, 20, 8, tzinfo=UTC))
"""


def test_a_worker_killed_in_the_middle_leaves_whole_chunks_and_another_goes_on(
    org: OrganizationFacts,
    session: Session,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policies = make_policies(10)
    rows = 2_000
    file = commit(_many(policies, rows))
    worker = subprocess.Popen(
        [sys.executable, "-c", _WORKER, str(org.id), str(file.id)], env=_environ(settings)
    )
    deadline = time.monotonic() + 300
    while _done(session, file.id) < 100:
        assert time.monotonic() < deadline
        assert worker.poll() is None
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)

    broken_off = _settled_rows(session, file.id)
    assert 100 <= broken_off < rows
    assert (broken_off % 20, _receipts(session)) == (0, broken_off)
    postings.post_file(file.id, on=TODAY, now=NOW)

    assert (_done(session, file.id), _receipts(session)) == (rows, rows)
    assert _balance(session, "BANK") == D("20000.00")


def _environ(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "INSURANCE_MODE": "test",
        "INSURANCE_INSTANCE": str(settings.instance),
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
    }


def _done(session: Session, file_id: UUID) -> int:
    session.rollback()
    return session.execute(
        text("SELECT rows_done FROM ins.reconciliation_files WHERE id = :id"), {"id": file_id}
    ).scalar_one()


def _settled_rows(session: Session, file_id: UUID) -> int:
    """Return the rows done once the killed worker's last transaction is surely over."""
    before = -1
    while (now := _done(session, file_id)) != before:
        before = now
        time.sleep(0.3)
    return now


def _receipts(session: Session) -> int:
    session.rollback()
    return session.execute(text("SELECT count(*) FROM ins.receipts")).scalar_one()


def test_many_rows_take_as_many_statements_as_a_few(session: Session) -> None:
    policies = make_policies(20)
    counts = []
    for rows, start in ((10, 0), (200, 1000)):
        each = [row(policies[n % 20][1], "1.00", f"S{start + n}") for n in range(rows)]
        statements: list[str] = []

        def note(_conn, _cursor, statement, *_rest, seen=statements) -> None:  # type: ignore[no-untyped-def]
            seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        commit(csv_of(*each))
        event.remove(db.engine, "before_cursor_execute", note)
        counts.append(len(statements))

    assert counts[0] == counts[1]


def test_a_file_that_is_being_posted_says_for_whom_and_how_far(
    app: Flask, org: OrganizationFacts, policy: tuple[UUID, str], session: Session
) -> None:
    content = _many([policy], 3)
    file = upload(content)
    _set_file(file.id, status=FileStatus.COMMITTING, committed_by="thabo@a.example", rows_done=2)

    with pytest.raises(ConflictError, match="for thabo@a.example: 2 of 3 rows") as resent:
        upload(content)
    assert resent.value.detail["rows_done"] == 2

    # While a chunk is posted the file is held: nobody waits for it.
    with transaction() as chunk:
        get_file(chunk, file.id, lock=True)
        with ThreadPoolExecutor(1) as clerks:
            refused = clerks.submit(_refusal_of_commit, app, org.id, file.id).result()
    assert "2 of 3 rows" in refused


def _refusal_of_commit(app: Flask, org_id: UUID, file_id: UUID) -> str:
    with app.app_context(), tenant_scope(org_id):
        try:
            commit_file(file_id, on=TODAY, now=NOW)
        except ConflictError as refusal:
            return refusal.message
        return "posted"


_UPLOADER = """
import os, signal, sys, uuid
from datetime import date, datetime, UTC
from insurance.app import create_app
from insurance.core.tenancy import tenant_scope
from insurance.reconciliation.services import post_uploaded, postings, preview_upload
postings._post_chunk = lambda *_args, **_more: os.kill(os.getpid(), signal.SIGKILL)
on, now = date(2026, 11, 20), datetime(2026, 11, 20, 8, tzinfo=UTC)
with create_app().app_context(), tenant_scope(uuid.UUID(sys.argv[1])):
    content = sys.stdin.buffer.read()
    post_uploaded(preview_upload(content, "bank.csv", on=on, now=now, commit=True), on=on, now=now)
"""


def test_an_upload_that_is_killed_before_its_first_chunk_is_posted_by_a_job(
    org: OrganizationFacts,
    policy: tuple[UUID, str],
    session: Session,
    settings: Settings,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _UPLOADER, str(org.id)],
        input=_many([policy], 3),
        env=_environ(settings),
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    (file,) = list_files(session, limit=5).items
    assert (file.status, file.rows_done) == (FileStatus.COMMITTING, 0)
    session.rollback()

    _run_waiting_job(org)

    session.expire_all()
    assert (file.status, file.rows_done, _receipts(session)) == (FileStatus.COMMITTED, 3, 3)
