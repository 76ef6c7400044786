"""Files that nobody knows: explained once on screen or over the API, then read."""

import io
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.billing.queries import list_receipts
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.permissions import Role
from insurance.reconciliation.queries import list_mappings
from tests.factories.book import NOW
from tests.factories.identity import SignedInClient, TestClient
from tests.factories.reconciliation import make_policies

SignIn = Callable[..., SignedInClient]
Api = Callable[..., TestClient]
PATH = "/api/v1/premium-reconciliation"


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    """Hold the clock in November 2026."""
    with clock.frozen(NOW):
        yield


@pytest.fixture
def policy(session: Session) -> tuple[UUID, str]:
    """Return a policy of 100.00 a month of which three premiums have fallen due."""
    return make_policies()[0]


def _club(number: str) -> bytes:
    return (
        "Burial club,,,\n\nPaid on,Member name,Policy no,Premium paid\n"
        f"11/19/2026,T MOKOENA,{number},100.00\nTotal,,,100.00\n"
    ).encode()


def _send(client: Any, path: str, content: bytes, **form: str) -> Any:
    return client.post(path, data={"file": (io.BytesIO(content), "club.csv")} | form)


def _form(html: str) -> dict[str, Any]:
    """Return what the page's form would send, as it stands."""
    sent: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and "radio" not in tag:
            sent.setdefault(name[1], []).append(value[1] if value else "")
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', html):
        chosen = re.search(r'value="([^"]*)" selected', options)
        sent[name] = [chosen[1] if chosen else ""]
    return dict(sent)


def test_a_clerk_explains_a_file_once_and_the_next_one_is_read(
    sign_in: SignIn, policy: tuple[UUID, str], session: Session
) -> None:
    client = sign_in(Role.FINANCE)

    asked = _send(client, client.url("/reconciliation/upload"), _club(policy[1]))

    assert asked.status_code == 422
    assert "Which column is what?" in asked.text
    proposed = _form(asked.text)
    assert [proposed[f"column-{at}"] for at in range(4)] == [
        ["paid_date"],
        ["reference"],
        ["policy_number"],
        ["amount"],
    ]

    save = client.url("/reconciliation/mappings/new")
    filled = proposed | {"name": ["Burial club"], "order": ["month"]}
    tried = client.post(save, data=filled | {"step": ["try"]})

    assert (tried.status_code, list_mappings(session)) == (200, [])
    assert "2026/11/19" in tried.text
    assert "Money received" in tried.text

    session.rollback()
    saved = client.post(save, data=_form(tried.text) | {"order": ["month"], "step": ["save"]})
    shown = client.get(saved.location)

    assert saved.status_code == 303
    assert "Read by the mapping “Burial club”." in shown.text
    assert "Table with a saved mapping" in shown.text
    session.rollback()
    (mapping,) = list_mappings(session)
    assert mapping.columns == {
        "paid_date": "paid_on",
        "reference": "member_name",
        "policy_number": "policy_no",
        "amount": "premium_paid",
    }
    assert "Burial club" in client.get(client.url("/reconciliation/mappings")).text

    again = _send(
        client, client.url("/reconciliation/upload"), _club(policy[1]).replace(b"MOKOENA", b"M")
    )
    assert again.status_code == 303

    deleted = client.post(client.url(f"/reconciliation/mappings/{mapping.id}/delete"))
    assert deleted.status_code == 303
    session.rollback()
    assert list_mappings(session) == []
    with transaction() as fresh:
        actions = fresh.scalars(
            text("SELECT action FROM ins.audit_events WHERE action LIKE '%mapping' ORDER BY id")
        ).all()
    assert actions == ["reconciliation.save_mapping", "reconciliation.delete_mapping"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": [""]}, "Enter the name."),
        ({"column-0": [""]}, "Say which column is the date paid."),
        ({"column-3": [""]}, "Say which column is the amount"),
        ({"column-1": ["amount"]}, "Two columns are Amount"),
        ({"column-1": ["iban"]}, "A column is one of"),
        ({"column-1": [""], "column-2": [""]}, "names the policy or the payer"),
        ({"packed": ["not a file"]}, "The file did not come along."),
        ({"heading": []}, "The columns are not those of the heading."),
    ],
)
def test_what_no_file_can_be_read_by_is_refused_and_nothing_is_lost(
    change: dict[str, list[str]],
    words: str,
    sign_in: SignIn,
    policy: tuple[UUID, str],
    session: Session,
) -> None:
    client = sign_in(Role.FINANCE)
    asked = _send(client, client.url("/reconciliation/upload"), _club(policy[1]))
    filled = _form(asked.text) | {"name": ["Club"], "order": ["day"], "step": ["save"]}

    answer = client.post(client.url("/reconciliation/mappings/new"), data=filled | change)

    assert answer.status_code == 422
    assert words in answer.text
    assert list_mappings(session) == []
    if "heading" not in change:
        assert "Member name" in answer.text


def test_a_file_too_long_to_be_carried_along_is_uploaded_again_after_saving(
    sign_in: SignIn, policy: tuple[UUID, str]
) -> None:
    client = sign_in(Role.FINANCE)
    lines = "\n".join(f"11/19/2026,{hash(str(n))},{n * 7919},5.00" for n in range(20_000))
    asked = _send(client, client.url("/reconciliation/upload"), _club(policy[1]) + lines.encode())
    filled = _form(asked.text) | {"name": ["Club"], "order": ["month"]}

    tried = client.post(client.url("/reconciliation/mappings/new"), data=filled | {"step": ["try"]})
    saved = client.post(
        client.url("/reconciliation/mappings/new"), data=filled | {"step": ["save"]}
    )

    assert "too long to be carried along" in tried.text
    assert saved.location.endswith("/reconciliation/upload")


def test_a_mapping_is_saved_and_used_over_the_api(
    api: Api, policy: tuple[UUID, str], session: Session
) -> None:
    client = api(Role.FINANCE)

    unknown = _send(client, f"{PATH}/upload", _club(policy[1]))
    saved = client.post(
        f"{PATH}/mappings",
        json={
            "name": "Burial club",
            "heading": unknown.json["heading"],
            "columns": {field: column for column, field in unknown.json["proposal"].items()},
            "is_month_first": True,
        },
    )
    posted = _send(client, f"{PATH}/upload", _club(policy[1]), commit="true")

    assert unknown.status_code == 422
    assert unknown.json["errors"][0]["pointer"] == "/file"
    assert saved.status_code == 201
    assert client.get(saved.headers["Location"]).json == saved.json
    assert client.get(f"{PATH}/mappings").json == [saved.json]
    assert [one["verdict"] for one in posted.json["rows"]] == ["MATCHED"]
    session.rollback()
    assert [one.amount for one in list_receipts(session, policy[0])] == [Decimal("100.00")]
    assert client.delete(f"{PATH}/mappings/{saved.json['id']}").status_code == 204
    assert client.get(f"{PATH}/mappings").json == []


def test_a_heading_is_explained_anew_and_a_name_stands_for_one_heading(api: Api) -> None:
    client = api(Role.FINANCE)
    body = {
        "name": "Club",
        "heading": ["When", "Who", "Rand"],
        "columns": {"paid_date": "when", "reference": "who", "amount": "rand"},
    }

    first = client.post(f"{PATH}/mappings", json=body)
    second = client.post(f"{PATH}/mappings", json=body | {"name": "Society"})
    other = client.post(
        f"{PATH}/mappings", json=body | {"name": "Society", "heading": ["When", "Who", "Rand", "X"]}
    )
    wrong = client.post(
        f"{PATH}/mappings", json=body | {"columns": {"paid_date": "when", "amount": "iban"}}
    )

    assert first.json["id"] == second.json["id"]
    assert (other.status_code, other.json["errors"][0]["pointer"]) == (422, "/name")
    assert (wrong.status_code, wrong.json["errors"][0]["pointer"]) == (422, "/columns")


def test_only_those_who_upload_may_save_a_mapping(sign_in: SignIn, api: Api) -> None:
    client = sign_in(Role.AGENT)

    assert client.post(client.url("/reconciliation/mappings/new")).status_code == 403
    assert api(Role.AGENT).post(f"{PATH}/mappings", json={}).status_code == 403
