"""One effect per Idempotency-Key: a repeated POST is answered as the first one was.

The key is claimed in a short transaction of its own before the work starts, so a second request
with the same key waits; a claim whose process died is free again after its lease.
"""

import hashlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from flask import Response
from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert

from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.idempotency import IdempotencyKey
from insurance.core.tenancy import current_org

_LEASE = timedelta(seconds=60)
_WAIT_SECONDS = 20
_KEPT_HEADERS = ("Location", "HX-Location", "HX-Redirect", "Content-Type")


def once(
    key: str,
    route: str,
    body: bytes,
    work: Callable[[], Response],
    *,
    keeps: Callable[[Response], bool] = lambda response: response.status_code < 400,
) -> Response:
    """Do the work once for a key and answer its repetitions with the stored answer.

    `keeps` says which answers are stored; any other frees the key for another try.
    Raises DomainError when the key came with another body or route before.
    """
    digest = hashlib.sha256(body).digest()
    stored = _claim_or_wait(key, route, digest)
    if stored is not None:
        return stored
    try:
        response = work()
    except BaseException:
        _release(key)
        raise
    if keeps(response):
        _store(key, response)
    else:
        _release(key)
    return response


def _claim_or_wait(key: str, route: str, digest: bytes) -> Response | None:
    """Return the stored answer, or None once the key is this request's."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        if _claim(key, route, digest, clock.now()):
            return None
        found = _find(key)
        if found is not None:
            if (found.route, bytes(found.body_hash)) != (route, digest):
                raise DomainError("This Idempotency-Key came with another request before.")
            if found.status is not None:
                return _replayed(found)
        if time.monotonic() > deadline:
            raise ConflictError("The first request with this key is still running.")
        time.sleep(0.05)


def _claim(key: str, route: str, digest: bytes, now: datetime) -> bool:
    values = {
        "org_id": current_org(),
        "key": key,
        "route": route,
        "body_hash": digest,
        "headers": {},
        "created_at": now,
        "lease_until": now + _LEASE,
    }
    claim = insert(IdempotencyKey).values(**values)
    abandoned = (IdempotencyKey.status.is_(None)) & (IdempotencyKey.lease_until < now)
    with transaction() as session:
        claimed = session.execute(
            claim.on_conflict_do_update(
                index_elements=["org_id", "key"],
                set_={"lease_until": claim.excluded.lease_until, "created_at": now},
                where=abandoned
                & (IdempotencyKey.route == route)
                & (IdempotencyKey.body_hash == digest),
            ).returning(IdempotencyKey.key)
        ).one_or_none()
    return claimed is not None


def _find(key: str) -> IdempotencyKey | None:
    session = db.session()
    session.rollback()
    return session.get(IdempotencyKey, (current_org(), key), populate_existing=True)


def _store(key: str, response: Response) -> None:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    with transaction() as session:
        session.execute(
            update(IdempotencyKey)
            .where(IdempotencyKey.org_id == current_org(), IdempotencyKey.key == key)
            .values(status=response.status_code, answer=response.get_data(True), headers=headers)
        )


def _release(key: str) -> None:
    db.session.rollback()
    with transaction() as session:
        session.execute(
            delete(IdempotencyKey).where(
                IdempotencyKey.org_id == current_org(),
                IdempotencyKey.key == key,
                IdempotencyKey.status.is_(None),
            )
        )


def _replayed(found: IdempotencyKey) -> Response:
    response = Response(found.answer or "", found.status, headers=found.headers)
    response.headers["Idempotent-Replayed"] = "true"
    response.headers["Cache-Control"] = "no-store"
    return response
