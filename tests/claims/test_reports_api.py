"""Reports and loss ratio of claims over the API."""

import csv
import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from insurance.claims.models import Claim
from insurance.claims.reports import REPORTS
from insurance.core import clock
from insurance.core.permissions import Role
from tests.claims.test_reports import WANTED, run_report, totals_of
from tests.claims.test_settings_api import SETTINGS
from tests.factories.book import TODAY
from tests.factories.identity import TestClient
from tests.factories.lifecycle import morning
from tests.factories.organizations import OrganizationFacts

Api = Callable[..., TestClient]
PERIOD = "from=2026-11-01&to=2026-11-20"


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let the business day be 20 November 2026."""
    with clock.frozen(morning(TODAY)):
        yield


@pytest.fixture
def org(insurer: OrganizationFacts) -> OrganizationFacts:
    """Return the insurer of all tests of this file."""
    return insurer


@pytest.fixture
def claims(session: Session) -> list[UUID]:
    """Return its claims, one in every state."""
    found = list(session.scalars(select(Claim.id).order_by(Claim.claim_number)))
    session.rollback()
    return found


def _all(client: TestClient, path: str, limit: int) -> list[Any]:
    """Return the rows of every page."""
    answer = client.get(f"{path}&limit={limit}")
    assert answer.status_code == 200, answer.json
    rows = list(answer.json)
    while "Link" in answer.headers:
        answer = client.get(answer.headers["Link"].split(";")[0].strip("<>"))
        assert answer.status_code == 200, answer.json
        assert len(answer.json) <= limit
        rows += answer.json
    return rows


@pytest.mark.parametrize("code", sorted(REPORTS))
def test_each_report_of_the_screen_is_had_page_by_page(
    api: Api, session: Session, claims: list[UUID], code: str
) -> None:
    assert api().put("/api/v1/claim-settings", json=SETTINGS).status_code == 200
    expected = run_report(session, REPORTS[code], WANTED, limit=100)
    session.rollback()
    client = api(Role.CLAIMS_ASSESSOR)

    rows = _all(client, f"/api/v1/claim-reports/rows?report={code}&{PERIOD}", limit=2)

    assert len(rows) == len(expected) > 0
    keys = [column.key for column in REPORTS[code].columns]
    assert all(list(row["cells"]) == keys for row in rows)
    assert [row["claim_id"] for row in rows] == [
        str(one.claim_id) if one.claim_id else None for one in expected
    ]
    for place, summed in totals_of(REPORTS[code], expected).items():
        if REPORTS[code].columns[place].kind != "days":
            assert sum(Decimal(str(row["cells"][keys[place]] or 0)) for row in rows) == summed


def test_the_reports_are_listed_with_their_columns(api: Api) -> None:
    listed = api(Role.MANAGER).get("/api/v1/claim-reports").json

    assert [one["code"] for one in listed] == list(REPORTS)
    assert listed[0]["columns"][0] == {"key": "claim", "name": "Claim", "kind": "text"}


def test_what_stands_behind_a_figure_is_asked_of_the_register(api: Api, claims: list[UUID]) -> None:
    client = api(Role.CLAIMS_ASSESSOR)
    for code, counted in (("ageing", "claims"), ("reserves", "claims"), ("causes", "claims")):
        for row in client.get(f"/api/v1/claim-reports/rows?report={code}&{PERIOD}").json:
            narrowed = "&".join(f"{name}={value}" for name, value in row["behind"].items())
            behind = client.get(f"/api/v1/claim-reports/rows?{PERIOD}&{narrowed}")
            assert len(behind.json) == row["cells"][counted], (code, row)


@pytest.mark.parametrize("code", sorted(REPORTS))
def test_a_report_is_sent_as_a_file_and_the_file_is_audited(
    api: Api, session: Session, claims: list[UUID], code: str
) -> None:
    client, before = api(Role.CLAIMS_ASSESSOR), _exports(session)
    sent = client.get(f"/api/v1/claim-reports/rows?report={code}&{PERIOD}&format=csv")
    rows = list(csv.reader(io.StringIO(sent.text.removeprefix("\ufeff"))))

    assert sent.headers["Content-Disposition"].startswith("attachment")
    assert rows[0] == [one.name for one in REPORTS[code].columns]
    assert rows[-1][0] == f"{len(rows) - 2} rows, none left out"
    book = client.get(f"/api/v1/claim-reports/rows?report={code}&{PERIOD}&format=xlsx")
    assert book.data.startswith(b"PK")
    assert _exports(session) == before + 2


def _exports(session: Session) -> int:
    session.rollback()
    return session.execute(
        text("SELECT count(*) FROM ins.audit_events WHERE action = 'claims.export_report'")
    ).scalar_one()


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ("report=unknown", 404, "no such report"),
        ("report=causes&status=PAID", 422, "Only the register"),
        ("from=2026-11-20&to=2026-11-01", 422, "must not be before"),
        ("from=2026-13-01", 422, "real date"),
        ("cursor=nonsense", 422, "page link"),
        ("report=causes&cursor=WyItNSJd", 422, "page link"),
        ("status=NEW", 422, ""),
        ("format=pdf", 422, ""),
        ("product_id=00000000-0000-7000-8000-00000000dead", 404, ""),
    ],
)
def test_what_cannot_be_reported_is_refused(api: Api, asked: str, status: int, said: str) -> None:
    refused = api(Role.MANAGER).get(f"/api/v1/claim-reports/rows?{asked}")

    assert refused.status_code == status, refused.json
    assert said in str(refused.json)


def test_the_loss_ratio_ties_to_its_entries(api: Api, claims: list[UUID]) -> None:
    client = api(Role.FINANCE)
    whole = client.get(f"/api/v1/loss-ratio?{PERIOD}").json
    months = client.get("/api/v1/loss-ratio?from=2026-09-01&to=2026-11-20&by_month=true").json

    assert sum(one["claims"] for one in whole) > 0
    assert {one["month"] for one in whole} == {None}
    assert {"2026-09-01", "2026-11-01"} <= {one["month"] for one in months}
    for side, name in (("claims", "claims"), ("earned", "premiums_earned"),
                       ("premiums", "premiums_charged")):  # fmt: skip
        entries = _all(client, f"/api/v1/loss-ratio/entries?side={side}&{PERIOD}", limit=3)
        total = sum(Decimal(str(one["amount"])) for one in entries)
        assert total == sum(Decimal(str(one[name])) for one in whole)
    one = next(each for each in whole if each["premiums_earned"])
    assert one["loss_ratio"] == round(one["claims"] * 100 / one["premiums_earned"], 1)
    narrowed = client.get(f"/api/v1/loss-ratio?{PERIOD}&product_id={one['product_id']}").json
    assert narrowed == [one]
    sent = client.get(f"/api/v1/loss-ratio?{PERIOD}&format=csv")
    assert sent.text.removeprefix("\ufeff").startswith("Product,Month,Premiums charged")


def test_reports_need_their_permission(api: Api) -> None:
    agent = api(Role.AGENT)

    for path in ("claim-reports", "claim-reports/rows", "loss-ratio",
                 "loss-ratio/entries?side=claims"):  # fmt: skip
        assert agent.get(f"/api/v1/{path}").status_code == 403, path
