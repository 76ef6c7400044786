"""Signing programs in: access and refresh tokens."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from insurance.api.edge import Answer, Body, endpoint
from insurance.core import clock
from insurance.core.errors import DomainError
from insurance.identity import services
from insurance.web.limits import limiter
from insurance.web.parsing import Words


class TokenBody(Body):
    """Who signs in. `otp` where a second factor is set up; `org_id` for another organization."""

    email: Words = Field(min_length=3, max_length=254)
    password: str = Field(min_length=1, max_length=200)
    otp: Words | None = Field(None, max_length=20)


class RefreshBody(Body):
    """The refresh token, usable once."""

    refresh_token: Words = Field(min_length=1, max_length=4000)


class RevokeBody(Body):
    """An access or refresh token."""

    token: Words = Field(min_length=1, max_length=4000)


class TokenAnswer(Answer):
    """Tokens. `expires_in` in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str


class RevokeAnswer(Answer):
    """What became of the token."""

    revoked: bool


@endpoint("POST", "/auth/token", body=TokenBody, answer=TokenAnswer, tag="Signing in", public=True)
@limiter.limit("20 per minute; 200 per hour")
def create_token(body: TokenBody):
    """Sign in with an address, a password and, where set up, a code."""
    now = clock.now()
    with _as_unauthorized():
        found = services.check_sign_in(body.email, body.password, now=now)
        if found.needs_code:
            if not body.otp:
                raise DomainError("Send the code of the second factor as otp.", field="otp")
            services.check_code(found.user_id, body.otp, now=now, field="otp")
    return _answer(services.open_grant(found.user_id, body.org_id or found.org_id, now=now))


@endpoint(
    "POST", "/auth/refresh", body=RefreshBody, answer=TokenAnswer, tag="Signing in", public=True
)
@limiter.limit("60 per minute")
def refresh_token(body: RefreshBody):
    """Exchange a refresh token for a new pair; one that was used before ends the sign-in."""
    with _as_unauthorized():
        return _answer(services.refresh_grant(body.refresh_token, now=clock.now()))


@endpoint(
    "POST", "/auth/revoke", body=RevokeBody, answer=RevokeAnswer, tag="Signing in", public=True
)
@limiter.limit("60 per minute")
def revoke_token(body: RevokeBody):
    """End the sign-in that an access or refresh token belongs to; holding the token is enough."""
    services.revoke_grant(body.token, now=clock.now())
    return {"revoked": True}


@contextmanager
def _as_unauthorized() -> Iterator[None]:
    """Answer a refusal with 401: who calls has not proved who it is."""
    try:
        yield
    except DomainError as error:
        error.status = 401
        raise


def _answer(pair: services.TokenPair) -> TokenAnswer:
    return TokenAnswer(
        access_token=pair.access_token,
        token_type="Bearer",
        expires_in=pair.expires_in,
        refresh_token=pair.refresh_token,
    )
