"""Logs: one JSON line each, with the request id and without personal data."""

import logging
import re
import sys
from typing import Any

import structlog

from insurance.core.context import current_actor

_SECRETS = re.compile(
    r"(?P<id>\b[0-9]{13}\b)|(?P<email>[\w.+-]+@[\w.-]+\.\w+)|(?P<key>ins_live_[\w-]+)"
    r"|(?P<jwt>eyJ[\w-]+\.[\w-]+\.[\w-]+)|(?P<account>\b[0-9]{9,16}\b)"
)
_SECRET_NAMES = ("password", "token", "secret", "otp", "authorization", "cookie", "id_number")


def set_up_logs(level: str = "INFO") -> None:
    """Send every log line, ours and the libraries', to standard error as JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _add_request,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def redacted(text: str) -> str:
    """Return text without ID numbers, account numbers, addresses and tokens."""
    return _SECRETS.sub(lambda found: f"[{found.lastgroup}]", text)


def _add_request(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    actor = current_actor()
    if actor.request_id:
        event.setdefault("request_id", actor.request_id)
    if actor.org_id:
        event.setdefault("org_id", str(actor.org_id))
    return event


def _redact(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    for name, value in event.items():
        if any(secret in name.lower() for secret in _SECRET_NAMES):
            event[name] = "[redacted]"
        elif isinstance(value, str) and name not in ("request_id", "org_id", "timestamp"):
            event[name] = redacted(value)
    return event
