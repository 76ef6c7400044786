"""Personal data at rest: AES-256-GCM bound to its place, and a keyed hash for search.

A ciphertext is `v1.<key id>.<nonce>.<bytes>`; the organization, table, column and row it belongs
to are authenticated with it, so it cannot be moved to another row. Keys come from the environment:
the first master key encrypts, every listed one decrypts, which is what rotation needs.
"""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_INDEX_BYTES = 16


class UnreadableError(ValueError):
    """A ciphertext was altered, moved to another row, or its key is gone."""


@dataclass(frozen=True)
class Keyring:
    """The master keys, newest first, and the key of the search hash, which does not rotate."""

    master_keys: tuple[bytes, ...]
    index_key: bytes


_keyring: Keyring | None = None


def use_keys(master_keys: tuple[bytes, ...], index_key: bytes) -> None:
    """Set the keys of this process. Raises ValueError for one that is not 32 bytes."""
    global _keyring
    if not master_keys or any(len(key) != 32 for key in (*master_keys, index_key)):
        raise ValueError("Encryption keys are 32 bytes each, in base64.")
    _keyring = Keyring(master_keys, index_key)
    _data_key.cache_clear()


def encrypt(org_id: UUID, table: str, column: str, row_id: UUID, text: str) -> str:
    """Return the ciphertext of one value for one place."""
    master = _keys().master_keys[0]
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(_data_key(master, org_id)).encrypt(
        nonce, text.encode(), _place(org_id, table, column, row_id)
    )
    return ".".join(("v1", key_id(master), _text(nonce), _text(sealed)))


def decrypt(org_id: UUID, table: str, column: str, row_id: UUID, ciphertext: str) -> str:
    """Return the value. Raises UnreadableError if it was altered, moved, or the key is gone."""
    _version, wanted, nonce, sealed = ciphertext.split(".")
    for master in _keys().master_keys:
        if key_id(master) == wanted:
            try:
                opened = AESGCM(_data_key(master, org_id)).decrypt(
                    _bytes(nonce), _bytes(sealed), _place(org_id, table, column, row_id)
                )
            except InvalidTag as error:
                raise UnreadableError(f"{table}.{column} cannot be read.") from error
            return opened.decode()
    raise UnreadableError(f"The key {wanted} of {table}.{column} is not configured.")


def newest_prefix() -> str:
    """Return what every ciphertext of the newest master key begins with."""
    return f"v1.{key_id(_keys().master_keys[0])}."


def blind_index(org_id: UUID, kind: str, text: str) -> bytes:
    """Return the 16-byte keyed hash by which an encrypted value is found within one tenant."""
    message = b"\0".join((org_id.bytes, kind.encode(), text.encode()))
    return hmac.new(_keys().index_key, message, hashlib.sha256).digest()[:_INDEX_BYTES]


def mask_account(number: str) -> str:
    """Return `******1234`: the last four digits."""
    return "*" * max(len(number) - 4, 0) + number[-4:]


def key_id(master: bytes) -> str:
    """Return the short public name of a master key."""
    return hashlib.sha256(b"key id" + master).hexdigest()[:8]


def _keys() -> Keyring:
    if _keyring is None:
        raise RuntimeError("use_keys() was not called.")
    return _keyring


@lru_cache(maxsize=1024)
def _data_key(master: bytes, org_id: UUID) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"data key" + org_id.bytes).derive(master)


def _place(org_id: UUID, table: str, column: str, row_id: UUID) -> bytes:
    return b"\0".join((org_id.bytes, table.encode(), column.encode(), row_id.bytes))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
