"""What a person sees when something is refused, missing or broken: words, never a stack trace."""

from uuid import UUID

import psycopg
import structlog
from flask import Flask, Response, make_response, render_template, request
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from insurance.core import locks
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.core.tenancy import tenant_scope
from insurance.identity.queries import get_user

_log = structlog.get_logger()

WORDS = {
    400: ("Not understood", "The request could not be read. Go back and try again."),
    403: ("Not allowed", "Your role does not allow this. A tenant administrator can change that."),
    404: ("Not found", "There is nothing at this address, or it is not yours to see."),
    405: ("Not possible here", "This address does not take that kind of request."),
    409: ("Changed meanwhile", "The record is no longer in the state this needs."),
    413: ("Too large", "What you sent is too large."),
    415: ("Not understood", "This kind of content is not accepted here."),
    422: ("There is a problem", "Something that was entered cannot be used."),
    429: ("Too many tries", "Wait a little and try again."),
    500: ("Something went wrong", "Nothing was saved. The request id below helps us find out why."),
    503: ("Not available just now", "A part of the system is down. Try again in a minute."),
}


def init_app(app: Flask) -> None:
    """Register the handlers. Paths under /api answer with problem+json instead."""
    app.register_error_handler(DomainError, _on_domain_error)
    app.register_error_handler(CSRFError, _on_csrf_error)
    app.register_error_handler(RateLimitExceeded, _on_rate_limit)
    app.register_error_handler(HTTPException, _on_http_error)
    for kind in (OperationalError, psycopg.OperationalError, PoolTimeoutError, RedisError):
        app.register_error_handler(kind, on_outage)
    app.register_error_handler(Exception, _on_any_error)


def _on_domain_error(error: DomainError) -> Response:
    return answer(error.status, error.message, errors=error.errors)


def _on_csrf_error(_error: CSRFError) -> Response:
    return answer(403, "The page was open too long or in another session. Reload it and try again.")


def _on_rate_limit(error: RateLimitExceeded) -> Response:
    response = answer(429, WORDS[429][1])
    limit = error.limit.limit if error.limit else None
    response.headers["Retry-After"] = str(limit.get_expiry() if limit else 60)
    return response


def _on_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return error.get_response()  # type: ignore[return-value]
    response = answer(status, WORDS.get(status, WORDS[400])[1])
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response


def on_outage(error: Exception) -> Response:
    """Answer what the database or the queue refused: a lock of somebody else, too slow, or down.

    Called while the caller's organization is still in scope, so that a colleague can be named.
    """
    if locks.is_conflict(error):
        _log.warning("waited for a lock in vain", error=str(error).splitlines()[0])
        return answer(409, f"{_holder(error)} Nothing was saved. Try again in a moment.")
    _log.error("part of the system unavailable", exc_info=error)
    response = answer(503, _outage(error))
    response.headers["Retry-After"] = "5"
    return response


def _outage(error: Exception) -> str:
    if isinstance(error, RedisError):
        return "The queue does not answer. Try again in a minute."
    if isinstance(error, PoolTimeoutError):
        return "Too many requests at once. Nothing was saved. Try again in a minute."
    if locks.was_too_slow(error):
        return "This took too long and was stopped. Nothing was saved."
    return "The database does not answer. Nothing was saved. Try again in a minute."


def _holder(error: Exception) -> str:
    """Say who is changing the record; in general where that is not known."""
    org_id = current_actor().org_id
    holder: UUID | str | None = None
    try:
        if org_id is not None:
            db.session.rollback()
            with tenant_scope(org_id):
                session = db.session()
                holder = locks.find_holder(session.connection(), error, org_id)
                if isinstance(holder, UUID):
                    name = get_user(session, holder).name
                    return f"{name} is changing this record right now."
    except (SQLAlchemyError, DomainError) as failure:
        _log.warning("who holds a lock was not found", exc_info=failure)
    if holder is not None:
        return "A job is changing this record right now, such as a month-end or a file of payments."
    return "Somebody else is changing this record right now."


def _on_any_error(error: Exception) -> Response:
    _log.error("unhandled", path=request.path, exc_info=error)
    return answer(500, WORDS[500][1])


def answer(status: int, message: str, errors: list[DomainError] | None = None) -> Response:
    """Return the error as a page, a panel for htmx, or problem+json under /api."""
    if request.path.startswith("/api/"):
        from insurance.api.edge import problem

        return problem(status, message, errors or [])
    title = WORDS.get(status, WORDS[400])[0]
    is_part = request.headers.get("HX-Request-Type") == "partial"
    template = "errors/panel.html" if is_part else "errors/page.html"
    body = render_template(template, status=status, title=title, message=message)
    response = make_response(body, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers.add("Vary", "HX-Request-Type")
    return response
