"""Making and reading what proves a caller: signed access tokens, and secrets stored as hashes."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from insurance.identity.rules import ACCESS_TOKEN_LIFETIME

_ISSUER = "insurance"
_AUDIENCE = "insurance-api"
API_KEY_PREFIX = "ins_live_"
REFRESH_TOKEN_PREFIX = "ins_refresh_"
_signing_key: Ed25519PrivateKey | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says: which person, which organization, which sign-in."""

    user_id: UUID
    org_id: UUID
    grant_id: UUID


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What an API sign-in gives. `expires_in` in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


def use_signing_key(seed: bytes) -> None:
    """Set the Ed25519 key that signs access tokens (32 bytes)."""
    global _signing_key
    _signing_key = Ed25519PrivateKey.from_private_bytes(seed)


def new_secret(prefix: str = "") -> str:
    """Return 256 random bits as text."""
    return prefix + secrets.token_urlsafe(32)


def secret_hash(secret: str) -> bytes:
    """Return what is stored in place of a secret. It is random, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


def new_refresh_token(grant_id: UUID) -> str:
    """Return a refresh token: the sign-in it belongs to, by which it is found, and a secret."""
    return f"{REFRESH_TOKEN_PREFIX}{grant_id.hex}.{new_secret()}"


def read_refresh_token(token: str) -> UUID | None:
    """Return the sign-in that a refresh token says it belongs to, or None for another text."""
    grant, separator, secret = token.removeprefix(REFRESH_TOKEN_PREFIX).partition(".")
    if not token.startswith(REFRESH_TOKEN_PREFIX) or not separator or not secret:
        return None
    return UUID(grant) if len(grant) == 32 and set(grant) <= set("0123456789abcdef") else None


def sign_access_token(claims: Claims, now: datetime) -> str:
    """Return a token that lasts 15 minutes."""
    content = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "sub": str(claims.user_id),
        "org": str(claims.org_id),
        "grant": str(claims.grant_id),
        "iat": int(now.timestamp()),
        "exp": int((now + ACCESS_TOKEN_LIFETIME).timestamp()),
    }
    return jwt.encode(content, _key(), algorithm="EdDSA", headers={"typ": "at+jwt"})


def read_access_token(token: str, now: datetime) -> Claims | None:
    """Return what a token says, or None if it is forged, expired or of another kind."""
    try:
        if jwt.get_unverified_header(token).get("typ") != "at+jwt":
            return None
        content = jwt.decode(
            token,
            _key().public_key(),
            algorithms=["EdDSA"],
            audience=_AUDIENCE,
            issuer=_ISSUER,
            options={
                "require": ["exp", "iat", "sub", "aud", "iss"],
                "verify_exp": False,
                "verify_iat": False,
            },
        )
        if not int(content["iat"]) - 60 <= now.timestamp() < int(content["exp"]):
            return None
        return Claims(UUID(content["sub"]), UUID(content["org"]), UUID(content["grant"]))
    except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, AttributeError):
        return None


def _key() -> Ed25519PrivateKey:
    if _signing_key is None:
        raise RuntimeError("use_signing_key() was not called.")
    return _signing_key
