"""The arithmetic of proof: canonical JSON, RFC 6962 Merkle trees, chained and signed seals."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

_LEAF, _NODE, _SEAL = b"\x00", b"\x01", b"\x02"
FIRST_PREVIOUS = bytes(32)
"""What the first seal of an organization is chained to."""

_HIDDEN_KEYS = ("id_number", "passport_number")


def canonical_json(value: Any) -> bytes:
    """Return the one way to write a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def plain(value: Any, key: str = "") -> Any:
    """Return a value as JSON holds it: money as text, dates in ISO form, identity masked."""
    if isinstance(value, dict):
        return {str(name): plain(inner, str(name)) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner, key) for inner in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(plain(inner, key) for inner in value)
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, str) and key in _HIDDEN_KEYS:
        return "*" * len(value)
    if isinstance(value, str) and key == "account_number" and "*" not in value:
        return "*" * max(len(value) - 4, 0) + value[-4:]
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


def event_hash(event: dict[str, Any]) -> bytes:
    """Return the hash of everything an event's row says."""
    return hashlib.sha256(canonical_json(event)).digest()


def leaf_hash(event_digest: bytes) -> bytes:
    """Return a leaf's hash (RFC 6962, section 2.1)."""
    return hashlib.sha256(_LEAF + event_digest).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes (RFC 6962, section 2.1)."""
    if not leaves:
        return hashlib.sha256().digest()
    level = list(leaves)
    while len(level) > 1:
        level = [
            _node(level[at], level[at + 1]) if at + 1 < len(level) else level[at]
            for at in range(0, len(level), 2)
        ]
    return level[0]


def merkle_path(leaves: Sequence[bytes], index: int) -> list[tuple[str, bytes]]:
    """Return the hashes that lead from a leaf to the root, each with the side it stands on."""
    path, level = [], list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(("left" if sibling < index else "right", level[sibling]))
        level = [
            _node(level[at], level[at + 1]) if at + 1 < len(level) else level[at]
            for at in range(0, len(level), 2)
        ]
        index //= 2
    return path


def root_from_path(leaf: bytes, path: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the root that a leaf and its path lead to."""
    for side, sibling in path:
        leaf = _node(sibling, leaf) if side == "left" else _node(leaf, sibling)
    return leaf


@dataclass(frozen=True, slots=True)
class Seal:
    """A signed statement: these events, in this order, after that seal."""

    org_id: UUID
    seal_no: int
    size: int
    root: bytes
    prev_hash: bytes

    @property
    def hash(self) -> bytes:
        """Return what is chained and signed."""
        place = f"{self.org_id}|{self.seal_no}|{self.size}".encode()
        return hashlib.sha256(_SEAL + self.prev_hash + self.root + place).digest()


def sign(key: bytes, seal_hash: bytes) -> bytes:
    """Sign with the 32-byte Ed25519 seed that the database never sees."""
    return Ed25519PrivateKey.from_private_bytes(key).sign(seal_hash)


def public_key(key: bytes) -> bytes:
    """Return the public key of a seed: 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def is_signed(public: bytes, seal_hash: bytes, signature: bytes) -> bool:
    """Tell whether a signature is the key holder's."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, seal_hash)
    except (InvalidSignature, ValueError):
        return False
    return True


def changes(
    before: dict[str, Any] | None, after: dict[str, Any] | None
) -> list[tuple[str, Any, Any]]:
    """Return (field, before, after) for what differs, in the order of the fields' names."""
    old, new = before or {}, after or {}
    return [
        (name, old.get(name), new.get(name))
        for name in sorted(set(old) | set(new))
        if old.get(name) != new.get(name)
    ]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
