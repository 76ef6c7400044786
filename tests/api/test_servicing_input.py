"""Servicing a policy with odd values in every field: a clear answer, never a 500, books in balance."""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from pydantic import BaseModel
from sqlalchemy import Connection, text

from insurance.api.edge import ENDPOINTS, Endpoint
from insurance.billing.queries import list_premium_lines
from insurance.core.db import db
from insurance.core.tenancy import tenant_scope
from insurance.policies.queries import list_benefits, list_members
from insurance.policies.replay import find_differences
from insurance.policies.services import receive_payment
from tests.factories.book import NOW, TODAY, make_book, make_endorsement
from tests.factories.debit_orders import make_debit_orders
from tests.factories.identity import TestClient
from tests.factories.lapses import make_lapses
from tests.factories.lifecycle import make_approval
from tests.factories.organizations import OrganizationFacts
from tests.factories.reconciliation import make_reconciliation

ANY = "00000000-0000-7000-8000-00000000dead"
ODD: tuple[Any, ...] = (
    None,
    -1,
    10**12,
    10**30,
    "9999999999999.99",
    "NaN",
    "",
    "x" * 10_000,
    "\u202e\U0001f4a5",
    "0001-01-01",
    "1900-01-01",
    "2200-12-31",
    "9999-12-31",
    ANY,
    {"x": [1]},
)
ODD_TEXT = ("", "x" * 3_000, "\x00", "\ud83d\udca5", "-1", "NaN", "1e9", "9999-12-31", "0001-01-01")
TABLES = {
    "policy_id": "ins.policies",
    "endorsement_id": "ins.endorsements",
    "product_id": "ins.products",
    "lapse_rule_id": "ins.lapse_rules",
    "hold_id": "ins.lapse_holds",
    "mandate_id": "ins.debit_order_mandates",
    "run_id": "ins.debit_order_runs",
    "holiday_id": "ins.tenant_holidays",
    "approval_id": "ins.approval_requests",
    "file_id": "ins.reconciliation_files",
    "receipt_id": "ins.receipts",
}


@pytest.fixture
def ids(app: Flask, org: OrganizationFacts, admin_connection: Connection) -> dict[str, str]:
    """Return one of everything that servicing knows, by the name it has in a path."""
    with app.app_context(), tenant_scope(org.id):
        book = make_book()
        received = {"reference": "R", "paid_on": TODAY, "on": TODAY, "now": NOW}
        make_lapses(book.product_id, book.policy_id)
        make_debit_orders(book.policy_id, book.customer_id)
        make_reconciliation(book.policy_id)
        make_approval(book.policy_id)
        make_endorsement(book.policy_id)
        receive_payment(book.policy_id, amount=Decimal(150), **received)
        session = db.session()
        found = {
            name: str(
                admin_connection.scalar(
                    text(f"SELECT id FROM {table} WHERE org_id = :org LIMIT 1"), {"org": org.id}
                )
            )
            for name, table in TABLES.items()
        }
        found["policy_id"] = str(book.policy_id)
        found["line_id"] = str(list_premium_lines(session, book.policy_id)[1].id)
        found["policy_member_id"] = str(list_members(session, book.policy_id)[0].id)
        found["policy_benefit_id"] = str(list_benefits(session, book.policy_id)[0].benefit.id)
        found["account_code"] = "BANK"
        return found


def _sound(ids: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Return bodies that make sense, by the end of the path."""
    person = {
        "first_name": "Sipho",
        "last_name": "Dlamini",
        "date_of_birth": "1985-05-15",
        "gender": "MALE",
    }
    heir = person | {"share": "100.00", "kind": "PRIMARY"}
    heir.pop("gender")
    change = {"effective_date": "2026-11-21", "reason": "Asked"}
    changes = [
        {
            "endorsement_type": "CHANGE_COVER",
            "policy_benefit_id": ids["policy_benefit_id"],
            "new_sum_assured": "150000.00",
        },
        {"endorsement_type": "ADD_MEMBER", "member_role": "SPOUSE"} | person,
        {"endorsement_type": "REMOVE_MEMBER", "policy_member_id": ids["policy_member_id"]},
        {"endorsement_type": "CHANGE_BENEFICIARIES", "beneficiaries": [heir]},
        {"endorsement_type": "CHANGE_PREMIUM_DUE_DAY", "due_day": 25},
        {"endorsement_type": "CHANGE_FREQUENCY", "frequency": "QUARTERLY"},
        {"endorsement_type": "CHANGE_BANK_DETAILS", "bank_account_id": ANY},
        {"endorsement_type": "CORRECT_DETAILS", "policy_member_id": ids["policy_member_id"]}
        | person,
    ]
    payment = {"payment_date": "2026-11-20", "payment_reference": "EFT", "amount": "10.00"}
    return {
        "/endorsements": [one | change for one in changes],
        "/cancel/preview": [{"cancellation_type": "VOLUNTARY", "reason": "Asked"}],
        "/pay": [payment],
        "/payments": [payment],
        "/reverse": [{"reason_code": "02", "reference": "R"}],
        "/refunds": [{"amount": "1.00", "reference": "RF", "reason": "Asked"}],
        "/lapse-rules": [{"effective_from": "2027-01-01"}],
        "/lapse-holds": [{"reason": "Asked", "expires_on": "2026-12-31"}],
        "/mandates": [{"bank_account_id": ANY, "signed_on": "2026-11-01"}],
        "/debit-order-runs": [{"action_date": "2026-12-01"}],
        "/close": [{"through": "2026-10-31", "reason": "Done"}],
        "/reopen": [{"through": None, "reason": "Not done"}],
    }


def _servicing() -> list[Endpoint]:
    words = re.compile(r"polic|premium|approv|ledger|lapse|debit|reconc|suspense|endors|holidays")
    return [one for one in ENDPOINTS if words.search(one.path) and "claims" not in one.path]


def _bodies(one: Endpoint, sound: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Yield each sound body of an endpoint with one odd value in one of its fields."""
    assert one.body is not None
    ending = next((key for key in ("/cancel/preview", *sound) if one.path.endswith(key)), "")
    known = sound.get(ending, [{"reason": "Asked"} if "reason" in one.body.model_fields else {}])
    for body in known:
        fields = set(body) if len(known) > 1 else set(one.body.model_fields)
        for field in sorted(fields - {"org_id", "endorsement_type"}):
            for odd in ODD:
                yield body | {field: odd}
        for field, value in body.items():
            if isinstance(value, list):
                for inner in value[0]:
                    yield from (body | {field: [value[0] | {inner: odd}]} for odd in ODD)


def _path(one: Endpoint, ids: dict[str, str]) -> str:
    return "/api/v1" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: ids.get(found[1], ANY), one.path)


def test_no_odd_value_in_a_body_breaks_servicing(
    api: Callable[..., TestClient], app: Flask, org: OrganizationFacts, ids: dict[str, str]
) -> None:
    client, sound, wrong, sent = api(), _sound(ids), [], 0
    for one in _servicing():
        if one.body is None:
            continue
        for body in _bodies(one, sound):
            answer = client.open(_path(one, ids), method=one.method, json=body)
            sent += 1
            if answer.status_code >= 500 or not answer.mimetype.endswith("json"):
                wrong.append((one.method, one.path, str(body)[:200], answer.status_code))

    assert sent > 500
    assert wrong == []
    with app.app_context(), tenant_scope(org.id):
        assert find_differences()[1] == []


def test_no_odd_value_in_a_query_breaks_servicing(
    api: Callable[..., TestClient], ids: dict[str, str]
) -> None:
    client, wrong = api(), []
    for one in _servicing():
        if one.method != "GET":
            continue
        for name in _names(one.query):
            for odd in ODD_TEXT:
                answer = client.get(
                    _path(one, ids), query_string={name: odd.encode("utf-8", "surrogatepass")}
                )
                if answer.status_code >= 500:
                    wrong.append((one.path, name, odd[:40], answer.status_code))

    assert wrong == []


def _names(query: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in query.model_fields.items()]
