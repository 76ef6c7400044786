"""Addresses of static files that change with their content, so that browsers keep them for good."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, request, url_for

_FOREVER = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    """Offer `asset()` to templates and let browsers keep what carries its hash."""
    app.jinja_env.globals["asset"] = asset
    app.after_request(_keep_hashed)


def asset(name: str) -> str:
    """Return the address of a static file with a part of its hash."""
    return _address(request.script_root, name)


@cache
def _address(_script_root: str, name: str) -> str:
    """Return an address that is the same for every request under a root: a page has dozens."""
    return url_for("static", filename=name, v=_digest(name))


@cache
def _digest(name: str) -> str:
    path = Path(__file__).resolve().parents[1] / "static" / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _keep_hashed(response: Response) -> Response:
    if request.endpoint == "static" and response.status_code in (200, 304):
        response.headers["Cache-Control"] = _FOREVER if "v" in request.args else "no-cache"
    return response
