"""Every list of the product: narrowed, ordered, looked at, kept, taken away, and acted on."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from html import unescape
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core import clock
from insurance.core.paging import encode_cursor
from insurance.core.permissions import Role
from insurance.policies.models import PolicyStatus
from insurance.policies.queries import get_policy
from insurance.policies.services import accept_quote
from tests.factories.book import NOW, TODAY, make_customer, make_product, make_quote
from tests.factories.identity import SignedInClient

SignIn = Callable[..., SignedInClient]
NAMES = ("Palesa Khumalo", "Johannes Botha", "Ayesha Naidoo")
COVERS = (Decimal("300000.00"), Decimal("100000.00"), Decimal("200000.00"))


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let the business day be 20 November 2026."""
    with clock.frozen(NOW):
        yield


@pytest.fixture
def policies(session: Session) -> list[UUID]:
    """Return policies of Palesa (cover 300 000), Johannes (100 000) and Ayesha (200 000)."""
    product_id = make_product()
    found = []
    for index, (name, cover) in enumerate(zip(NAMES, COVERS, strict=True), 1):
        first, last = name.split()
        customer_id = make_customer(index, first_name=first, last_name=last)
        quote_id = make_quote(product_id, customer_id, sum_assured=cover)
        found.append(accept_quote(quote_id, on=TODAY, now=NOW).policy.id)
    return found


def _rows(client: SignedInClient, path: str) -> list[str]:
    """Return the holders in the order of a list."""
    answer = client.get(client.url(path))
    assert answer.status_code == 200, answer.text
    body = answer.text[answer.text.find("<tbody>") : answer.text.find("</tbody>")]
    return [name for row in body.split("<tr>") for name in NAMES if name in row]


def _next(client: SignedInClient, path: str) -> str:
    """Return the path of the next page, without the organization."""
    link = re.search(r'href="/[^/]+([^"]+)" rel="next"', client.get(client.url(path)).text)
    assert link
    return unescape(link[1])


def test_a_list_is_ordered_by_a_column_both_ways_and_says_so(
    policies: list[UUID], sign_in: SignIn
) -> None:
    client = sign_in()
    assert _rows(client, "/policies?sort=coverage_amount") == [NAMES[1], NAMES[2], NAMES[0]]
    assert _rows(client, "/policies?sort=-coverage_amount") == [NAMES[0], NAMES[2], NAMES[1]]
    shown = client.get(client.url("/policies?sort=-coverage_amount")).text
    assert re.search(r'<th[^>]* aria-sort="descending"><a [^>]*>Cover</a>', shown)
    assert shown.count("aria-sort") == 1


@pytest.mark.parametrize("wrong", ["sort=nonsense", "sort=customer_name", "rows=7", "columns=no"])
def test_what_a_list_cannot_do_is_left_out(
    policies: list[UUID], sign_in: SignIn, wrong: str
) -> None:
    assert _rows(sign_in(), f"/policies?{wrong}") == [NAMES[2], NAMES[1], NAMES[0]]


@pytest.mark.parametrize("typed", ["000002", "2", "2026-2", "PL-2026-000002"])
def test_a_number_is_found_by_its_digits(policies: list[UUID], sign_in: SignIn, typed: str) -> None:
    assert _rows(sign_in(), f"/policies?q={typed}") == [NAMES[1]]
    quotes = sign_in().get(sign_in().url(f"/quotes?q={typed.replace('PL', 'QT')}")).text
    assert "QT-2026-000002" in quotes
    assert "QT-2026-000003" not in quotes


def test_a_day_that_is_none_is_refused_beside_its_field_and_the_rest_is_kept(
    policies: list[UUID], sign_in: SignIn
) -> None:
    client = sign_in()
    answer = client.get(client.url("/policies?due=tomorrow&arrears=1"))
    assert answer.status_code == 422
    assert "Next due before: Enter a real date" in answer.text
    assert 'value="tomorrow"' in answer.text
    refused = client.post(
        client.url("/policies?due=tomorrow"), data={"do": "export", "kind": "csv"}
    )
    assert refused.status_code == 422


def test_policies_are_narrowed_by_what_is_due_and_since_when_they_run(
    policies: list[UUID], sign_in: SignIn
) -> None:
    client = sign_in()
    assert len(_rows(client, "/policies?due=2030/01/01&from=2026/01/01&to=2030/01/01")) == 3
    for path in ("due=2026/01/01", "from=2030/01/01", "to=2026/01/01", "arrears=1"):
        answer = client.get(client.url(f"/policies?{path}"))
        assert "No policies match" in answer.text, path
        assert "clear all filters" in answer.text


def test_a_record_is_looked_at_beside_the_list_and_htmx_gets_the_panel_alone(
    policies: list[UUID], sign_in: SignIn
) -> None:
    client = sign_in()
    path = client.url(f"/policies?sort=premium&peek={policies[0]}")
    whole = client.get(path)
    part = client.htmx(path, headers={"HX-Target": "section#peek"})
    for answer in (whole, part):
        panel = answer.text[answer.text.find('<section id="peek"') :]
        assert "Palesa Khumalo" in panel
        assert "082" in panel
    assert NAMES[1] in whole.text
    assert NAMES[1] not in part.text
    assert part.text.lstrip().startswith('<section id="peek"')


def test_what_is_not_there_is_not_looked_at(policies: list[UUID], sign_in: SignIn) -> None:
    client = sign_in()
    assert client.get(client.url(f"/policies?peek={uuid4()}")).status_code == 404
    assert client.get(client.url("/policies?peek=nonsense")).status_code == 200


def test_a_file_has_what_is_seen_its_rows_its_order_its_columns(
    session: Session, policies: list[UUID], sign_in: SignIn
) -> None:
    client = sign_in()
    path = client.url(
        "/policies?sort=-coverage_amount&columns=coverage_amount,policy_number,status"
    )
    sent = client.post(path, data={"do": "export", "kind": "csv"})
    rows = list(csv.reader(io.StringIO(sent.data.decode("utf-8-sig"))))
    assert rows[0] == ["Cover", "Policy", "Status"]
    assert [row[0] for row in rows[1:]] == ["300000.00", "200000.00", "100000.00"]
    assert rows[1][1:] == ["PL-2026-000001", "Active"]
    seen = session.scalars(
        text("SELECT after FROM ins.audit_events WHERE action = 'policies.export'")
    ).one()
    assert (seen["rows"], seen["sort"]) == (3, "-coverage_amount")
    excel = client.post(path, data={"do": "export", "kind": "xlsx"})
    assert excel.data.startswith(b"PK")


def test_a_view_is_kept_for_oneself_and_found_by_its_name(
    policies: list[UUID], sign_in: SignIn
) -> None:
    client, colleague = sign_in(Role.AGENT), sign_in(Role.AGENT)
    path = client.url("/policies?sort=coverage_amount&status=active")
    saved = client.post(path, data={"do": "save_view", "name": "Small covers"})
    assert saved.status_code == 303
    opened = client.get(client.url("/policies?view=Small covers"))
    assert "sort=coverage_amount" in opened.location
    assert "view=Small" in opened.location
    assert "Small covers" in client.get(client.url("/policies")).text
    assert "Small covers" not in colleague.get(colleague.url("/policies")).text


def test_views_are_shared_by_who_may_change_the_settings_alone(
    session: Session, policies: list[UUID], sign_in: SignIn
) -> None:
    agent, administrator = sign_in(Role.AGENT), sign_in(Role.TENANT_ADMINISTRATOR)
    kept = {"do": "save_view", "name": "Lapsed", "is_shared": "1"}
    path = "/policies?status=lapsed"
    assert agent.post(agent.url(path), data=kept).status_code == 403
    assert administrator.post(administrator.url(path), data=kept).status_code == 303
    assert "Lapsed</a>" in agent.get(agent.url("/policies")).text
    view_id = session.scalars(text("SELECT id FROM ins.list_views")).one()
    forget = {"do": "delete_view", "id": str(view_id)}
    assert agent.post(agent.url("/policies"), data=forget).status_code == 403
    assert administrator.post(administrator.url("/policies"), data=forget).status_code == 303
    actions = session.scalars(
        text("SELECT action FROM ins.audit_events WHERE resource = 'list_views' ORDER BY id")
    ).all()
    assert actions == ["list_views.save", "list_views.delete"]


def test_a_role_sees_its_view_first_and_the_whole_list_when_it_asks(
    policies: list[UUID], sign_in: SignIn
) -> None:
    agent, administrator = sign_in(Role.AGENT), sign_in(Role.TENANT_ADMINISTRATOR)
    path = administrator.url("/policies?sort=coverage_amount")
    for name in ("First", "Second"):
        kept = {"do": "save_view", "name": name, "role": "agent"}
        assert administrator.post(path, data=kept).status_code == 303

    opened = agent.get(agent.url("/policies"))

    assert opened.status_code == 303
    assert "view=Second" in opened.location
    shown = agent.get(opened.location).text
    assert f'href="{agent.url("/policies?view=all")}"' in shown
    assert agent.get(agent.url("/policies?view=all")).status_code == 200
    assert administrator.get(administrator.url("/policies")).status_code == 200


def test_many_policies_are_suspended_one_by_one_and_what_was_refused_is_told(
    session: Session, policies: list[UUID], sign_in: SignIn
) -> None:
    client = sign_in(Role.MANAGER)
    chosen = {"do": "act", "act": "suspend", "id": [str(one) for one in policies[:2]]}
    path = client.url("/policies")
    asked = client.post(path, data=chosen)
    assert "Suspend policies: 2" in asked.text
    assert "Cover of 2 policies pauses from today" in asked.text
    assert "PL-2026-000001" in asked.text
    missing = client.post(path, data=chosen | {"sure": "1"})
    assert missing.status_code == 422
    alone = chosen | {"id": str(policies[0]), "sure": "1", "reason": "Abroad"}
    assert "1 of 1 done" in client.post(path, data=alone).text

    done = client.post(path, data=chosen | {"sure": "1", "reason": "Abroad"})

    assert "1 of 2 done" in done.text
    assert "1 could not be done" in done.text
    session.rollback()
    session.expire_all()
    statuses = [get_policy(session, one).status for one in policies]
    assert statuses == [PolicyStatus.SUSPENDED, PolicyStatus.SUSPENDED, PolicyStatus.ACTIVE]


def test_many_are_acted_on_by_who_may_do_it_to_one(policies: list[UUID], sign_in: SignIn) -> None:
    auditor = sign_in(Role.AUDITOR)
    chosen = {"do": "act", "act": "suspend", "id": str(policies[0]), "sure": "1", "reason": "No"}
    assert auditor.post(auditor.url("/policies"), data=chosen).status_code == 404
    assert "Suspend policies" not in auditor.get(auditor.url("/policies")).text


def test_what_a_search_finds_is_ordered_too_page_after_page(
    session: Session, sign_in: SignIn
) -> None:
    product_id, customer_id = make_product(), make_customer(1, last_name="Khumalo")
    for _policy in range(27):
        accept_quote(make_quote(product_id, customer_id), on=TODAY, now=NOW)
    client = sign_in()
    first = "/policies?q=khumalo&sort=policy_number"

    pages = [client.get(client.url(path)).text for path in (first, _next(client, first))]

    numbers = [re.findall(r"Choose PL-2026-0000([0-9]+)", page) for page in pages]
    assert [*numbers[0], *numbers[1]] == [f"{number:02}" for number in range(1, 28)]


def test_page_after_page_in_any_order_shows_every_row_once(
    session: Session, sign_in: SignIn
) -> None:
    product_id, customer_id = make_product(), make_customer(1)
    for _policy in range(27):
        accept_quote(make_quote(product_id, customer_id), on=TODAY, now=NOW)
    client = sign_in()
    for order in ("", "sort=premium", "sort=-premium", "sort=policy_number"):
        first = f"/policies?{order}"
        pages = [client.get(client.url(path)).text for path in (first, _next(client, first))]
        numbers = [re.findall(r"Choose (PL-[0-9-]+)", page) for page in pages]
        assert [len(page) for page in numbers] == [25, 2], order
        assert len({*numbers[0], *numbers[1]}) == 27


def test_a_view_of_the_list_as_it_is_shows_the_list(policies: list[UUID], sign_in: SignIn) -> None:
    agent, administrator = sign_in(Role.AGENT), sign_in(Role.TENANT_ADMINISTRATOR)
    kept = {"do": "save_view", "name": "Everything", "role": "agent"}
    assert administrator.post(administrator.url("/policies"), data=kept).status_code == 303

    assert agent.get(agent.url("/policies?view=Everything")).status_code == 200
    assert agent.get(agent.url("/policies")).status_code == 200


def test_no_view_is_named_like_the_whole_list(policies: list[UUID], sign_in: SignIn) -> None:
    client = sign_in()

    refused = client.post(client.url("/policies"), data={"do": "save_view", "name": "All"})

    assert refused.status_code == 422
    assert "Choose another name" in refused.text


def test_an_id_number_that_was_searched_for_is_not_kept_in_a_view(
    session: Session, policies: list[UUID], sign_in: SignIn
) -> None:
    client = sign_in()
    path = client.url("/policies?q=8001015009087&status=active")

    client.post(path, data={"do": "save_view", "name": "One man"})

    kept = session.scalars(text("SELECT asked FROM ins.list_views")).one()
    assert kept == {"status": "active"}


def test_a_bulk_act_that_is_sent_twice_is_done_and_told_once(
    session: Session, policies: list[UUID], sign_in: SignIn
) -> None:
    client = sign_in(Role.MANAGER)
    chosen = {"do": "act", "act": "suspend", "id": str(policies[0]), "sure": "1"}
    sent = chosen | {"reason": "Abroad", "_key": "the-same-key"}

    first, again = (client.post(client.url("/policies"), data=sent) for _ in range(2))

    assert "1 of 1 done" in first.text
    assert "1 of 1 done" in again.text


def test_more_rows_than_a_page_has_are_not_acted_on(policies: list[UUID], sign_in: SignIn) -> None:
    client = sign_in(Role.MANAGER)
    many = {"do": "act", "act": "suspend", "id": [str(uuid4()) for _ in range(101)]}

    assert client.post(client.url("/policies"), data=many).status_code == 422


@pytest.mark.parametrize("position", [["1e400000", str(UUID(int=1))], ["\0", str(UUID(int=1))]])
def test_a_page_that_cannot_be_is_refused_in_words(
    policies: list[UUID], sign_in: SignIn, position: list[str]
) -> None:
    client = sign_in()
    cursor = encode_cursor(*position)
    for order in ("premium", "policy_number"):
        path = f"/policies?sort={order}&cursor={cursor}"
        assert client.get(client.url(path)).status_code in (200, 422)


def test_two_shared_views_of_one_list_have_two_names(policies: list[UUID], sign_in: SignIn) -> None:
    first, second = sign_in(Role.TENANT_ADMINISTRATOR), sign_in(Role.TENANT_ADMINISTRATOR)
    kept = {"do": "save_view", "name": "Late", "is_shared": "1"}
    path = "/policies?status=lapsed"

    assert first.post(first.url(path), data=kept).status_code == 303
    refused = second.post(second.url(path), data=kept)
    alone = second.post(second.url(path), data=kept | {"is_shared": ""})

    assert (refused.status_code, "Choose another" in refused.text) == (422, True)
    assert alone.status_code == 303


def test_a_view_that_a_role_sees_no_more_is_recorded_too(
    session: Session, policies: list[UUID], sign_in: SignIn
) -> None:
    administrator = sign_in(Role.TENANT_ADMINISTRATOR)
    for name in ("First", "Second"):
        kept = {"do": "save_view", "name": name, "role": "agent"}
        path = administrator.url("/policies?sort=premium")
        assert administrator.post(path, data=kept).status_code == 303

    changes = session.execute(
        text(
            "SELECT before->>'role', after->>'role', after->>'name' FROM ins.audit_events"
            " WHERE resource = 'list_views' ORDER BY id"
        )
    ).all()
    assert list(map(tuple, changes)) == [
        (None, "agent", "First"),
        ("agent", None, "First"),
        (None, "agent", "Second"),
    ]
