"""Bank files and suspense on screen, as a bookkeeper uses them."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from openpyxl import load_workbook
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.billing.queries import list_receipts
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.permissions import Role
from insurance.reconciliation.queries import list_suspense, sum_suspense
from insurance.reconciliation.services import post_file
from tests.factories.book import NOW, TODAY
from tests.factories.identity import SignedInClient
from tests.factories.reconciliation import commit, csv_of, make_policies, row, upload, verdicts

SignIn = Callable[..., SignedInClient]
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    """Hold the clock in November 2026."""
    with clock.frozen(NOW):
        yield


@pytest.fixture
def policy(session: Session) -> tuple[UUID, str]:
    """Return a policy of 100.00 a month of which three premiums have fallen due."""
    return make_policies()[0]


def _send(client: SignedInClient, content: bytes, **form: str) -> Any:
    file = (io.BytesIO(content), r"C:\\banks\\november.csv")
    return client.post(client.url("/reconciliation/upload"), data={"file": file} | form)


def _words(html: str) -> str:
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.replace("\u00a0", " ")))
    return plain.replace(" .", ".").replace(" ,", ",")


def test_a_clerk_uploads_looks_and_posts(
    sign_in: SignIn, policy: tuple[UUID, str], session: Session
) -> None:
    client = sign_in(Role.FINANCE)
    content = csv_of(
        row(policy[1], "150.00"), row("PL-2026-999999", "9.00", "R2"), row(policy[1], "x")
    )

    sent = _send(client, content)
    shown = client.get(sent.location)

    assert sent.status_code == 303
    words = _words(shown.text)
    assert "november.csv" in words
    assert "Nothing has been posted yet." in words
    assert "R 159,00 is posted as received, of which R 9,00 waits in suspense." in words
    assert "Not posted: 0 duplicates and 1 errors." in words
    errors = _words(client.get(f"{sent.location}?verdict=ERROR").text)
    assert "amount: This is not an amount" in errors
    assert "There is no policy with this number." not in errors

    posted = client.post(f"{sent.location}/commit")

    assert posted.status_code == 303
    assert "All 3 rows were gone through" in _words(client.get(sent.location).text)
    assert list_receipts(session, policy[0])[0].amount == Decimal("150.00")
    listed = _words(client.get(client.url("/reconciliation")).text)
    assert "november.csv Committed" in listed
    assert "1 payment waits for a policy, R 9,00 in all." in listed


def test_the_same_file_again_leads_to_its_report(sign_in: SignIn, policy: tuple[UUID, str]) -> None:
    content = csv_of(row(policy[1]))
    file = commit(content)
    client = sign_in()

    sent = _send(client, content)

    assert sent.location.endswith(str(file.id))
    shown = _words(client.get(sent.location).text)
    assert "This file was posted before; nothing is posted again." in shown
    assert "Post file" not in shown


@pytest.mark.parametrize(
    ("content", "form", "words"),
    [
        (b"", {}, "The file is empty."),
        (b"\x89PNG\x00\n", {}, "This is no file of a bank that we can read"),
        (b"a", {"policy_number": "PL-2026-000777"}, "There is no policy with this number."),
        (b"a", {"tolerance": "6"}, "At most 5.00 rand is written off."),
    ],
)
def test_what_cannot_be_read_is_refused_beside_its_field(
    content: bytes, form: dict[str, str], words: str, sign_in: SignIn
) -> None:
    answer = _send(sign_in(), content, **form)

    assert answer.status_code == 422
    assert words in _words(answer.text)


def test_a_file_of_more_than_ten_megabytes_is_taken(
    sign_in: SignIn, policy: tuple[UUID, str]
) -> None:
    content = csv_of(row(policy[1])) + b"\n" * (11 * 1024 * 1024)

    assert _send(sign_in(), content).status_code == 303


def test_the_progress_is_asked_for_until_there_is_none_to_come(
    sign_in: SignIn, policy: tuple[UUID, str], session: Session
) -> None:
    file = upload(csv_of(*(row(policy[1], reference=f"R{n}") for n in range(4))))
    with transaction() as writing:
        writing.execute(
            text("UPDATE ins.reconciliation_files SET status = 'COMMITTING', rows_done = 3")
        )
    client = sign_in()
    path = client.url(f"/reconciliation/{file.id}/progress")

    first = client.get(path, headers=PART)
    again = client.get(path, headers=PART | {"HX-PTag": first.headers["HX-PTag"]})
    whole = client.get(client.url(f"/reconciliation/{file.id}")).text
    with transaction() as writing:
        writing.execute(
            text("UPDATE ins.reconciliation_files SET rows_done = 0"),
        )
    post_file(file.id, on=TODAY, now=NOW)
    last = client.get(path, headers=PART | {"HX-PTag": first.headers["HX-PTag"]})

    assert "3 of 4 rows are posted." in _words(first.text)
    assert 'hx-trigger="every 500ms"' in first.text
    assert f'hx-ptag="{first.headers["HX-PTag"]}"' in whole, "after a reload it goes on"
    assert (again.status_code, again.data) == (304, b"")
    assert "hx-trigger" not in last.text
    assert "All 4 rows were gone through" in _words(last.text)


def test_the_report_is_taken_as_a_file_in_which_no_formula_runs(
    sign_in: SignIn, policy: tuple[UUID, str]
) -> None:
    file = commit(csv_of(row(policy[1], reference="=cmd()"), row("@x", "-5", "R2")))
    client = sign_in()
    path = client.url(f"/reconciliation/{file.id}/export")

    taken = client.post(path, data={"kind": "csv"})
    sheet = load_workbook(io.BytesIO(client.post(path, data={"kind": "xlsx"}).data)).active

    rows = list(csv.reader(io.StringIO(taken.text.removeprefix("\ufeff"))))
    assert rows[0][:2] == ["Line", "Verdict"]
    assert rows[1][:2] + rows[1][6:8] == ["2", "MATCHED", "100.00", "'=cmd()"]
    assert rows[2][:2] + rows[2][3:4] == ["3", "ERROR", "'@X"] or rows[2][3] == "'@x"
    assert [cell.value for cell in sheet[2]][6:8] == [100, "'=cmd()"]
    assert all(cell.data_type != "f" for line in sheet.iter_rows() for cell in line)


def test_the_report_is_corrected_and_uploaded_again_and_posts_only_what_was_mended(
    sign_in: SignIn, policy: tuple[UUID, str], session: Session
) -> None:
    file = commit(
        csv_of(row(policy[1], reference="OK"), row("PL-9", "7.00"), row(policy[1], "x", "R2"))
    )
    client = sign_in(Role.FINANCE)

    taken = client.post(client.url(f"/reconciliation/{file.id}/export"), data={"kind": "csv"})
    again = upload(taken.data.replace(b",x,R2,", b",100.00,R2,"))

    assert verdicts(again) == ["MATCHED"]
    assert again.reading["notes"] == [
        "Passed over: 2 rows of this report that were posted or ignored before."
    ]


def test_a_payment_without_a_policy_is_given_to_the_one_that_is_suggested(
    sign_in: SignIn, policy: tuple[UUID, str], session: Session
) -> None:
    misspelt = policy[1][:-2] + policy[1][-1] + policy[1][-2]
    commit(csv_of(row(misspelt, "350.00", "EFT 7")))
    client = sign_in(Role.FINANCE)

    listed = client.get(client.url("/reconciliation/suspense"))
    (address,) = re.findall(r'href="([^"]+policy_id=[^"]+)"', listed.text)
    offered = _words(client.get(address).text)
    given = client.post(address, data={"policy_id": str(policy[0])})

    assert f"{policy[1]} Palesa Dlamini Number close to the one given" in _words(listed.text)
    assert "R 100,00 of the premium due 2026/09/20" in offered
    assert "R 50,00 becomes credit." in offered
    assert given.status_code == 303
    after = _words(client.get(given.location).text)
    assert f"EFT 7 was given to {policy[1]}." in after
    assert "Nothing waits for a policy" in after
    assert [one.amount for one in list_receipts(session, policy[0])] == [Decimal("350.00")]


def test_a_payment_finds_its_policy_by_the_holders_name(
    sign_in: SignIn, policy: tuple[UUID, str], session: Session
) -> None:
    commit(csv_of(row("UNKNOWN", "100.00", "Dlamini premium")))
    (waiting,) = list_suspense(session, limit=5).items
    session.rollback()
    client = sign_in()
    path = client.url(f"/reconciliation/suspense/{waiting.id}/match")

    suggested = _words(client.get(path).text)
    searched = _words(client.get(f"{path}?q=dlamini").text)

    assert f"{policy[1]} Palesa Dlamini Active Name in the reference; premium" in suggested
    assert searched.count(policy[1]) == 2


def test_money_goes_back_with_a_reason(sign_in: SignIn, session: Session) -> None:
    commit(csv_of(row("UNKNOWN")))
    (waiting,) = list_suspense(session, limit=5).items
    session.rollback()
    client = sign_in()
    path = client.url(f"/reconciliation/suspense/{waiting.id}/return")

    refused = client.post(path, data={"reason": " "})
    done = client.post(path, data={"reason": "Meant for another insurer"})

    assert (refused.status_code, done.status_code) == (422, 303)
    assert sum_suspense(session) == (0, Decimal("0.00"))
    session.rollback()
    assert client.get(path).status_code == 404


def test_who_may_only_look_sees_no_way_to_post(sign_in: SignIn, policy: tuple[UUID, str]) -> None:
    file = upload(csv_of(row(policy[1])))
    client = sign_in(Role.AGENT)
    page = client.get(client.url(f"/reconciliation/{file.id}"))

    assert "Post file" not in page.text
    assert client.post(client.url(f"/reconciliation/{file.id}/commit")).status_code == 403
    assert client.get(client.url("/reconciliation/upload")).status_code == 403
