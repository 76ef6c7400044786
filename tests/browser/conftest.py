"""A real server and a real Chromium."""

import threading
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from insurance.core.context import Actor, acting_as
from insurance.core.db import db
from insurance.core.permissions import Role
from insurance.core.tenancy import tenant_scope
from insurance.jobs import month_end
from insurance.month_end import queries
from tests.browser.find import find_browser
from tests.factories.identity import make_person, session_identifier
from tests.factories.organizations import OrganizationFacts

# A busy machine is no fault of the code: what is expected may come as late as this, in ms.
expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def address(app: Flask) -> Iterator[str]:
    """Return the address of the running application."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture
def signed_in(
    app: Flask, address: str, chromium: Browser, org: OrganizationFacts
) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page with somebody signed in; console errors fail the test."""
    contexts, problems = [], []

    def opened(
        role: Role = Role.TENANT_ADMINISTRATOR,
        *,
        organization: OrganizationFacts | None = None,
        width: int = 1440,
        scheme: str = "light",
        javascript: bool = True,
    ) -> Page:
        where = organization or org
        with app.app_context():
            identifier = session_identifier(make_person(where.id, role))
        context = chromium.new_context(
            # What still fades in has too little contrast for axe.
            reduced_motion="reduce",
            base_url=address,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=javascript,
        )
        context.add_cookies(
            [{"name": app.config["SESSION_COOKIE_NAME"], "value": identifier, "url": address}]
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: (
                problems.append(message.text)
                if message.type == "error" and "status of 4" not in message.text
                else None
            ),
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def work(app: Flask, org: OrganizationFacts) -> Callable[[], None]:
    """Return a function that does the month-end asked for last, as a worker of its own would."""

    def done() -> None:
        failed: list[BaseException] = []

        def working() -> None:
            try:
                with (
                    app.app_context(),
                    tenant_scope(org.id),
                    acting_as(Actor(is_system=True, org_id=org.id)),
                ):
                    run_id = _newest_month_end()
                    month_end.work(str(run_id))
                    month_end.report(str(run_id))
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=working)
        thread.start()
        thread.join()
        assert failed == []

    return done


def _newest_month_end() -> UUID:
    (run,) = queries.list_runs(db.session(), limit=1).items
    run_id = run.id
    db.session.rollback()
    return run_id
