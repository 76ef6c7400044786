"""Signing in with a password and a code, choosing an organization, signing out."""

from uuid import UUID

from flask import Response, g, request, session, url_for
from flask_login import current_user, login_user, logout_user
from flask_wtf.csrf import generate_csrf
from wtforms import PasswordField

from insurance.blueprints.identity import bp
from insurance.core import clock
from insurance.core.errors import DomainError, NotFoundError
from insurance.identity import services
from insurance.web.access import current_person, public, signed_in
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import leave, page, refuse, safe_path
from insurance.web.limits import limiter
from insurance.web.sessions import Person, this_session

__all__ = ["bp"]

HOME_OF = {"PLATFORM": "organizations.index", "INSURER": "dashboard.show"}


class SignInForm(Form):
    """Address and password."""

    email = TextField("E-mail address", [Required()], render_kw={"autocomplete": "username"})
    password = PasswordField(
        "Password", [Required()], render_kw={"autocomplete": "current-password"}
    )


class CodeForm(Form):
    """The second factor."""

    code = TextField(
        "Code", [Required()], render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"}
    )


@bp.route("/")
@public
def start() -> Response:
    """Lead to the person's first organization, or to the sign-in page."""
    if not current_user.is_authenticated:
        return leave(url_for("identity.sign_in"))
    tenants = current_person().tenants
    if not tenants:
        raise NotFoundError("You belong to no organization any more.")
    landed = session.get("organization")
    tenant = next((one for one in tenants if str(one.id) == landed), tenants[0])
    return leave(url_for(HOME_OF[tenant.kind], org=tenant.slug))


@bp.route("/open/<slug:slug>")
@signed_in
def open_organization(slug: str) -> Response:
    """Lead to the start of another of the person's organizations."""
    tenant = current_person().tenant(slug)
    if tenant is None:
        raise NotFoundError
    session["organization"] = str(tenant.id)
    return leave(url_for(HOME_OF[tenant.kind], org=tenant.slug))


@bp.route("/sign-in", methods=["GET", "POST"])
@public
@limiter.limit("20 per minute; 200 per hour", methods=["POST"])
def sign_in() -> Response:
    """Ask for address and password."""
    form = SignInForm()
    wanted = safe_path(request.args.get("next"))
    if request.method == "GET" and current_user.is_authenticated:
        return leave(wanted)
    if form.validate_on_submit():
        try:
            found = services.check_sign_in(form.email.data, form.password.data, now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            if found.needs_code:
                this_session().renew()
                session["waiting_for_code"] = [str(found.user_id), str(found.org_id)]
                return leave(url_for("identity.enter_code", next=wanted))
            return enter(found.user_id, found.org_id, wanted)
    return page("identity/sign_in.html", status=form.status, form=form, wanted=wanted)


@bp.route("/sign-in/code", methods=["GET", "POST"])
@public
@limiter.limit("10 per minute", methods=["POST"])
def enter_code() -> Response:
    """Ask for the second factor, or a recovery code."""
    if "waiting_for_code" not in session:
        return leave(url_for("identity.sign_in"))
    user_id, org_id = (UUID(part) for part in session["waiting_for_code"])
    form = CodeForm()
    wanted = safe_path(request.args.get("next"))
    if form.validate_on_submit():
        try:
            services.check_code(user_id, form.code.data, now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            return enter(user_id, org_id, wanted)
    return page("identity/code.html", status=form.status, form=form, wanted=wanted)


@bp.route("/session-token")
@signed_in
def session_token() -> Response:
    """Return the token of this session's forms, for a page that was open when it began."""
    return Response(generate_csrf(), mimetype="text/plain")


@bp.route("/sign-out", methods=["POST"])
@signed_in
def sign_out() -> Response:
    """End this browser's session."""
    logout_user()
    session.clear()
    return leave(url_for("identity.sign_in"))


def enter(user_id: UUID, org_id: UUID, wanted: str) -> Response:
    """Start a session under a new identifier, so that one from before is worth nothing."""
    services.record_sign_in(user_id, org_id)
    session.clear()
    this_session().renew()
    session["organization"] = str(org_id)
    login_user(Person(user_id, "", "", {}, False))
    g.pop("_login_user", None)
    return leave(wanted)
