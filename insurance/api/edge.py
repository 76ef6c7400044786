"""The edge of the JSON API: who calls, for which organization, with what; and problem+json.

To add an endpoint, declare its models from `Body`, `Query` and `Answer` and decorate a function:

    @endpoint("POST", "/customers", may=CustomersMay.EDIT, body=NewCustomer, answer=CustomerAnswer,
              status=201, tag="Customers")
    def create_customer(body: NewCustomer) -> Reply:
        '''Create a customer.'''

Path parameters come as keyword arguments, `body` and `query` as models. Return a model, a dict, a
list of them, a core `Page` through `listing()`, a `Reply` for headers, or a whole `Response` for
a file (`answer=bytes`). `upload=Model` in place of `body` takes a form with one `file`, which comes
as `sent`, beside the model's fields. The docstring's first line is the summary in the documentation.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, Response, current_app, g, json, request, url_for
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy.exc import OperationalError

from insurance.core import clock
from insurance.core.context import Actor, Channel, acting_as
from insurance.core.errors import ConflictError, DomainError, ForbiddenError, NotFoundError
from insurance.core.paging import DEFAULT_LIMIT, MAX_LIMIT, Page
from insurance.core.permissions import Permission
from insurance.core.tenancy import tenant_scope
from insurance.customers.privacy import as_shown
from insurance.identity.services import authenticate_bearer
from insurance.web.errors import on_outage
from insurance.web.limits import limiter
from insurance.web.parsing import ANSWER, MAX_BODY, MAX_UPLOAD, UnreadableInputError, read_json

T = TypeVar("T")
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_PLACE = re.compile(r"<uuid:(\w+)>")
PROBLEM = "application/problem+json"
TITLES = {
    400: "Not understood",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not acceptable",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Not available",
}


class Body(BaseModel):
    """A request body. Unknown fields are refused; `org_id` may name the caller's organization."""

    model_config = ConfigDict(extra="forbid", strict=False)

    org_id: UUID | None = Field(None, description="One of the caller's organizations")


class Query(BaseModel):
    """Query parameters. Unknown ones are refused."""

    model_config = ConfigDict(extra="forbid")

    org_id: UUID | None = Field(None, description="One of the caller's organizations")


class ListQuery(Query):
    """Query parameters of a list, paged by the `Link` header's next address."""

    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=500)


class Answer(BaseModel):
    """What an endpoint answers."""

    model_config = ConfigDict(from_attributes=True)


@dataclass(frozen=True)
class Reply:
    """An answer with headers, or with a status other than the endpoint's usual one."""

    content: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int | None = None


@dataclass(frozen=True)
class Endpoint:
    """A published endpoint, as the documentation and the tests read it."""

    method: str
    path: str
    name: str
    may: Permission | None
    body: type[Body] | None
    query: type[Query]
    answer: Any
    status: int
    tag: str
    summary: str
    is_public: bool
    view: Callable[..., Any]
    upload: type[Body] | None = None
    media: tuple[str, ...] = ("application/octet-stream",)
    may_wait: bool = False


@dataclass(frozen=True)
class Sent:
    """A file that came with a request: what the client calls it, and what is in it."""

    name: str
    content: bytes


ENDPOINTS: list[Endpoint] = []


def endpoint(
    method: str,
    path: str,
    *,
    may: Permission | None = None,
    body: type[Body] | None = None,
    upload: type[Body] | None = None,
    query: type[Query] = Query,
    answer: Any,
    status: int = 200,
    tag: str,
    public: bool = False,
    media: tuple[str, ...] = ("application/octet-stream",),
    may_wait: bool = False,
) -> Callable[[T], T]:
    """Publish a function as an endpoint. `may` None with `public` False: any valid token.

    `media` are the content types of an endpoint whose answer is `bytes`. One that `may_wait`
    answers 202 instead while a second person is asked, or a job has not finished.
    """

    def publish(function: T) -> T:
        name = function.__name__  # type: ignore[attr-defined]
        summary = (function.__doc__ or name).strip().splitlines()[0]  # type: ignore[attr-defined]
        ENDPOINTS.append(
            Endpoint(
                method,
                path,
                name,
                may,
                body,
                query,
                answer,
                status,
                tag,
                summary,
                public,
                function,  # type: ignore[arg-type]
                upload,
                media,
                may_wait,
            )
        )
        return function

    return publish


def blueprint_at(prefix: str, name: str) -> Blueprint:
    """Return a blueprint with every published endpoint under a prefix."""
    blueprint = Blueprint(name, __name__, url_prefix=prefix)
    for published in ENDPOINTS:
        blueprint.add_url_rule(
            published.path,
            endpoint=published.name,
            view_func=_view(published),
            methods=[published.method],
        )
    return blueprint


def listing(found: Page[Any], answer: Callable[[Any], Any] = lambda item: item) -> Reply:
    """Return a page of a list: an array, with the next page's address in the Link header."""
    items = [answer(item) for item in found.items]
    if found.next_cursor is None:
        return Reply(items)
    arguments: dict[str, Any] = request.args.to_dict() | {"cursor": found.next_cursor}
    address = url_for(str(request.endpoint), **(request.view_args or {}), **arguments)
    return Reply(items, {"Link": f'<{address}>; rel="next"'})


def created(content: Any, endpoint_name: str, **path: Any) -> Reply:
    """Return a new record with its Location."""
    blueprint = str(request.blueprint)
    return Reply(content, {"Location": url_for(f"{blueprint}.{endpoint_name}", **path)})


def problem(
    status: int,
    detail: str,
    errors: Sequence[DomainError] = (),
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Return an RFC 9457 problem."""
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "errors": [
            {"pointer": _pointer(error.field), "detail": error.message}
            for error in errors
            if error.field
        ],
        "request_id": g.get("request_id", ""),
    }
    # What a refusal adds never takes the place of a member of the problem itself (RFC 9457, 3.2).
    body = json.dumps(
        as_shown(dict(extra or {})) | content, default=float
    )  # only amounts are no JSON yet
    response = Response(body, status, mimetype=PROBLEM)
    response.headers["Cache-Control"] = "no-store"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="insurance"'
    return response


def _pointer(name: str | None) -> str:
    return "/" + (name or "").replace("~", "~0").replace("/", "~1").replace(".", "/")


def _view(published: Endpoint) -> Callable[..., Response]:
    def view(**path: Any) -> Response:
        try:
            with ExitStack() as scope:
                try:
                    return _run(published, path, scope)
                except OperationalError as error:
                    return on_outage(error)
        except ConflictError as error:
            return problem(409, error.message, error.errors, error.detail)
        except DomainError as error:
            extra = getattr(error, "detail", None)
            return problem(error.status, error.message, error.errors, extra)

    view.access = "api"  # type: ignore[attr-defined]
    if not published.is_public:
        view = limiter.limit("300 per minute", key_func=_token)(view)
        view = limiter.limit("6000 per minute")(view)
        view.access = "api"  # type: ignore[attr-defined]
    return view


def _token() -> str:
    """Name who asks by what they hold: a whole office has one address."""
    return hashlib.sha256(request.headers.get("Authorization", "").encode()).hexdigest()


class _UnauthorizedError(DomainError):
    status = 401


class _BadRequestError(DomainError):
    status = 400


def _run(published: Endpoint, path: dict[str, Any], scope: ExitStack) -> Response:
    actor = None if published.is_public else _authenticate()
    try:
        query = _parse(published.query, request.args.to_dict(), is_text=True)
        body, sent = _read_body(published.body), None
        if published.upload is not None:
            body, sent = _read_upload(published.upload)
    except DomainError:
        # Whoever may not do it at all hears that, not what else is wrong.
        _check_permission(published, actor)
        raise
    if actor is not None:
        actor = _enter(actor, query, body, scope)
        _check_permission(published, actor)
    arguments = dict(path)
    if published.query is not Query:
        arguments["query"] = query
    if body is not None:
        arguments["body"] = body
    if sent is not None:
        arguments["sent"] = sent

    def work() -> Response:
        return _respond(published, published.view(**arguments))

    key = request.headers.get("Idempotency-Key")
    if request.method == "POST" and actor is not None and key is not None:
        from insurance.web.idempotency import once

        if not _KEY.fullmatch(key):
            raise _BadRequestError("An Idempotency-Key has 1 to 255 printable characters.")
        read = sent.content + str(body).encode() if sent else request.get_data()

        def from_record(resource: str | None, resource_id: str | None) -> Response:
            return _answer_from_record(published, path, resource, resource_id)

        return once(key, f"{request.method} {request.path}", read, work, from_record=from_record)
    return work()


def _answer_from_record(
    published: Endpoint, path: dict[str, Any], resource: str | None, resource_id: str | None
) -> Response:
    """Answer a request that was done and whose answer was lost: with the record as it is now."""
    for reading in ENDPOINTS:
        if reading.method != "GET" or reading.answer != published.answer:
            continue
        own = _PLACE.findall(reading.path)
        made = _PLACE.sub("", reading.path.removeprefix(published.path)) == "/"
        if reading.path.startswith(published.path) and made and len(own) == len(path) + 1:
            identified = path | {own[-1]: UUID(str(resource_id))}
            place = url_for(f"{request.blueprint}.{reading.name}", **identified)
            return _respond(published, Reply(reading.view(**identified), {"Location": place}))
        if published.path.startswith(f"{reading.path}/") and set(own) <= set(path):
            return _respond(published, reading.view(**{name: path[name] for name in own}))
    raise ConflictError(
        "This request was done the first time, but its answer was lost. Read the record.",
        detail={"resource": resource, "resource_id": resource_id},
    )


def _check_permission(published: Endpoint, actor: Actor | None) -> None:
    if actor is not None and published.may is not None and not actor.may(published.may):
        raise ForbiddenError(f"This needs the permission {published.may.value}.")


def _authenticate() -> Actor:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _UnauthorizedError("Send a bearer token.")
    actor = authenticate_bearer(token.strip(), now=clock.now())
    if actor is None:
        raise _UnauthorizedError("The token is not valid, has expired or was revoked.")
    return actor.within(
        channel=Channel.API, method=request.method, ip=request.remote_addr, request_id=g.request_id
    )


def _enter(actor: Actor, query: Query, body: Body | None, scope: ExitStack) -> Actor:
    """Enter the caller's organization, or another of the caller's that the request names."""
    named = [org for org in (query.org_id, body.org_id if body else None) if org is not None]
    for org_id in named:
        if org_id != actor.org_id:
            from insurance.identity.queries import find_reachable_standing

            standing = (
                find_reachable_standing(actor.user_id, org_id) if actor.scopes is None else None
            )
            if standing is None:
                raise NotFoundError
            actor = actor.within(
                org_id=org_id,
                roles=standing.roles,
                grant_changes=standing.grant_changes,
                timezone=standing.timezone,
            )
    if len(set(named)) > 1 or actor.org_id is None:
        raise NotFoundError
    scope.enter_context(tenant_scope(actor.org_id))
    scope.enter_context(acting_as(actor))
    return actor


def _read_body(model: type[Body] | None) -> Body | None:
    if model is None:
        return None
    if request.content_length and request.content_length > MAX_BODY:
        raise _too_large()
    if not request.get_data() and not request.mimetype:
        return _parse(model, {})
    if request.mimetype != "application/json":
        error = _BadRequestError("Send the body as application/json.")
        error.status = 415
        raise error
    try:
        value = read_json(request.get_data())
    except UnreadableInputError as error:
        raise _BadRequestError(str(error)) from error
    if not isinstance(value, dict):
        raise _BadRequestError("The body must be a JSON object.")
    return _parse(model, value)


def _read_upload(model: type[Body]) -> tuple[Body, Sent]:
    """Read a form with one file. Large ones are kept on disk while they arrive."""
    if request.mimetype != "multipart/form-data":
        error = _BadRequestError("Send the file as multipart/form-data.")
        error.status = 415
        raise error
    request.max_content_length = MAX_UPLOAD
    if request.content_length and request.content_length > MAX_UPLOAD:
        raise _too_large("The file is larger than 100 MB.")
    files = request.files.getlist("file")
    if set(request.files) - {"file"} or len(files) > 1:
        raise DomainError("Send one file, in the field file.", field="file")
    if any(len(request.form.getlist(name)) > 1 for name in request.form):
        raise DomainError("Give each field once.")
    if not files:
        raise DomainError("This field is needed.", field="file")
    return _parse(model, request.form.to_dict()), Sent(files[0].filename or "", files[0].read())


def _too_large(message: str = "The body is larger than 1 MB.") -> DomainError:
    error = _BadRequestError(message)
    error.status = 413
    return error


def _parse(model: type[T], values: dict[str, Any], *, is_text: bool = False) -> T:
    if is_text:
        for name in values:
            if len(request.args.getlist(name)) > 1:
                raise DomainError("Give this once.", field=name)
            if "\x00" in values[name]:
                raise DomainError("Must not hold control characters.", field=name)
    try:
        return model.model_validate(values)  # type: ignore[attr-defined, no-any-return]
    except ValidationError as error:
        from insurance.core.errors import DomainErrors

        found = [
            DomainError(_in_words(single), field=".".join(str(part) for part in single["loc"]))
            for single in error.errors(include_url=False, include_context=False)
        ]
        raise DomainErrors(found[:50]) from error


def _in_words(single: Mapping[str, Any]) -> str:
    if single["type"] == "extra_forbidden":
        return "This field is not known here."
    if single["type"] == "missing":
        return "This field is needed."
    message = str(single["msg"]).removeprefix("Value error, ")
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")


def _respond(published: Endpoint, result: Any) -> Response:
    if isinstance(result, Response):
        return result
    reply = result if isinstance(result, Reply) else Reply(result)
    if published.status == 204:
        return Response(status=204, headers=dict(reply.headers))
    content = _adapter(published.answer).validate_python(
        reply.content, from_attributes=True, context=ANSWER
    )
    written = _adapter(published.answer).dump_python(content, mode="python")
    response = current_app.response_class(
        json.dumps(_jsonable(as_shown(written))),
        reply.status or published.status,
        mimetype="application/json",
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(reply.headers)
    return response


_ADAPTERS: dict[str, TypeAdapter[Any]] = {}


def _adapter(answer: Any) -> TypeAdapter[Any]:
    key = repr(answer)
    if key not in _ADAPTERS:
        _ADAPTERS[key] = TypeAdapter(answer)
    return _ADAPTERS[key]


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(inner) for inner in value]
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    return value
