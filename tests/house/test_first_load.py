"""A page comes quickly the first time and costs next to nothing the second."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from insurance.web import static_files
from tests.factories.book import make_book
from tests.factories.identity import SignedInClient

STATIC = Path(static_files.__file__).resolve().parents[1] / "static"
_ASSET = re.compile(r"/static/[\w.-]+\?v=[0-9a-f]{12}")


def test_the_first_page_with_all_it_needs_is_at_most_80_kilobytes(
    session: object, sign_in: Callable[..., SignedInClient]
) -> None:
    make_book()
    client = sign_in()
    asked = {"Accept-Encoding": "br, gzip"}

    page = client.get(client.url("/"), headers=asked)
    assets = set(_ASSET.findall(client.get(client.url("/")).text))
    sizes = {path: len(client.get(path, headers=asked).data) for path in assets}

    assert page.headers["Content-Encoding"] == "br"
    assert {"app.css", "app.js", "htmx.min.js", "icons.svg", "inter.woff2"} <= {
        path.split("/")[-1].split("?")[0] for path in assets
    }
    assert len(page.data) + sum(sizes.values()) <= 80_000, sizes


def test_fonts_scripts_styles_and_icons_are_kept_for_a_year(
    sign_in: Callable[..., SignedInClient],
) -> None:
    client = sign_in()
    for path in set(_ASSET.findall(client.get(client.url("/")).text)):
        assert "max-age=31536000" in client.get(path).headers["Cache-Control"], path


def test_the_style_names_each_font_by_its_content() -> None:
    named = re.findall(r'url\("([\w.-]+)\?v=(\w+)"\)', (STATIC / "app.css").read_text())

    assert {name for name, _ in named} == {path.name for path in STATIC.glob("*.woff2")}
    for name, version in named:
        assert version == hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12], name


def test_answers_of_the_api_are_compressed_for_who_understands_it(
    sign_in: Callable[..., SignedInClient],
) -> None:
    client = sign_in()
    document = client.get("/api/v1/openapi.json", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/api/v1/openapi.json")

    assert document.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert len(document.data) < len(plain.data) / 4
