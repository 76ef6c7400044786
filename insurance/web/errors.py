"""What a person sees when something is refused, missing or broken: words, never a stack trace."""

import psycopg
import structlog
from flask import Flask, Response, make_response, render_template, request
from flask_limiter.errors import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from insurance.core.errors import DomainError

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
    app.register_error_handler(OperationalError, _on_outage)
    app.register_error_handler(psycopg.OperationalError, _on_outage)
    app.register_error_handler(PoolTimeoutError, _on_outage)
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


def _on_outage(error: Exception) -> Response:
    _log.error("database unavailable", exc_info=error)
    response = answer(503, WORDS[503][1])
    response.headers["Retry-After"] = "5"
    return response


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
