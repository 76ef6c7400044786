"""A bookkeeper posts a bank's file and matches what waits in suspense, in Chromium."""

import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from sqlalchemy import text

from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.reconciliation.queries import list_suspense
from insurance.reconciliation.services import post_file, preview_upload
from tests.browser.axe import faults_of, faults_of_looks
from tests.factories.organizations import OrganizationFacts
from tests.factories.reconciliation import commit, csv_of, make_policies, make_reconciliation, row

pytestmark = pytest.mark.browser


@pytest.fixture
def policies(app: Flask, org: OrganizationFacts) -> list[tuple[UUID, str]]:
    """Return two policies of 100.00 a month of which three premiums have fallen due."""
    with app.app_context(), tenant_scope(org.id):
        return make_policies(2)


def _misspelt(number: str) -> str:
    return number[:-2] + number[-1] + number[-2]


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a_file_is_posted_and_what_waits_is_matched(
    javascript: bool,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policies: list[tuple[UUID, str]],
    tmp_path: Path,
) -> None:
    (_first, known), (_second, other) = policies
    sent = tmp_path / "november.csv"
    sent.write_bytes(
        csv_of(
            row(known, "150.00", "EFT 1"),
            row(_misspelt(other), "350.00", "EFT 2"),
            row(known, "ten", "EFT 3"),
        )
    )
    page = signed_in(Role.FINANCE, javascript=javascript)

    page.goto(f"/{org.slug}/reconciliation")
    page.get_by_role("link", name="Upload a file").click()
    page.get_by_label("File").set_input_files(sent)
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.locator("main")).to_contain_text("R\u00a0500,00 is posted as received")
    expect(page.locator("main")).to_contain_text("Nothing has been posted yet.")
    page.get_by_role("button", name="Post file").click()
    expect(page.locator("main")).to_contain_text("All 3 rows were gone through")
    page.get_by_role("link", name="match what waits in suspense").click()
    page.get_by_role("link", name=other).click()
    expect(page.locator("main")).to_contain_text("R\u00a050,00 becomes credit.")
    page.get_by_role("button", name="Give to this policy").click()

    expect(page.locator("main")).to_contain_text("Nothing waits for a policy")


def test_the_progress_runs_along_and_ends_by_itself(
    app: Flask,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policies: list[tuple[UUID, str]],
) -> None:
    page = signed_in(Role.FINANCE)
    with app.app_context(), tenant_scope(org.id):
        rows = [row(policies[0][1], "10.00", f"R{n}") for n in range(20)]
        now = clock.now()
        on = clock.today("Africa/Johannesburg")
        file = preview_upload(csv_of(*rows), "long.csv", on=on, now=now)
        with transaction() as session:
            session.execute(text("UPDATE ins.reconciliation_files SET status = 'COMMITTING'"))

    page.goto(f"/{org.slug}/reconciliation/{file.id}")
    expect(page.locator("#progress")).to_contain_text("0 of 20 rows are posted.")
    page.reload()
    expect(page.locator("#progress")).to_contain_text("0 of 20 rows are posted.")

    def work() -> None:
        with app.app_context(), tenant_scope(org.id):
            post_file(file.id, on=on, now=clock.now())

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()

    expect(page.locator("#progress")).to_contain_text("All 20 rows were gone through")
    page.get_by_role("link", name="Show the report").click()
    expect(page.locator("main .head")).to_contain_text("Committed")


def test_what_a_person_decides_of_files_has_no_faults_that_a_machine_finds(
    app: Flask,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policies: list[tuple[UUID, str]],
) -> None:
    with app.app_context(), tenant_scope(org.id):
        make_reconciliation(policies[1][0])
        file_id = commit(csv_of(*[row(policies[0][1])] * 2)).id
        again_id = commit(csv_of(row(policies[0][1]), row(policies[0][1], "1.00", "R2"))).id
        waiting = next(
            one.id for one in list_suspense(db.session(), limit=9).items if one.amount == 100
        )
        db.session().rollback()
    page = signed_in()
    faults = {}
    for path in (
        f"reconciliation/{file_id}",
        f"reconciliation/{again_id}/rows/2/other-money",
        f"reconciliation/suspense/{waiting}/same-payment",
        "reconciliation/suspense",
        "reconciliation/mappings",
        f"policies/{policies[0][0]}/set-aside",
    ):
        answer = page.goto(f"/{org.slug}/{path}")
        assert (path, answer and answer.status) == (path, 200)
        if found := faults_of_looks(page):
            faults[path] = found
    page.goto(f"/{org.slug}/reconciliation/upload")
    unknown = {"name": "club.csv", "mimeType": "text/csv", "buffer": b"wann,wer,rand\n1,2,3\n"}
    page.get_by_label("File").set_input_files(unknown)  # type: ignore[arg-type]
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.locator("main")).to_contain_text("wann")
    if found := faults_of_looks(page):
        faults["mapping"] = found

    assert faults == {}


def test_the_screens_have_no_faults_that_a_machine_finds(
    app: Flask,
    signed_in: Callable[..., Page],
    org: OrganizationFacts,
    policies: list[tuple[UUID, str]],
) -> None:
    with app.app_context(), tenant_scope(org.id):
        on, now = clock.today("Africa/Johannesburg"), clock.now()
        content = csv_of(
            row(policies[0][1], "150.00", "EFT 1"),
            row(_misspelt(policies[1][1]), "350.00", "EFT 2"),
            row(policies[0][1], "ten", "=cmd()"),
        )
        file = preview_upload(content, "november.csv", on=on, now=now)
    page = signed_in(Role.FINANCE)
    page.goto(f"/{org.slug}/reconciliation/{file.id}")
    faults = {"preview": faults_of(page)}
    page.get_by_role("button", name="Post file").click()
    expect(page.locator("main")).to_contain_text("All 3 rows were gone through")
    faults["report"] = faults_of(page)
    for name, path in (
        ("list", "reconciliation"),
        ("upload", "reconciliation/upload"),
        ("suspense", "reconciliation/suspense"),
    ):
        page.goto(f"/{org.slug}/{path}")
        faults[name] = faults_of(page)
    page.get_by_role("link", name="Return EFT 2").click()
    expect(page.get_by_role("heading", name="Return EFT 2")).to_be_visible()
    faults["return"] = faults_of(page)
    page.goto(f"/{org.slug}/reconciliation/suspense")
    page.get_by_role("link", name="Match EFT 2").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Match EFT 2")
    faults["match"] = faults_of(page)

    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_waits_in_suspense_is_read_on_a_telephone_without_scrolling_sideways(
    scheme: str, app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(org.id):
        commit(csv_of(row("PL-9999-999999", "250.00", "MAGTAPE CREDIT SIBANYE PAYROLL 2026-11")))
    page = signed_in(Role.FINANCE, width=390, scheme=scheme)

    page.goto(f"/{org.slug}/reconciliation/suspense")

    list_ = page.get_by_role("region", name="Payments without a policy")
    shown, whole = list_.evaluate("box => [box.clientWidth, box.scrollWidth]")
    assert shown >= whole
    for name in ("Match", "Return"):
        expect(list_.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
    assert faults_of(page) == []
