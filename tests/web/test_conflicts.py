"""Two people change one record: the second sees both values, field by field, and decides."""

import re
from collections.abc import Callable
from decimal import Decimal
from html import unescape
from html.parser import HTMLParser

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from insurance.core.tenancy import tenant_scope
from insurance.policies.queries import get_policy, list_benefits
from tests.factories.book import Book, make_book
from tests.factories.identity import SignedInClient
from tests.factories.lapses import make_lapses
from tests.factories.organizations import OrganizationFacts


class Fields(HTMLParser):
    """Reads the fields of a page's forms as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what stands in a field."""
        facts = {name: value if value is not None else "" for name, value in attrs}
        name, kind = facts.get("name", ""), facts.get("type", "text")
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in facts and self._select:
            self.values[self._select] = [facts.get("value", "")]
        elif tag == "option" and self._select:
            self.values.setdefault(self._select, [facts.get("value", "")])
        elif tag == "textarea":
            self._area, self.values[name] = name, [""]
        elif tag == "input" and kind in ("checkbox", "radio"):
            if "checked" in facts:
                self.values.setdefault(name, []).append(facts.get("value", "y"))
        elif tag == "input" and name:
            self.values[name] = [facts.get("value", "")]

    def handle_endtag(self, tag: str) -> None:
        """Leave a field."""
        self._select = "" if tag == "select" else self._select
        self._area = "" if tag == "textarea" else self._area

    def handle_data(self, data: str) -> None:
        """Take what stands in a text area."""
        if self._area:
            self.values[self._area] = [self.values[self._area][0] + data]


def _open(client: SignedInClient, path: str) -> dict[str, list[str]]:
    reader = Fields()
    answer = client.get(path)
    assert answer.status_code == 200, path
    reader.feed(answer.text)
    return {
        name: [value.removeprefix("\n").strip() for value in values]
        for name, values in reader.values.items()
        if name not in ("csrf_token", "q", "next")
    }


def _words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture
def book(app: Flask, org: OrganizationFacts) -> Book:
    """Return one of everything."""
    with app.app_context(), tenant_scope(org.id):
        made = make_book()
        make_lapses(made.product_id, made.policy_id)
        return made


EDITS = [
    ("/customers/{customer_id}/edit", "phone", "0821110001", "0821110002", "+27821110001"),
    ("/products/{product_id}/edit", "description", "Theirs here", "Mine here", "Theirs here"),
    ("/settings", "number_searches_per_hour", "71", "72", "71"),
    ("/claims/settings", "early_claim_days", "91", "92", "91"),
    ("/month-end/settings", "days_ahead", "11", "12", "11"),
    ("/approvals/settings", "expires_after_days", "21", "22", "21"),
]


@pytest.mark.parametrize(("path", "field", "theirs", "mine", "saved"), EDITS)
def test_who_saves_second_sees_both_values_and_may_take_theirs(
    path: str,
    field: str,
    theirs: str,
    mine: str,
    saved: str,
    book: Book,
    sign_in: Callable[..., SignedInClient],
) -> None:
    first, second = sign_in(), sign_in()
    path = first.url(path.format(**vars(book)))
    seen_by_first, seen_by_second = _open(first, path), _open(second, path)
    assert first.post(path, data=seen_by_first | {field: [theirs]}).status_code == 303

    refused = second.post(path, data=seen_by_second | {field: [mine]})

    assert refused.status_code == 409
    table = _words(refused.text[refused.text.index("Both values") :])
    assert table.index("Saved by somebody else") < table.index(saved) < table.index(mine)
    again = Fields()
    again.feed(refused.text)
    sent = {name: values for name, values in again.values.items() if name != "csrf_token"}
    assert sent[field][0].strip() == mine
    assert second.post(path, data=sent | {"_take": [field]}).status_code == 303
    assert _open(first, path)[field] == [saved]

    assert first.post(path, data=seen_by_first | {field: [mine]}).status_code == 409


@pytest.mark.parametrize(("path", "field", "theirs", "mine", "saved"), EDITS[:3])
def test_saving_again_puts_mine_in_the_place_of_theirs(
    path: str,
    field: str,
    theirs: str,
    mine: str,
    saved: str,
    book: Book,
    sign_in: Callable[..., SignedInClient],
) -> None:
    first, second = sign_in(), sign_in()
    path = first.url(path.format(**vars(book)))
    seen = _open(second, path)
    first.post(path, data=_open(first, path) | {field: [theirs]})
    again = Fields()
    again.feed(second.post(path, data=seen | {field: [mine]}).text)
    sent = {name: values for name, values in again.values.items() if name != "csrf_token"}

    assert second.post(path, data=sent).status_code == 303
    assert _open(first, path)[field] != [saved]


def test_a_change_of_a_policy_that_changed_meanwhile_shows_what_did(
    book: Book, session: Session, sign_in: Callable[..., SignedInClient]
) -> None:
    first, second = sign_in(), sign_in()
    path = first.url(f"/policies/{book.policy_id}/endorse/cover")
    seen = _open(second, path)
    issued = _open(first, path) | {"new_sum_assured": ["120 000"], "act": ["issue"]}
    assert first.post(path, data=issued).status_code == 303

    refused = second.post(path, data=seen | {"new_sum_assured": ["90 000"], "act": ["issue"]})

    assert refused.status_code == 409
    assert "Somebody else changed this policy since you opened the form" in _words(refused.text)
    assert "120000.00" in refused.text
    assert 'value="90 000"' in refused.text
    session.expire_all()
    assert get_policy(session, book.policy_id).coverage_amount == Decimal("120000.00")

    again = Fields()
    again.feed(refused.text)
    sent = again.values | {"act": ["issue"]}
    sent.pop("csrf_token")
    assert second.post(path, data=sent).status_code == 303
    session.expire_all()
    (benefit,) = [view.benefit for view in list_benefits(session, book.policy_id)]
    assert benefit.sum_assured == Decimal("90000.00")
