"""Sealing the audit log, verifying it, and proving one entry."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from insurance.audit_logs import rules
from insurance.audit_logs.models import (
    AuditEvent,
    AuditLeaf,
    AuditSeal,
    SealHead,
    UnsealedEvent,
)
from insurance.audit_logs.services import hash_of_row, said_by_row
from insurance.audit_logs.witnesses import find_missing
from insurance.core.db import db, transaction
from insurance.core.tenancy import current_org

BATCH = 5_000
UNSEALED_FOR_AT_MOST = timedelta(seconds=30)
CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""Servers' clocks may differ by this much; more is a wrong date."""
_COLUMNS = list(AuditEvent.__table__.columns)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A seal's number and hash (hexadecimal), kept outside the database since a moment."""

    seal_no: int
    hash: str
    anchored_at: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """That an event is in a signed seal: its leaf, the path to the root, the seal."""

    event_id: UUID
    event_hash: bytes
    leaf_index: int
    path: tuple[tuple[str, bytes], ...]
    seal_no: int
    size: int
    root: bytes
    prev_hash: bytes
    signature: bytes


@dataclass
class SealReport:
    """What a verification found. No problem means nothing was edited, removed or inserted."""

    events: int = 0
    seals: int = 0
    first_seal: int | None = None
    last_seal: int | None = None
    last_hash: bytes = rules.FIRST_PREVIOUS
    last_sealed_at: datetime | None = None
    unsealed: int = 0
    anchored_seal: int | None = None
    anchored_at: datetime | None = None
    problems: list[str] = field(default_factory=list)


def seal_events(key: bytes, *, now: datetime) -> int:
    """Seal what is unsealed in the organization in scope; returns how many entries.

    The head's row is locked, so one sealer works at a time. `key` is the 32-byte Ed25519 seed.
    """
    with transaction() as session:
        head = _locked_head(session)
        waiting = session.scalars(
            select(UnsealedEvent.event_id)
            .where(UnsealedEvent.org_id == current_org())
            .order_by(UnsealedEvent.event_id)
            .limit(BATCH)
        ).all()
        if not waiting:
            return 0
        hashes = dict(
            session.execute(
                select(AuditEvent.id, AuditEvent.payload_hash).where(
                    AuditEvent.org_id == current_org(), AuditEvent.id.in_(waiting)
                )
            )
            .tuples()
            .all()
        )
        leaves = [(one, rules.leaf_hash(hashes[one])) for one in waiting if one in hashes]
        if leaves:
            _write_seal(session, head, leaves, key, now)
        session.execute(
            delete(UnsealedEvent).where(
                UnsealedEvent.org_id == current_org(), UnsealedEvent.event_id.in_(waiting)
            )
        )
    return len(leaves)


def verify(
    public: bytes,
    *,
    now: datetime,
    first: int | None = None,
    last: int | None = None,
    anchors: Sequence[Anchor] = (),
    opened_at: datetime | None = None,
) -> SealReport:
    """Check the seals (all, or from `first` to `last`) of the organization in scope.

    `anchors` are kept outside the database; a missing or different one is a cut or rewritten tail.
    `opened_at` is when the organization was opened: from then on it has a log. Names every edited,
    removed, inserted, misdated or unsealed entry, and records that should have entries.
    """
    report = SealReport()
    session = db.session()
    by_seal: dict[int, list[Anchor]] = {}
    for anchor in anchors:
        by_seal.setdefault(anchor.seal_no, []).append(anchor)
    expected: int | None = first or 1
    previous: bytes | None = rules.FIRST_PREVIOUS if expected == 1 else None
    for seal in _seals(session, first, last):
        _check_chain(report, seal, expected, previous)
        _check_signature(report, seal, public)
        _check_leaves(session, report, seal)
        _check_anchors(report, seal, by_seal.get(seal.seal_no, []))
        expected, previous = seal.seal_no + 1, seal.hash
    _check_missing_anchors(report, by_seal, first, last)
    if first is None and last is None:
        _check_head(session, report)
        _check_unsealed(session, report, now)
        if not report.events + report.unsealed and opened_at and now - opened_at > CLOCKS_DIFFER_BY:
            report.problems.append(f"the log is empty, though it began on {opened_at:%Y-%m-%d}")
        report.problems += find_missing(session, now)
    return report


def find_proof(session: Session, event_id: UUID) -> Proof | None:
    """Return the proof of an event, or None while it is unsealed."""
    leaf = session.scalars(
        select(AuditLeaf).where(AuditLeaf.org_id == current_org(), AuditLeaf.event_id == event_id)
    ).one_or_none()
    if leaf is None:
        return None
    seal = session.get_one(AuditSeal, (current_org(), leaf.seal_no))
    hashes = _leaf_hashes(session, leaf.seal_no)
    event = session.get_one(AuditEvent, (current_org(), event_id))
    return Proof(
        event_id=event_id,
        event_hash=bytes(event.payload_hash),
        leaf_index=leaf.leaf_index,
        path=tuple(rules.merkle_path(hashes, leaf.leaf_index)),
        seal_no=seal.seal_no,
        size=seal.size,
        root=bytes(seal.root),
        prev_hash=bytes(seal.prev_hash),
        signature=bytes(seal.signature),
    )


def said_by(event: AuditEvent) -> dict[str, Any]:
    """Return everything an event says, as it was hashed."""
    return said_by_row({column.name: getattr(event, column.name) for column in _COLUMNS})


def newest_seal(session: Session) -> AuditSeal | None:
    """Return the newest seal of the organization in scope: what an anchor keeps."""
    return session.scalars(
        select(AuditSeal)
        .where(AuditSeal.org_id == current_org())
        .order_by(AuditSeal.seal_no.desc())
        .limit(1)
    ).one_or_none()


def _locked_head(session: Session) -> SealHead:
    session.execute(
        upsert(SealHead)
        .values(org_id=current_org(), seal_no=0, hash=rules.FIRST_PREVIOUS)
        .on_conflict_do_nothing()
    )
    return session.scalars(
        select(SealHead)
        .where(SealHead.org_id == current_org())
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _write_seal(
    session: Session, head: SealHead, leaves: list[tuple[UUID, bytes]], key: bytes, now: datetime
) -> None:
    root = rules.merkle_root([leaf for _event, leaf in leaves])
    seal = rules.Seal(current_org(), head.seal_no + 1, len(leaves), root, bytes(head.hash))
    session.execute(
        insert(AuditLeaf),
        [
            {
                "org_id": current_org(),
                "seal_no": seal.seal_no,
                "leaf_index": index,
                "event_id": event_id,
                "leaf_hash": leaf,
            }
            for index, (event_id, leaf) in enumerate(leaves)
        ],
    )
    session.add(
        AuditSeal(
            seal_no=seal.seal_no,
            size=seal.size,
            root=root,
            prev_hash=seal.prev_hash,
            hash=seal.hash,
            signature=rules.sign(key, seal.hash),
            sealed_at=now,
        )
    )
    head.seal_no, head.hash = seal.seal_no, seal.hash


def _seals(session: Session, first: int | None, last: int | None) -> Iterator[AuditSeal]:
    query = select(AuditSeal).where(AuditSeal.org_id == current_org()).order_by(AuditSeal.seal_no)
    if first is not None:
        query = query.where(AuditSeal.seal_no >= first)
    if last is not None:
        query = query.where(AuditSeal.seal_no <= last)
    yield from session.scalars(query)


def _check_chain(
    report: SealReport, seal: AuditSeal, expected: int | None, previous: bytes | None
) -> None:
    report.seals += 1
    report.first_seal = report.first_seal or seal.seal_no
    report.last_seal, report.last_hash = seal.seal_no, bytes(seal.hash)
    if report.last_sealed_at and seal.sealed_at < report.last_sealed_at - CLOCKS_DIFFER_BY:
        report.problems.append(f"seal {seal.seal_no} is dated before the seal before it")
    report.last_sealed_at = seal.sealed_at
    if expected is not None and seal.seal_no != expected:
        report.problems.append(f"seal {expected} is missing")
    elif previous is not None and bytes(seal.prev_hash) != previous:
        report.problems.append(f"seal {seal.seal_no} does not follow the seal before it")


def _check_signature(report: SealReport, seal: AuditSeal, public: bytes) -> None:
    said = rules.Seal(seal.org_id, seal.seal_no, seal.size, bytes(seal.root), bytes(seal.prev_hash))
    if said.hash != bytes(seal.hash):
        report.problems.append(f"seal {seal.seal_no} was edited")
    if not rules.is_signed(public, said.hash, bytes(seal.signature)):
        report.problems.append(f"seal {seal.seal_no} has a bad signature")


def _check_leaves(session: Session, report: SealReport, seal: AuditSeal) -> None:
    rows = session.execute(
        select(
            AuditLeaf.leaf_index,
            AuditLeaf.leaf_hash,
            AuditLeaf.event_id.label("leaf_event"),
            *_COLUMNS,
        )
        .outerjoin(
            AuditEvent,
            (AuditEvent.org_id == AuditLeaf.org_id) & (AuditEvent.id == AuditLeaf.event_id),
        )
        .where(AuditLeaf.org_id == current_org(), AuditLeaf.seal_no == seal.seal_no)
        .order_by(AuditLeaf.leaf_index)
    ).all()
    computed = []
    for row in rows:
        if row.id is None:
            report.problems.append(f"entry {row.leaf_event} was removed (seal {seal.seal_no})")
            computed.append(bytes(row.leaf_hash))
            continue
        if row.recorded_at > seal.sealed_at + CLOCKS_DIFFER_BY:
            report.problems.append(f"entry {row.id} is dated after it was sealed")
        leaf = rules.leaf_hash(hash_of_row(row._asdict()))
        computed.append(leaf)
        if leaf != bytes(row.leaf_hash):
            report.problems.append(f"entry {row.id} was edited (seal {seal.seal_no})")
    report.events += len(rows)
    if len(rows) != seal.size:
        report.problems.append(
            f"seal {seal.seal_no} covers {seal.size} entries, {len(rows)} are there"
        )
    if rules.merkle_root(computed) != bytes(seal.root):
        report.problems.append(f"seal {seal.seal_no}: the entries do not give its root")


def _check_anchors(report: SealReport, seal: AuditSeal, anchors: Sequence[Anchor]) -> None:
    for anchor in anchors:
        if anchor.hash != bytes(seal.hash).hex():
            report.problems.append(f"seal {seal.seal_no} differs from its anchor")
        elif report.anchored_at is None or anchor.anchored_at >= report.anchored_at:
            report.anchored_seal, report.anchored_at = anchor.seal_no, anchor.anchored_at


def _check_missing_anchors(
    report: SealReport, anchored: Collection[int], first: int | None, last: int | None
) -> None:
    newest = report.last_seal or 0
    for seal_no in sorted(anchored):
        if seal_no > newest and (first or 0) <= seal_no and (last is None or seal_no <= last):
            report.problems.append(
                f"seal {seal_no} is anchored but no longer there: the tail was cut"
            )


def _check_head(session: Session, report: SealReport) -> None:
    """Compare the newest seal with the head that the sealer goes on from."""
    head = session.get(SealHead, (current_org(),), populate_existing=True)
    if head is None and report.seals:
        report.problems.append("the head of the seals was removed")
    elif head is not None and head.seal_no != (report.last_seal or 0):
        report.problems.append(
            f"{head.seal_no} seals were made, the newest there is {report.last_seal or 'none'}:"
            " the tail was cut"
        )
    elif head is not None and bytes(head.hash) != report.last_hash:
        report.problems.append(f"seal {head.seal_no} is not the one that was made")


def _check_unsealed(session: Session, report: SealReport, now: datetime) -> None:
    rows = session.execute(
        select(AuditEvent.id, AuditEvent.recorded_at)
        .outerjoin(
            AuditLeaf,
            (AuditLeaf.org_id == AuditEvent.org_id) & (AuditLeaf.event_id == AuditEvent.id),
        )
        .where(AuditEvent.org_id == current_org(), AuditLeaf.event_id.is_(None))
        .order_by(AuditEvent.id)
    ).all()
    report.unsealed = len(rows)
    for event_id, recorded_at in rows:
        if now - recorded_at > UNSEALED_FOR_AT_MOST:
            report.problems.append(f"entry {event_id} is not sealed, though it is over 30 s old")
        elif recorded_at - now > CLOCKS_DIFFER_BY:
            report.problems.append(f"entry {event_id} is dated {recorded_at:%Y-%m-%d}, after today")


def _leaf_hashes(session: Session, seal_no: int) -> list[bytes]:
    return [
        bytes(one)
        for one in session.scalars(
            select(AuditLeaf.leaf_hash)
            .where(AuditLeaf.org_id == current_org(), AuditLeaf.seal_no == seal_no)
            .order_by(AuditLeaf.leaf_index)
        )
    ]
