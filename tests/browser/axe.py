"""What axe finds wrong on a page that has come to rest."""

from collections.abc import Iterable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_AT_REST = """async () => {
  await document.fonts.ready;
  do { await new Promise((next) => setTimeout(next, 20)); }
  while (document.querySelector('.htmx-request'));
}"""
LOOKS = ((1440, "light"), (320, "dark"))
"""A wide and a narrow page, by day and by night."""


def faults_of(page: Page) -> list[str]:
    """Return each fault with the places it has; what htmx still asks for is waited for first."""
    page.evaluate(_AT_REST)
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": _TAGS}})
    return [
        f"{fault['id']}: {[node['html'][:160] for node in fault['nodes'][:3]]}"
        for fault in found.response["violations"]
    ]


def faults_of_looks(page: Page, looks: Iterable[tuple[int, str]] = LOOKS) -> list[str]:
    """Return the faults of an open page in each width and colour scheme, scrolling sideways too."""
    found = []
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        found += [f"{width} {scheme}: {fault}" for fault in faults_of(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{width} {scheme}: scrolls sideways")
    return found
