"""Who may reach a view: signs the request in, enters its organization, checks the permission.

The only file that imports Flask-Principal.
"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import uuid4

from flask import Blueprint, Flask, Response, current_app, g, redirect, request, session, url_for
from flask_login import LoginManager, current_user, logout_user
from flask_principal import ActionNeed, AnonymousIdentity, Identity, Principal
from flask_principal import Permission as Demand
from werkzeug.routing import BaseConverter

from insurance.core.context import Actor, Channel, acting_as, current_actor
from insurance.core.errors import ForbiddenError, NotFoundError
from insurance.core.permissions import Permission
from insurance.core.tenancy import platform_scope, tenant_scope
from insurance.web.once import answered_once
from insurance.web.sessions import Person, ServerSession, Tenant, is_idle_for, this_session

P = ParamSpec("P")
R = TypeVar("R")

login_manager = LoginManager()
_principal = Principal(use_sessions=False, skip_static=True)


class SlugConverter(BaseConverter):
    """The slug of an organization in a path."""

    regex = r"[a-z][a-z0-9-]{1,39}"


def init_access(app: Flask) -> None:
    """Register the request's steps, in their order."""
    app.url_map.converters["slug"] = SlugConverter
    login_manager.init_app(app)
    login_manager.session_protection = None
    app.before_request(_enter_request)
    app.url_value_preprocessor(_take_slug)
    app.url_defaults(_give_slug)
    _principal.init_app(app)
    _principal.identity_loader(lambda: identity_of(current_actor()))
    app.before_request(_require_sign_in)
    app.after_request(_name_request)
    app.teardown_request(_leave_request)
    app.context_processor(lambda: {"org": g.get("tenant"), "may": current_actor().may})
    app.jinja_env.globals |= {one.__name__: one for one in Permission.__subclasses__()}


def tenant_blueprint(name: str, import_name: str, path: str = "") -> Blueprint:
    """Return a blueprint of screens under `/<org>/…`; views do not receive the slug."""
    return Blueprint(name, import_name, url_prefix=f"/<slug:org>{path}")


def requires(permission: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only those with a permission reach a view; others get 403. A form counts once."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        counted: Any = answered_once(view)  # type: ignore[arg-type]

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not Demand(ActionNeed(permission)).can():
                raise ForbiddenError("Your role does not allow this.")
            return counted(*args, **kwargs)  # type: ignore[no-any-return]

        guarded.access = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def public(view: Callable[P, R]) -> Callable[P, R]:
    """Let anybody reach a view, signed in or not."""
    view.access = "public"  # type: ignore[attr-defined]
    return view


def signed_in(view: Callable[P, R]) -> Callable[P, R]:
    """Let every signed-in person reach a view: one's own settings, choosing an organization."""
    view.access = "signed_in"  # type: ignore[attr-defined]
    return view


def access_of(endpoint: str) -> Any:
    """Return what a view demands: a permission, "public", "signed_in", "api", or None."""
    if endpoint == "static" or endpoint.endswith(".static"):
        return "public"
    return getattr(current_app.view_functions[endpoint], "access", None)


def current_person() -> Person:
    """Return the person who is signed in."""
    return current_user._get_current_object()  # type: ignore[no-any-return]


def current_tenant() -> Tenant:
    """Return the organization of the request."""
    return g.tenant  # type: ignore[no-any-return]


@login_manager.user_loader  # type: ignore[untyped-decorator]
def _load_person(user_id: str) -> Person | None:
    current = session._get_current_object()  # type: ignore[attr-defined]
    person = current.person if isinstance(current, ServerSession) else None
    return person if person and person.get_id() == user_id else None


@login_manager.unauthorized_handler  # type: ignore[untyped-decorator]
def _ask_to_sign_in() -> Response:
    from insurance.web.html import session_expired

    return session_expired()


def _enter_request() -> None:
    g.request_id = str(uuid4())
    g.scope = ExitStack()
    g.scope.enter_context(platform_scope())
    g.scope.enter_context(acting_as(_anonymous()))
    g.tenant = None
    if request.endpoint is None or access_of(request.endpoint) == "api":
        return
    slug = g.get("org_slug")
    if slug is not None and current_user.is_authenticated:
        _enter_tenant(slug)


def _anonymous() -> Actor:
    return Actor(
        email="anonymous",
        name="Anonymous",
        channel=Channel.BROWSER,
        method=request.method,
        ip=request.remote_addr,
        request_id=g.request_id,
    )


def _enter_tenant(slug: str) -> None:
    person = current_person()
    tenant = person.tenant(slug)
    if tenant is None:
        return
    if is_idle_for(this_session(), tenant):
        g.was_idle = True
        return
    g.tenant = tenant
    actor = _anonymous().within(
        user_id=person.id,
        email=person.email,
        name=person.name,
        org_id=tenant.id,
        roles=person.roles[tenant.id],
        grant_changes=tenant.grant_changes,
    )
    g.scope.enter_context(tenant_scope(tenant.id))
    g.scope.enter_context(acting_as(actor))


def identity_of(actor: Actor) -> Identity:
    """Return what Flask-Principal asks whether somebody may do something."""
    if actor.user_id is None:
        return AnonymousIdentity()
    identity = Identity(actor.user_id)
    identity.provides.update(ActionNeed(permission) for permission in actor.permissions)
    return identity


def _require_sign_in() -> Response | None:
    if request.endpoint is None or access_of(request.endpoint) in ("public", "api"):
        return None
    if not current_user.is_authenticated:
        return _ask_to_sign_in()
    if g.pop("was_idle", False):
        logout_user()
        this_session().clear()
        return _ask_to_sign_in()
    if g.get("org_slug") is not None and g.tenant is None:
        raise NotFoundError
    if g.tenant is not None and g.tenant.requires_mfa and not current_person().has_mfa:
        return redirect(url_for("identity.set_up_mfa"))  # type: ignore[return-value]
    return None


def _take_slug(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.org_slug = values.pop("org", None) if values else None


def _give_slug(endpoint: str, values: dict[str, Any]) -> None:
    expects = current_app.url_map.is_endpoint_expecting
    if "org" not in values and g.get("org_slug") and expects(endpoint, "org"):
        values["org"] = g.org_slug


def _name_request(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    return response


def _leave_request(_error: BaseException | None) -> None:
    scope = g.pop("scope", None)
    if scope is not None:
        scope.close()
