"""A browser that fills in the sign-in forms by hand, as a person does."""

import re

from flask import Flask
from werkzeug.test import TestResponse

from tests.factories.identity import TestClient

_TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


class Browser:
    """Keeps cookies, reads the CSRF token of the page it is on and posts forms with it."""

    def __init__(self, app: Flask) -> None:
        self.client: TestClient = app.test_client()  # type: ignore[assignment]
        self._cookie = app.config["SESSION_COOKIE_NAME"]

    @property
    def cookie(self) -> str | None:
        """Return the session's identifier."""
        found = self.client.get_cookie(self._cookie)
        return found.value if found else None

    @cookie.setter
    def cookie(self, identifier: str) -> None:
        self.client.set_cookie(self._cookie, identifier)

    def get(self, path: str) -> TestResponse:
        """Visit a page."""
        return self.client.get(path)

    def post(self, path: str, *, page: str | None = None, **fields: object) -> TestResponse:
        """Fill in the form of a page (by default the one at the same address) and send it."""
        shown = self.client.get(page or path, follow_redirects=True).get_data(as_text=True)
        found = _TOKEN.search(shown)
        assert found, f"{page or path} shows no page with a form"
        return self.client.post(path, data={"csrf_token": found.group(1), **fields})

    def sign_in(self, email: str, password: str, *, wanted: str = "/") -> TestResponse:
        """Sign in with address and password."""
        return self.post(f"/sign-in?next={wanted}", email=email, password=password)
