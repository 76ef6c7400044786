"""Notices of non-payment and bank accounts over the API, with their proof and their permissions."""

import io
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.permissions import Role
from insurance.notifications.models import Mail
from tests.factories.identity import TestClient
from tests.factories.lapses import DUE, Owing, make_owing, make_rule, noon

Api = Callable[..., TestClient]
LATE = DUE + timedelta(days=20)


@pytest.fixture
def owing(session: Session) -> Owing:
    """Return a policy that owes its first premium, of a product whose rule asks for a notice."""
    found = make_owing()
    make_rule(found.product_id, on=date(2026, 1, 1))
    session.rollback()
    return found


@pytest.fixture(autouse=True)
def twenty_days_late() -> Iterator[None]:
    """Let it be the twentieth day after the due date."""
    with clock.frozen(noon(LATE)):
        yield


def test_a_registered_letter_is_recorded_on_its_true_day_and_grace_runs_from_it(
    owing: Owing, api: Api
) -> None:
    clerk = api(Role.MANAGER)
    path = f"/api/v1/policies/{owing.policy_id}/premium-notices"
    before = clerk.get(f"/api/v1/policies/{owing.policy_id}/lapse-forecast").json

    made = clerk.post(
        path,
        json={
            "recipient": "12 Kloof Street",
            "sent_on": (DUE + timedelta(days=18)).isoformat(),
            "registered_number": "RC 123 456 789 ZA",
        },
    )

    assert made.status_code == 201, made.json
    assert [one["sent_on"] for one in clerk.get(path).json] == [
        (DUE + timedelta(days=18)).isoformat()
    ]
    after = clerk.get(f"/api/v1/policies/{owing.policy_id}/lapse-forecast").json
    assert after["lapse_date"] > before["lapse_date"]


def test_a_letter_without_evidence_or_sent_after_today_is_no_notice(owing: Owing, api: Api) -> None:
    path = f"/api/v1/policies/{owing.policy_id}/premium-notices"
    letter = {"recipient": "12 Kloof Street", "sent_on": DUE.replace(day=DUE.day + 1).isoformat()}

    for wrong in (
        letter,
        letter | {"registered_number": " "},
        letter
        | {
            "registered_number": "RC1",
            "sent_on": (LATE + timedelta(days=1)).isoformat(),
        },
    ):
        assert api(Role.MANAGER).post(path, json=wrong).status_code == 422
    assert api(Role.MANAGER).get(path).json == []


def test_the_slip_of_a_letter_is_evidence_and_a_program_is_none(owing: Owing, api: Api) -> None:
    path = f"/api/v1/policies/{owing.policy_id}/premium-notices/letter"
    sent_on = (DUE + timedelta(days=5)).isoformat()

    def send(content: bytes, name: str) -> int:
        fields = {
            "recipient": "12 Kloof Street",
            "sent_on": sent_on,
            "file": (io.BytesIO(content), name),
        }
        return api(Role.MANAGER).post(path, data=fields).status_code

    assert send(b"MZ\x90\x00", "slip.pdf") == 422
    assert send(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj <<>> endobj\n%%EOF\n", "slip.pdf") == 201


def test_a_notice_that_was_never_sent_is_sent_late(
    owing: Owing, api: Api, session: Session
) -> None:
    path = f"/api/v1/policies/{owing.policy_id}/premium-notices/send"

    sent = api(Role.MANAGER).post(path, json={})

    assert sent.status_code == 201, sent.json
    session.rollback()
    assert "premium" in session.scalars(select(Mail.body).order_by(Mail.id.desc())).first()


def test_only_those_who_may_hold_a_lapse_record_and_send_notices(owing: Owing, api: Api) -> None:
    path = f"/api/v1/policies/{owing.policy_id}/premium-notices"

    assert api(Role.AGENT).post(f"{path}/send", json={}).status_code == 403
    assert api(Role.AUDITOR).get(path).status_code == 200


def test_a_bank_account_is_added_and_its_number_is_not_read_back(owing: Owing, api: Api) -> None:
    path = f"/api/v1/customers/{owing.customer_id}/bank-accounts"
    account = {
        "holder": "P Dlamini",
        "bank": "FNB",
        "branch_code": "250655",
        "account_type": "CURRENT",
        "account_number": "62001234567",
    }

    made = api(Role.AGENT).post(path, json=account)

    assert made.status_code == 201, made.json
    assert "62001234567" not in made.text
    assert len(api(Role.AUDITOR).get(path).json) == 1
    for wrong in ("123", "000000000", "8001015009087"):
        refused = api(Role.AGENT).post(path, json=account | {"account_number": wrong})
        assert refused.status_code == 422, wrong
    assert api(Role.AUDITOR).post(path, json=account).status_code == 403
