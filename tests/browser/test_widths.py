"""On a small laptop no table is wider than its box: nothing that decides lies outside."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page

from insurance.core.tenancy import tenant_scope
from tests.factories.everything import make_everything
from tests.factories.organizations import OrganizationFacts

pytestmark = pytest.mark.browser
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
_VIEW = re.compile(r"\?(tab|report)=\w+$")
_WIDER = """() => [...document.querySelectorAll('.scroll')]
  .filter((box) => box.scrollWidth > box.clientWidth + 1)
  .map((box) => `${box.getAttribute('aria-label')}: ${box.scrollWidth} in ${box.clientWidth}`)"""


def test_no_table_of_any_page_is_wider_than_its_box_on_a_small_laptop(
    app: Flask, signed_in: Callable[..., Page], org: OrganizationFacts
) -> None:
    with app.app_context(), tenant_scope(org.id):
        make_everything()
    page = signed_in(width=1366)

    wider = {path: found for path in _pages(page, org) if (found := page.evaluate(_WIDER))}

    assert wider == {}, wider


def _pages(page: Page, org: OrganizationFacts) -> Iterator[str]:
    """Open one page of each kind that links lead to, and return its address."""
    waiting, seen = [f"/{org.slug}/"], set()
    while waiting:
        path = waiting.pop(0)
        page.goto(path)
        yield path
        for link in page.evaluate(
            "[...document.querySelectorAll('a[href]:not([download])')].map((a) => a.pathname + a.search)"
        ):
            kind = _ID.sub("*", link if _VIEW.search(link) else link.partition("?")[0])
            if link.startswith(f"/{org.slug}/") and kind not in seen:
                seen.add(kind)
                waiting.append(link)
