"""Every form of servicing with odd values in every field is answered in words, never with a 500."""

import re
from collections.abc import Callable, Iterator

from flask import Flask
from sqlalchemy import Connection, text

from insurance.core.tenancy import tenant_scope
from insurance.policies.replay import find_differences
from tests.factories.book import make_book, make_endorsement
from tests.factories.debit_orders import make_debit_orders
from tests.factories.identity import SignedInClient
from tests.factories.lapses import make_lapses
from tests.factories.organizations import OrganizationFacts
from tests.factories.reconciliation import make_reconciliation

ODD = (
    "",
    "x" * 5_000,
    "\x00",
    "-1",
    "1e9",
    "NaN",
    "9999999999999,99",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "00000000-0000-7000-8000-00000000dead",
    "\u202e\U0001f4a5<b>",
)
AREAS = ("policies", "approvals", "ledger", "lapses", "debit_orders", "reconciliation")
TABLES = {
    "policy_id": "ins.policies",
    "line_id": "ins.premium_lines",
    "endorsement_id": "ins.endorsements",
    "product_id": "ins.products",
    "lapse_rule_id": "ins.lapse_rules",
    "hold_id": "ins.lapse_holds",
    "mandate_id": "ins.debit_order_mandates",
    "run_id": "ins.debit_order_runs",
    "holiday_id": "ins.tenant_holidays",
    "file_id": "ins.reconciliation_files",
    "receipt_id": "ins.receipts",
}
ASKED = (
    "on",
    "from",
    "to",
    "cursor",
    "status",
    "q",
    "tab",
    "type",
    "kind",
    "line",
    "since",
    "limit",
)


def _addresses(app: Flask, ids: dict[str, str], slug: str, method: str) -> Iterator[str]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint.split(".")[0] not in AREAS or method not in (rule.methods or ()):
            continue
        path = rule.rule.replace("<slug:org>", slug)
        found = re.sub(r"<(?:\w+:)?(\w+)>", lambda name: ids.get(name[1], "0"), path)
        yield found


def _fields(page: str) -> dict[str, str]:
    """Return the fields of a page's forms with what stands in them."""
    found = {}
    for tag in re.findall(r"<(?:input|select|textarea)\b[^>]*>", page):
        name, value = re.search(r'\bname="([^"]+)"', tag), re.search(r'\bvalue="([^"]*)"', tag)
        if name and name[1] not in ("_key", "csrf_token", "q"):
            found[name[1]] = value[1] if value else "1"
    return found


def _posts(fields: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield a form with every field odd, and with one odd field each."""
    for odd in ODD:
        yield dict.fromkeys(fields, odd)
    for name in fields:
        for odd in ("-1", "9999-12-31"):
            yield fields | {name: odd}


def test_no_odd_value_in_a_form_breaks_servicing(
    app: Flask,
    org: OrganizationFacts,
    sign_in: Callable[..., SignedInClient],
    admin_connection: Connection,
) -> None:
    with app.app_context(), tenant_scope(org.id):
        book = make_book()
        make_lapses(book.product_id, book.policy_id)
        make_debit_orders(book.policy_id, book.customer_id)
        make_reconciliation(book.policy_id)
        make_endorsement(book.policy_id)
    ids = {
        name: str(
            admin_connection.scalar(
                text(f"SELECT id FROM {table} WHERE org_id = :org LIMIT 1"), {"org": org.id}
            )
        )
        for name, table in TABLES.items()
    }
    ids |= {"policy_id": str(book.policy_id), "line_id": str(book.line_id), "account_code": "BANK"}
    client, wrong, sent = sign_in(), [], 0
    for address in _addresses(app, ids, org.slug, "GET"):
        for odd in ODD[1:6]:
            answer = client.get(address, query_string=dict.fromkeys(ASKED, odd))
            if answer.status_code >= 500:
                wrong.append((address, odd[:20], answer.status_code))
    for address in _addresses(app, ids, org.slug, "POST"):
        fields = _fields(client.get(address).get_data(True))
        for form in _posts(fields or {"reason": "1", "note": "1", "amount": "1"}):
            answer = client.post(address, data=form)
            sent += 1
            if answer.status_code >= 500:
                wrong.append((address, str(form)[:200], answer.status_code))
    assert sent > 400
    assert wrong == []
    with app.app_context(), tenant_scope(org.id):
        assert find_differences()[1] == []


def test_a_search_from_a_page_without_an_address_is_answered(
    sign_in: Callable[..., SignedInClient],
) -> None:
    client = sign_in()
    for address in ("http://[here", "//", "x" * 5000, "http://here/\x80"):
        answer = client.get(client.url("/search?q=dark"), headers={"HX-Current-URL": address})
        assert (answer.status_code, "Dark" in answer.text) == (200, True)
