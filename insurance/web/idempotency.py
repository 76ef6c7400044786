"""One effect per Idempotency-Key: a repeated POST is answered as the first one was.

The key is claimed in a short transaction of its own before the work starts, so a second request
with the same key waits. The claim is a lease that is renewed while the work runs: if the process
dies before the work's commit, the key is free again soon after; if it dies after the commit, the
key is done and the repetition is answered from the record.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import TypeVar

from flask import Flask, Response, current_app
from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert

from insurance.core import clock
from insurance.core.db import db, transaction
from insurance.core.errors import ConflictError, DomainError
from insurance.core.idempotency import IdempotencyKey, KeyClaim, working_for
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org, tenant_scope

T = TypeVar("T")
_LEASE = timedelta(seconds=60)
_RENEW_SECONDS = 20
_WAIT_SECONDS = 20
_KEPT_HEADERS = ("Location", "HX-Location", "HX-Redirect", "Content-Type")


def once(
    key: str,
    route: str,
    body: bytes,
    work: Callable[[], Response],
    *,
    from_record: Callable[[str | None, str | None], Response],
    keeps: Callable[[Response], bool] = lambda response: response.status_code < 400,
) -> Response:
    """Do the work once for a key and answer its repetitions with the stored answer.

    `keeps` says which answers are stored; any other frees the key for another try. `from_record`
    answers where the work was done and its answer was lost, given the resource and its id.
    Raises DomainError when the key came with another body or route before.
    """
    digest = hashlib.sha256(body).digest()
    claim = KeyClaim(current_org(), key, new_id())
    found = _claim_or_wait(claim, route, digest)
    if found is not None:
        answered = found.status is not None
        return _replayed(
            _stored(found) if answered else from_record(found.resource, found.resource_id)
        )
    try:
        with _renewed(current_app._get_current_object(), claim), working_for(claim):  # type: ignore[attr-defined]
            response = work()
    except DomainError:
        _release(claim)
        raise
    except BaseException:
        # What was committed before it broke stays done.
        _release(claim, unless_done=True)
        raise
    if keeps(response):
        _store(claim, response)
    else:
        _release(claim)
    return response


def _claim_or_wait(claim: KeyClaim, route: str, digest: bytes) -> IdempotencyKey | None:
    """Return the key of a request that was done before, or None once it is this request's."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        if _take(claim, route, digest, clock.now()):
            return None
        found = _find(claim.key)
        if found is not None:
            if (found.route, bytes(found.body_hash)) != (route, digest):
                raise DomainError("This Idempotency-Key came with another request before.")
            was_lost = found.done_at is not None and found.lease_until < clock.now()
            if found.status is not None or was_lost:
                return found
        if time.monotonic() > deadline:
            raise ConflictError("The first request with this key is still running.")
        time.sleep(0.05)


def _take(claim: KeyClaim, route: str, digest: bytes, now: datetime) -> bool:
    values = {
        "org_id": claim.org_id,
        "key": claim.key,
        "route": route,
        "body_hash": digest,
        "claimed_by": claim.claimed_by,
        "headers": {},
        "created_at": now,
        "lease_until": now + _LEASE,
    }
    taking = insert(IdempotencyKey).values(**values)
    abandoned = (
        IdempotencyKey.status.is_(None)
        & IdempotencyKey.done_at.is_(None)
        & (IdempotencyKey.lease_until < now)
    )
    with transaction() as session:
        taken = session.execute(
            taking.on_conflict_do_update(
                index_elements=["org_id", "key"],
                set_={
                    "lease_until": taking.excluded.lease_until,
                    "claimed_by": taking.excluded.claimed_by,
                    "created_at": now,
                },
                where=abandoned
                & (IdempotencyKey.route == route)
                & (IdempotencyKey.body_hash == digest),
            ).returning(IdempotencyKey.key)
        ).one_or_none()
    return taken is not None


@contextmanager
def _renewed(app: Flask, claim: KeyClaim) -> Iterator[None]:
    """Renew the lease of a key for as long as the block runs."""
    is_over = Event()

    def renew() -> None:
        while not is_over.wait(_RENEW_SECONDS):
            with app.app_context(), tenant_scope(claim.org_id), transaction() as session:
                session.execute(
                    _of(claim, update(IdempotencyKey)).values(lease_until=clock.now() + _LEASE)
                )

    renewal = Thread(target=renew, daemon=True)
    renewal.start()
    try:
        yield
    finally:
        is_over.set()


def _find(key: str) -> IdempotencyKey | None:
    session = db.session()
    session.rollback()
    return session.get(IdempotencyKey, (current_org(), key), populate_existing=True)


def _of(claim: KeyClaim, statement: T) -> T:
    """Narrow a statement to the key while this request has it."""
    return statement.where(  # type: ignore[attr-defined, no-any-return]
        IdempotencyKey.org_id == claim.org_id,
        IdempotencyKey.key == claim.key,
        IdempotencyKey.claimed_by == claim.claimed_by,
    )


def _store(claim: KeyClaim, response: Response) -> None:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    with transaction() as session:
        session.execute(
            _of(claim, update(IdempotencyKey)).values(
                status=response.status_code, answer=response.get_data(True), headers=headers
            )
        )


def _release(claim: KeyClaim, *, unless_done: bool = False) -> None:
    db.session.rollback()
    freeing = _of(claim, delete(IdempotencyKey)).where(IdempotencyKey.status.is_(None))
    with transaction() as session:
        session.execute(freeing.where(IdempotencyKey.done_at.is_(None)) if unless_done else freeing)


def _stored(found: IdempotencyKey) -> Response:
    return Response(found.answer or "", found.status, headers=found.headers)


def _replayed(response: Response) -> Response:
    response.headers["Idempotent-Replayed"] = "true"
    response.headers["Cache-Control"] = "no-store"
    return response
