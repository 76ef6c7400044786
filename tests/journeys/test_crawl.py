"""Every link and every search form of the demonstration works for everybody who is shown it."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit
from uuid import UUID

import pytest
from flask import Flask, url_for
from sqlalchemy import text
from sqlalchemy.engine import make_url

from insurance.app import create_app
from insurance.core.bootstrap import bootstrap_server
from insurance.core.db import db
from insurance.core.permissions import Role, granted_to
from insurance.core.settings import Settings
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.organizations.queries import find_entry
from insurance.policies.replay import find_differences
from insurance.seeding.demo import seed_demo
from tests.factories.identity import PersonFacts, SignedInClient, session_for
from tests.factories.organizations import OrganizationFacts
from tests.journeys.points import points_in

SLUGS = ("ubuntu-life", "karoo-general")
FEWEST = 10
_EACH = {Role.TENANT_ADMINISTRATOR: 2}
"""How many addresses of one shape are opened; for the other roles one is enough."""
_HOME, _FORM = "home", "the form on "
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ELSEWHERE = ("mailto:", "tel:", "data:", "http:", "https:")


class _Page(HTMLParser):
    """The links of a page, and what its GET forms would send as they stand."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._form: tuple[str, dict[str, str]] | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attributes}
        if tag == "a" and said.get("href"):
            self.links.append(said["href"])
        elif tag == "form":
            is_get = said.get("method", "get").lower() == "get"
            self._form = (said.get("action", ""), {}) if is_get else None
        elif self._form is not None:
            self._take_field(tag, said)

    def _take_field(self, tag: str, said: dict[str, str]) -> None:
        assert self._form is not None
        fields = self._form[1]
        if tag == "input" and said.get("name"):
            if said.get("type") in ("checkbox", "radio") and "checked" not in said:
                return
            fields[said["name"]] = said.get("value", "")
        elif tag == "select":
            self._select = said.get("name", "")
        elif (
            tag == "option" and self._select and ("selected" in said or self._select not in fields)
        ):
            fields[self._select] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "form" and self._form is not None:
            self.forms.append(self._form)
            self._form = None


@pytest.fixture(scope="module")
def demonstration(
    servers: tuple[str, str],
    template: str,
    settings: Settings,
    worker_id: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Flask]:
    """Return the application on a database of its own that holds the demonstration."""
    database = f"insurance_crawl_{worker_id}"
    bootstrap_server(servers[0], database, recreate=True, template=template)

    def on(url: str) -> str:
        return make_url(url).set(database=database).render_as_string(hide_password=False)

    crawled = replace(
        settings,
        instance=Path(tmp_path_factory.mktemp("crawl")),
        database_url=on(settings.database_url),
        database_owner_url=on(settings.database_owner_url),
    )
    app = create_app(crawled)
    assert seed_demo(app)
    yield app
    with app.app_context():
        db.engine.dispose()


def _people(app: Flask) -> list[tuple[str, SignedInClient]]:
    """Return a signed-in browser for every role of every tenant."""
    with app.app_context(), platform_scope():
        rows = db.session.execute(
            text(
                "SELECT DISTINCT ON (d.slug, m.role) d.org_id, d.slug, d.name, u.id, u.email,"
                " m.role FROM cp.memberships m JOIN cp.users u ON u.id = m.user_id"
                " JOIN cp.org_directory d ON d.org_id = m.org_id ORDER BY d.slug, m.role"
            )
        ).all()
        return [
            (
                f"{row.slug} as {row.role}",
                session_for(
                    app,
                    PersonFacts(UUID(str(row.id)), row.email, Role(row.role)),
                    OrganizationFacts(row.org_id, row.slug, row.name),
                ),
            )
            for row in rows
        ]


def _shape(path: str) -> str:
    """Return an address without its identifiers and without what its parameters say."""
    parts = urlsplit(path)
    names = sorted(re.findall(r"(?:^|&)([^=&]+)=", parts.query))
    return f"{_ID.sub('*', parts.path)}?{'&'.join(names)}"


def _crawl(client: SignedInClient) -> tuple[int, list[str]]:
    """Open what can be reached from home; return how many pages, and what went wrong where.

    A number with a decimal point is wrong: here people write `3,5`.
    """
    waiting: deque[tuple[str, str]] = deque([("/", _HOME)])
    seen: Counter[str] = Counter()
    asked: set[str] = set()
    wrong = []
    while waiting:
        path, source = waiting.popleft()
        if path in asked or seen[_shape(path)] >= _EACH.get(client.person.role, 1):
            continue
        asked.add(path)
        seen[_shape(path)] += 1
        answer = client.get(path)
        # A search that was sent empty may ask for words; nothing else may be refused.
        is_asked = source.startswith(_FORM) and answer.status_code == 422
        if answer.status_code >= 400 and not is_asked:
            wrong.append(f"{answer.status_code} {path} (linked from {source})")
        if answer.status_code in (301, 302, 303, 307, 308):
            waiting.append((_local(path, answer.location), path))
        if answer.status_code == 200 and answer.mimetype == "text/html":
            waiting.extend(_found(path, answer.text))
            wrong.extend(f"{number} on {path}" for number in points_in(answer.text))
    return len(asked), wrong


def _found(path: str, html: str) -> Iterator[tuple[str, str]]:
    """Return the addresses that a page leads to, each with where it stands."""
    page = _Page()
    page.feed(html)
    for link in page.links:
        if not link.startswith(("#", *_ELSEWHERE)):
            yield _local(path, link), path
    for action, fields in page.forms:
        yield (
            _local(path, f"{action or path}".split("?")[0] + "?" + urlencode(fields)),
            _FORM + path,
        )


def _local(path: str, link: str) -> str:
    parts = urlsplit(urljoin(f"http://localhost{path}", link))
    return parts.path + (f"?{parts.query}" if parts.query else "")


def test_no_link_and_no_search_of_the_demonstration_is_broken_for_anybody(
    demonstration: Flask,
) -> None:
    wrong: dict[str, Any] = {}
    for name, client in _people(demonstration):
        pages, problems = _crawl(client)
        if pages < FEWEST:
            problems.append(f"only {pages} pages are reached")
        if problems:
            wrong[name] = problems

    assert wrong == {}, "\n".join(f"{name}: {one}" for name, all_ in wrong.items() for one in all_)


def test_every_request_for_a_second_person_in_the_demonstration_opens_in_words(
    demonstration: Flask,
) -> None:
    opened = 0
    for name, client in _people(demonstration):
        if client.person.role is not Role.MANAGER:
            continue
        with demonstration.app_context(), tenant_scope(client.org.id):
            found = list(db.session.execute(text("SELECT id, title FROM ins.approval_requests")))
        for request_id, title in found:
            answer = client.get(client.url(f"/approvals/{request_id}"))
            assert (answer.status_code, title in answer.text) == (200, True), f"{name}: {title}"
            opened += 1

    assert opened


@pytest.mark.parametrize("slug", ["ubuntu-life", "karoo-general"])
def test_the_history_of_the_demonstration_gives_its_present(
    demonstration: Flask, slug: str
) -> None:
    with demonstration.app_context(), platform_scope():
        entry = find_entry(db.session(), slug)
        assert entry is not None
    with demonstration.app_context(), tenant_scope(entry.org_id):
        assert find_differences()[1] == []


def test_the_demonstration_shows_who_is_paid_who_holds_and_who_pays(demonstration: Flask) -> None:
    with demonstration.app_context(), platform_scope():
        entry = find_entry(db.session(), "ubuntu-life")
        assert entry is not None
    with demonstration.app_context(), tenant_scope(entry.org_id):
        counted = db.session.execute(
            text(
                """
                SELECT (SELECT count(*) FROM ins.policy_beneficiaries WHERE share < 100),
                       (SELECT count(*) FROM ins.policy_beneficiaries
                        WHERE guardian_name IS NOT NULL),
                       (SELECT count(*) FROM ins.policy_beneficiaries WHERE kind = 'CONTINGENT'),
                       (SELECT count(DISTINCT c.kind) FROM ins.policies p
                        JOIN ins.customers c ON c.org_id = p.org_id AND c.id = p.customer_id),
                       (SELECT count(*) FROM ins.policies WHERE payer_id IS NOT NULL),
                       (SELECT count(*) FROM ins.claim_payees
                        WHERE kind = 'BENEFICIARY' AND share < 100)
                """
            )
        ).one()

    assert all(counted), counted
    assert counted[3] == 3


_EMPTY = re.compile(r'class="(?:scroll )?empty"')


def test_every_page_of_everybodys_rail_has_something_in_it(demonstration: Flask) -> None:
    entries = demonstration.extensions["rail"]
    empty, opened = [], 0
    for name, client in _people(demonstration):
        if client.org.slug not in SLUGS:
            continue
        granted = granted_to(frozenset({client.person.role}))
        for entry in entries:
            is_untold = entry.endpoint == "alerts.index" and client.person.role is Role.AUDITOR
            if entry.permission not in granted or is_untold:
                continue
            with demonstration.test_request_context():
                path = url_for(entry.endpoint, org=client.org.slug)
            answer = client.get(path)
            opened += 1
            if answer.status_code != 200 or _EMPTY.search(answer.text):
                empty.append(f"{entry.name} of {name}: {path}")

    assert opened > 100
    assert empty == [], "\n".join(empty)


def test_the_demonstration_has_lapses_a_closed_run_and_money_in_suspense(
    demonstration: Flask,
) -> None:
    for name, client in _people(demonstration):
        if not name.endswith("as tenant_administrator"):
            continue
        for path, words in (
            ("/policies?status=lapsed", "PL-20"),
            ("/debit-orders", "Draft"),
            ("/reconciliation", "answers-DR"),
            ("/reconciliation/suspense", "Cash Pretoria North"),
            ("/alerts", "The API key Broker import expires"),
            ("/api-keys", "Website quotes"),
        ):
            page = client.get(client.url(path)).text
            assert words in page[page.index("<main") :], f"{words} of {name}"
