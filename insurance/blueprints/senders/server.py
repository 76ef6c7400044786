"""The organization's own mail server: named, tried, removed."""

from flask import Response, url_for
from wtforms import PasswordField

from insurance.blueprints.senders import bp, settings
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.senders import own_server
from insurance.senders.models import Security
from insurance.senders.own_server import ServerDetails
from insurance.senders.permissions import SendersMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.forms import ChoiceField, Form, Required, TextField, VersionField, WholeField
from insurance.web.html import go

_SECURITY = [(Security.STARTTLS, "STARTTLS"), (Security.TLS, "TLS"), (Security.NONE, "None")]


class ServerForm(Form):
    """How the server is reached."""

    host = TextField("Server", [Required()], longest=253)
    port = WholeField("Port", [Required()], default=587)
    security = ChoiceField("Security", choices=[(one.value, name) for one, name in _SECURITY])
    username = TextField("User", longest=254)
    password = PasswordField(
        "Password",
        render_kw={"autocomplete": "new-password"},
        description="Never shown again. Leave empty to keep the one that we have.",
    )
    version = VersionField(default=0)

    @property
    def is_long(self) -> bool:
        """Keep no draft: a password is in it."""
        return False


@bp.route("/server", methods=["GET", "POST"])
@requires(SendersMay.MANAGE)
def server() -> Response:
    """Name the server by which mail from the organization's own addresses leaves."""
    back, now = url_for(".index"), clock.now()
    kept = own_server.find_server(db.session())
    form = ServerForm(obj=kept)
    form.password.data = form.password.data if form.is_submitted() else None
    act = Act(
        "Mail server",
        "Save server",
        back,
        [("Email senders", back)],
        says="Mail from your own verified addresses leaves by it, and by nothing else; other mail by"
        " the platform's. Its SPF record then names this server: look up the DNS again.",
        leave="Cancel",
    )
    return act_screen(
        act,
        form,
        lambda: own_server.keep_server(
            _details(form), settings(), version=form.version.data, now=now
        ),
        "Mail server saved. Test the connection.",
    )


@bp.post("/server/test")
@requires(SendersMay.MANAGE)
def test_server() -> Response:
    """Connect and sign in, and say what came of it."""
    try:
        own_server.try_server(settings())
    except DomainError as error:
        if error.status == 404:
            raise
        return go(url_for(".index"), error.message)
    return go(url_for(".index"), "The server answers and lets us sign in.")


@bp.post("/server/remove")
@requires(SendersMay.MANAGE)
def remove_server() -> Response:
    """Let mail leave by the platform's server again."""
    own_server.remove_server()
    return go(url_for(".index"), "Mail leaves by the platform's server again.")


def _details(form: ServerForm) -> ServerDetails:
    return ServerDetails(
        host=form.host.data or "",
        port=form.port.data or 0,
        security=Security(form.security.data),
        username=form.username.data or "",
        password=form.password.data or "",
    )
