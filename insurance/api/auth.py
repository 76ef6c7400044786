"""Signing programs in: access and refresh tokens."""

from uuid import UUID

from pydantic import Field

from insurance.api.edge import Answer, Body, endpoint
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.errors import DomainError
from insurance.identity import services
from insurance.web.limits import limiter
from insurance.web.parsing import Words


class TokenBody(Body):
    """Who signs in. `otp` where the person has a second factor; `org_id` for another organization."""

    email: Words = Field(min_length=3, max_length=254)
    password: str = Field(min_length=1, max_length=200)
    otp: Words | None = Field(None, max_length=20)


class RefreshBody(Body):
    """The refresh token, usable once."""

    refresh_token: Words = Field(min_length=1, max_length=200)


class RevokeBody(Body):
    """An access or refresh token of one's own."""

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


@endpoint(
    "POST", "/auth/token", body=TokenBody, answer=TokenAnswer, tag="Signing in", public=True
)
@limiter.limit("20 per minute; 200 per hour")
def create_token(body: TokenBody):
    """Sign in with an address, a password and, where set up, a code."""
    now = clock.now()
    try:
        found = services.check_sign_in(body.email, body.password, now=now)
        if found.needs_code:
            services.check_code(found.user_id, body.otp or "", now=now)
    except DomainError as error:
        error.status = 401
        raise
    return _answer(services.open_grant(found.user_id, body.org_id or found.org_id, now=now))


@endpoint(
    "POST", "/auth/refresh", body=RefreshBody, answer=TokenAnswer, tag="Signing in", public=True
)
@limiter.limit("60 per minute")
def refresh_token(body: RefreshBody):
    """Exchange a refresh token for a new pair; one that was used before ends the sign-in."""
    try:
        return _answer(services.refresh_grant(body.refresh_token, now=clock.now()))
    except DomainError as error:
        error.status = 401
        raise


@endpoint("POST", "/auth/revoke", body=RevokeBody, answer=RevokeAnswer, tag="Signing in")
def revoke_token(body: RevokeBody):
    """End the sign-in that a token of one's own belongs to."""
    user_id: UUID | None = current_actor().user_id
    if user_id is not None:
        services.revoke_grant(body.token, user_id, now=clock.now())
    return {"revoked": True}


def _answer(pair: services.TokenPair) -> TokenAnswer:
    return TokenAnswer(
        access_token=pair.access_token,
        token_type="Bearer",
        expires_in=pair.expires_in,
        refresh_token=pair.refresh_token,
    )
