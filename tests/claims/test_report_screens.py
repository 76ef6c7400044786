"""Reports and the loss ratio of claims on screen."""

import io
import re
from collections.abc import Callable, Iterator

import pytest
from openpyxl import load_workbook

from insurance.core import clock
from insurance.core.permissions import Role
from tests.factories.book import TODAY
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import morning
from tests.factories.organizations import OrganizationFacts

SignIn = Callable[..., SignedInClient]


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    """Let the business day be 20 November 2026."""
    with clock.frozen(morning(TODAY)):
        yield


@pytest.fixture
def org(insurer: OrganizationFacts) -> OrganizationFacts:
    """Return the insurer of all tests of this file."""
    return insurer


def test_reports_run_open_their_rows_and_leave_as_files(sign_in: SignIn) -> None:
    auditor = sign_in(Role.AUDITOR)
    page = auditor.get(auditor.url("/claims/reports?report=causes"))
    drills = set(re.findall(r'href="([^"]*report=register[^"]*cause[^"]*)"', page.text))
    behind = [auditor.get(one.replace("&amp;", "&")).text for one in drills]
    numbers = [found for one in behind for found in re.findall(r">(CLM-\d+-\d+)<", one)]
    assert len(numbers) == len(set(numbers)) == 7
    for code in ("turnaround", "ageing", "reserves", "decisions", "large", "paid"):
        assert auditor.get(auditor.url(f"/claims/reports?report={code}")).status_code == 200

    csv = auditor.post(auditor.url("/claims/reports"), data={"do": "export", "kind": "csv"})
    assert csv.text.count("CLM-") == 7
    excel = auditor.post(
        auditor.url("/claims/reports?report=paid"), data={"do": "export", "kind": "xlsx"}
    )
    sheet = load_workbook(io.BytesIO(excel.data)).active
    assert sheet is not None
    assert sheet.max_row == 8
    assert auditor.get(auditor.url("/claims/reports?report=gossip")).status_code == 404
    assert auditor.get(auditor.url("/claims/reports?from=never")).status_code == 422
    assert sign_in(Role.AGENT).get(auditor.url("/claims/reports")).status_code == 403


def test_only_the_register_is_narrowed_and_by_what_it_says(sign_in: SignIn) -> None:
    auditor = sign_in(Role.AUDITOR)

    def claims_of(query: str) -> int:
        return len(re.findall(r">CLM-[0-9-]+</a>", _page(auditor, f"/claims/reports?{query}")))

    assert claims_of("decision=REJECTED") == 1
    assert claims_of("reason=NO_PROOF") == 1
    assert claims_of("decision=APPROVED&reason=NO_PROOF") == 0
    chosen = '<option value="PAID" selected>'
    assert chosen in _page(auditor, "/claims/reports?status=PAID")
    assert "Status" not in _words(_page(auditor, "/claims/reports?report=causes&status=PAID"))


def _page(client: SignedInClient, path: str) -> str:
    return client.get(client.url(path)).get_data(as_text=True)


def test_the_loss_ratio_is_drawn_and_opens_its_entries(sign_in: SignIn) -> None:
    auditor = sign_in(Role.AUDITOR)

    page = auditor.get(auditor.url("/claims/loss-ratio"))

    assert '<rect class="part-2"' in page.text
    entries = re.findall(r'href="([^"]*loss-ratio/entries[^"]*)"', page.text)
    assert len(entries) > 2
    shown = [_words(auditor.get(one.replace("&amp;", "&")).text) for one in entries[:2]]
    assert "Premium due" in shown[0] or "Premium" in shown[0]
    assert "Reserve CLM-" in shown[1]
    product = re.search(r'href="([^"]*loss-ratio\?[^"]*product[^"]*)"', page.text)
    assert product
    assert "2026/11" in _words(auditor.get(product[1].replace("&amp;", "&")).text)
    csv = auditor.post(auditor.url("/claims/loss-ratio/export"), data={"kind": "csv"})
    assert csv.text.startswith("\ufeffProduct,Month")


def _words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.replace("\u00a0", " ")))


def test_the_charts_of_ageing_and_of_products_tie_to_the_rows_that_they_lead_to(
    sign_in: SignIn,
) -> None:
    auditor = sign_in(Role.AUDITOR)

    ageing = _page(auditor, "/claims/reports?report=ageing")
    drawn = re.findall(r'<a href="([^"]+age=[^"]+)" aria-label="[^:]+: (\d+), ', ageing)
    assert drawn
    for url, count in drawn:
        register = auditor.get(url.replace("&amp;", "&")).text
        assert len(set(re.findall(r">(CLM-\d+-\d+)<", register))) == int(count)
    every = sum(int(count) for _url, count in drawn)
    assert f"{drawn[-1][1]} of {every} open claims" in ageing

    home = auditor.htmx(auditor.url("/year")).text
    assert f"of {every} open claims" in home
