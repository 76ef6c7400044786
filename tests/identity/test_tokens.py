"""Bearer tokens: signing programs in, forged tokens, rotation, revocation, API keys."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.permissions import Permission, Role, list_permissions
from insurance.core.settings import Settings
from insurance.core.tenancy import platform_scope
from insurance.customers.permissions import CustomersMay
from insurance.identity import services
from insurance.identity.models import ApiKey, Membership, TokenGrant, User
from insurance.identity.services import TokenPair
from insurance.organizations.models import Organization, OrganizationEntry
from tests.factories.identity import (
    PASSWORD,
    PersonFacts,
    TestClient,
    api_key_for,
    make_person,
    with_password,
    with_second_factor,
)
from tests.factories.organizations import OrganizationFacts, make_organization
from tests.identity.conftest import NOW

Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(client: TestClient) -> Ask:
    """Return a function that posts to /auth/<what>."""

    def post(what: str, **body: Any) -> TestResponse:
        return client.post(f"/api/v1/auth/{what}", json=body)

    return post


@pytest.fixture
def whoami(client: TestClient) -> Callable[[str], int]:
    """Return a function that tells how the API answers to a token."""

    def status(token: str) -> int:
        return client.get(
            "/api/v1/product-classes", headers={"Authorization": f"Bearer {token}"}
        ).status_code

    return status


@pytest.fixture
def pair(agent: PersonFacts, org: OrganizationFacts) -> TokenPair:
    """Return a fresh API sign-in of the agent."""
    return services.open_grant(agent.id, org.id, now=clock.now())


def test_a_program_signs_in_and_calls_the_api(
    ask: Ask, agent: PersonFacts, whoami: Callable[[str], int], session: Session
) -> None:
    answer = ask("token", email=agent.email, password=PASSWORD)

    assert answer.status_code == 200
    assert answer.json is not None
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    assert answer.headers["Cache-Control"] == "no-store"
    assert whoami(answer.json["access_token"]) == 200
    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "identity.open_grant"))
    assert row.one().user_id == agent.id


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    ask: Ask, agent: PersonFacts
) -> None:
    wrong = ask("token", email=agent.email, password="not the password")
    unknown = ask("token", email="nobody@nowhere.example", password="not the password")

    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.mimetype == "application/problem+json"
    assert [_without_id(wrong)] == [_without_id(unknown)]


def _without_id(answer: TestResponse) -> dict[str, Any]:
    return {name: value for name, value in (answer.json or {}).items() if name != "request_id"}


def test_a_program_waits_after_failures_like_a_person(ask: Ask, agent: PersonFacts) -> None:
    with clock.frozen(NOW):
        for _ in range(5):
            ask("token", email=agent.email, password="not the password")
        answer = ask("token", email=agent.email, password=PASSWORD)

    assert answer.status_code == 401
    assert "Too many failures" in answer.json["detail"]  # type: ignore[index]


def test_with_a_second_factor_a_program_needs_the_code(ask: Ask, agent: PersonFacts) -> None:
    phone = with_second_factor(agent, at=NOW - timedelta(days=1))
    with clock.frozen(NOW):
        without = [ask("token", email=agent.email, password=PASSWORD) for _ in range(7)]
        wrong = ask("token", email=agent.email, password=PASSWORD, otp="000000")
        right = ask("token", email=agent.email, password=PASSWORD, otp=phone.at(NOW))
        again = ask("token", email=agent.email, password=PASSWORD, otp=phone.at(NOW))

    assert {answer.status_code for answer in without} == {401}
    assert without[-1].json["errors"][0]["pointer"] == "/otp"  # type: ignore[index]
    assert (wrong.status_code, right.status_code, again.status_code) == (401, 200, 401)


def test_where_a_second_factor_is_demanded_a_program_without_one_is_refused(
    ask: Ask, session: Session, whoami: Callable[[str], int]
) -> None:
    strict = make_organization(requires_mfa=True)
    person = with_password(make_person(strict.id, Role.AGENT))

    answer = ask("token", email=person.email, password=PASSWORD)
    assert answer.status_code == 403
    assert "second factor" in answer.json["detail"]  # type: ignore[index]


def test_when_a_second_factor_becomes_demanded_running_tokens_stop(
    session: Session, org: OrganizationFacts, pair: TokenPair, whoami: Callable[[str], int]
) -> None:
    assert whoami(pair.access_token) == 200
    session.execute(update(Organization).values(requires_mfa=True))
    session.execute(
        update(OrganizationEntry)
        .where(OrganizationEntry.org_id == org.id)
        .values(requires_mfa=True)
    )
    session.commit()

    assert whoami(pair.access_token) == 401


def _forge(
    key: Any, algorithm: str, *, headers: dict[str, Any] | None = None, **claims: Any
) -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers={"typ": "at+jwt"} | (headers or {}))


def _segment(value: Any) -> str:
    packed = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _by_hand(header: dict[str, Any], claims: dict[str, Any], key: bytes | None) -> str:
    """Return a token that libraries refuse to make: no signature, or HMAC under any key."""
    signed = f"{_segment(header)}.{_segment(claims)}"
    signature = hmac.digest(key, signed.encode(), "sha256") if key is not None else b""
    return f"{signed}.{_segment(signature)}"


def _forgeries(settings: Settings, good: str) -> dict[str, str]:
    claims = jwt.decode(good, options={"verify_signature": False})
    ours = Ed25519PrivateKey.from_private_bytes(settings.signing_key)
    theirs = Ed25519PrivateKey.generate()
    public = ours.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    raw = ours.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    jwk = json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(theirs.public_key()))
    head, body, signature = good.split(".")
    typed = {"typ": "at+jwt"}
    return {
        "no signature": _by_hand(typed | {"alg": "none"}, claims, None),
        "no signature, spelled otherwise": _by_hand(typed | {"alg": "nOnE"}, claims, None),
        "HMAC under the public key": _by_hand(typed | {"alg": "HS256"}, claims, public),
        "HMAC under the raw public key": _by_hand(typed | {"alg": "HS256"}, claims, raw),
        "another key": _forge(theirs, "EdDSA", **claims),
        "a key brought along": _forge(theirs, "EdDSA", headers={"jwk": jwk}, **claims),
        "a key to be fetched": _forge(
            theirs, "EdDSA", headers={"jku": "https://evil.example/keys", "kid": "1"}, **claims
        ),
        "another algorithm": _forge(generate_private_key(SECP256R1()), "ES256", **claims),
        "expired": _forge(ours, "EdDSA", **claims | {"exp": claims["exp"] - 3600}),
        "from the future": _forge(
            ours, "EdDSA", **claims | {"iat": claims["iat"] + 600, "exp": claims["exp"] + 600}
        ),
        "another issuer": _forge(ours, "EdDSA", **claims | {"iss": "evil"}),
        "another audience": _forge(ours, "EdDSA", **claims | {"aud": "insurance-web"}),
        "another type": _forge(ours, "EdDSA", headers={"typ": "JWT"}, **claims),
        "no expiry": _forge(ours, "EdDSA", **{k: v for k, v in claims.items() if k != "exp"}),
        "another person": f"{head}.{_segment(claims | {'sub': str(uuid4())})}.{signature}",
        "another organization": _forge(ours, "EdDSA", **claims | {"org": str(uuid4())}),
        "another sign-in": _forge(ours, "EdDSA", **claims | {"grant": str(uuid4())}),
        "no person": _forge(ours, "EdDSA", **claims | {"sub": "x"}),
        "claims of odd types": _by_hand(typed | {"alg": "EdDSA"}, claims | {"exp": "soon"}, b"k"),
        "a cut signature": good[:-8],
        "a header that is no object": f"{_segment([1])}.{body}.{signature}",
        "no token": "garbage",
        "dots": "...",
        "nothing but the prefix": "ins_live_",
        "not ASCII": "tökén",
        "endless": "a" * 9000,
    }


def test_forged_tokens_are_refused_one_and_all(
    settings: Settings, pair: TokenPair, whoami: Callable[[str], int]
) -> None:
    forgeries = _forgeries(settings, pair.access_token)
    answers = {name: whoami(token) for name, token in forgeries.items()}

    assert whoami(pair.access_token) == 200
    assert answers == dict.fromkeys(forgeries, 401)


def test_a_token_lasts_a_quarter_of_an_hour(
    agent: PersonFacts, org: OrganizationFacts, whoami: Callable[[str], int]
) -> None:
    with clock.frozen(NOW):
        token = services.open_grant(agent.id, org.id, now=NOW).access_token
    with clock.frozen(NOW + timedelta(minutes=14, seconds=59)):
        assert whoami(token) == 200
    with clock.frozen(NOW + timedelta(minutes=15)):
        assert whoami(token) == 401


@pytest.mark.parametrize("scheme", ["Basic", "Token", ""])
def test_only_the_bearer_scheme_counts(client: TestClient, pair: TokenPair, scheme: str) -> None:
    answer = client.get(
        "/api/v1/product-classes", headers={"Authorization": f"{scheme} {pair.access_token}"}
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_refresh_token_gives_a_new_pair_and_is_spent(
    ask: Ask, pair: TokenPair, whoami: Callable[[str], int]
) -> None:
    first = ask("refresh", refresh_token=pair.refresh_token)
    assert first.status_code == 200
    assert first.json is not None
    assert first.json["refresh_token"] != pair.refresh_token
    assert whoami(first.json["access_token"]) == 200

    second = ask("refresh", refresh_token=first.json["refresh_token"])
    assert second.status_code == 200


def test_a_refresh_token_used_twice_ends_the_sign_in_for_both(
    ask: Ask, pair: TokenPair, whoami: Callable[[str], int], session: Session
) -> None:
    fresh = ask("refresh", refresh_token=pair.refresh_token).json
    assert fresh is not None
    stolen = ask("refresh", refresh_token=pair.refresh_token)

    assert stolen.status_code == 401
    assert whoami(fresh["access_token"]) == 401
    assert ask("refresh", refresh_token=fresh["refresh_token"]).status_code == 401
    actions = session.scalars(select(AuditEvent.action)).all()
    assert "identity.reused_refresh_token" in actions


def test_who_knows_a_sign_in_but_not_its_secret_can_neither_use_nor_end_it(
    ask: Ask, pair: TokenPair, whoami: Callable[[str], int]
) -> None:
    guess = pair.refresh_token.split(".")[0] + "." + "A" * 43

    assert ask("refresh", refresh_token=guess).status_code == 401
    assert ask("revoke", token=guess).json == {"revoked": True}
    assert whoami(pair.access_token) == 200
    assert ask("refresh", refresh_token=pair.refresh_token).status_code == 200


@pytest.mark.parametrize("token", ["x", "ins_refresh_", "ins_refresh_" + "0" * 32 + ".", "é" * 50])
def test_what_is_no_refresh_token_is_refused(ask: Ask, token: str) -> None:
    assert ask("refresh", refresh_token=token).status_code == 401


def test_an_access_token_is_no_refresh_token(ask: Ask, pair: TokenPair) -> None:
    assert ask("refresh", refresh_token=pair.access_token).status_code == 401


def test_a_sign_in_lasts_thirty_days_however_often_it_is_refreshed(
    ask: Ask, agent: PersonFacts, org: OrganizationFacts
) -> None:
    token = services.open_grant(agent.id, org.id, now=NOW).refresh_token
    for day in (10, 20, 29):
        with clock.frozen(NOW + timedelta(days=day)):
            answer = ask("refresh", refresh_token=token)
            assert answer.status_code == 200
            token = answer.json["refresh_token"]  # type: ignore[index]
    with clock.frozen(NOW + timedelta(days=30)):
        assert ask("refresh", refresh_token=token).status_code == 401


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_both_at_once(
    ask: Ask, pair: TokenPair, whoami: Callable[[str], int], session: Session, which: str
) -> None:
    answer = ask("revoke", token=getattr(pair, which))

    assert (answer.status_code, answer.json) == (200, {"revoked": True})
    assert whoami(pair.access_token) == 401
    assert ask("refresh", refresh_token=pair.refresh_token).status_code == 401
    rows = session.scalars(select(AuditEvent).where(AuditEvent.action == "identity.revoke_grant"))
    assert rows.one().user_label.startswith("agent-")


def test_revoking_what_does_not_exist_is_no_error(ask: Ask) -> None:
    assert ask("revoke", token="whatever").json == {"revoked": True}


def test_a_disabled_persons_tokens_stop_at_once(
    ask: Ask, pair: TokenPair, agent: PersonFacts, whoami: Callable[[str], int], session: Session
) -> None:
    with platform_scope():
        session.execute(update(User).where(User.id == agent.id).values(disabled_at=NOW))
        session.commit()

    assert whoami(pair.access_token) == 401
    assert ask("refresh", refresh_token=pair.refresh_token).status_code == 401


def test_when_a_membership_ends_its_tokens_and_keys_stop_at_once(
    ask: Ask,
    pair: TokenPair,
    agent: PersonFacts,
    org: OrganizationFacts,
    whoami: Callable[[str], int],
) -> None:
    key = api_key_for(agent, org.id)
    assert (whoami(pair.access_token), whoami(key)) == (200, 200)
    services.change_roles(agent.id, frozenset(), now=clock.now())

    assert (whoami(pair.access_token), whoami(key)) == (401, 401)
    assert ask("refresh", refresh_token=pair.refresh_token).status_code == 401


def test_a_role_taken_away_is_gone_from_running_tokens(
    client: TestClient, org: OrganizationFacts, session: Session
) -> None:
    person = make_person(org.id, Role.AUDITOR, Role.AGENT)
    token = services.open_grant(person.id, org.id, now=clock.now()).access_token
    headers = {"Authorization": f"Bearer {token}"}
    before = client.get("/api/v1/audit-logs", headers=headers).status_code
    services.change_roles(person.id, frozenset({Role.AGENT}), now=clock.now())
    after = client.get("/api/v1/audit-logs", headers=headers).status_code

    assert (before, after) == (200, 403)


@pytest.fixture
def second_org(session: Session, agent: PersonFacts) -> OrganizationFacts:
    """Return another insurer the agent belongs to."""
    second = make_organization()
    with platform_scope():
        session.add(
            Membership(
                user_id=agent.id,
                org_id=second.id,
                role=Role.AUDITOR,
                created_at=clock.now(),
                accepted_at=clock.now(),
            )
        )
        session.commit()
    return second


def test_a_person_of_two_insurers_signs_in_to_either(
    ask: Ask,
    agent: PersonFacts,
    org: OrganizationFacts,
    second_org: OrganizationFacts,
    client: TestClient,
) -> None:
    first = ask("token", email=agent.email, password=PASSWORD)
    second = ask("token", email=agent.email, password=PASSWORD, org_id=str(second_org.id))
    claims = [
        jwt.decode(answer.json["access_token"], options={"verify_signature": False})["org"]  # type: ignore[index]
        for answer in (first, second)
    ]

    assert claims == [str(org.id), str(second_org.id)]


def test_signing_in_to_an_insurer_one_does_not_belong_to_is_like_to_none_at_all(
    ask: Ask, agent: PersonFacts, other_org: OrganizationFacts
) -> None:
    answers = [
        ask("token", email=agent.email, password=PASSWORD, org_id=str(org_id))
        for org_id in (other_org.id, uuid4())
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert _without_id(answers[0]) == _without_id(answers[1])


def _read(client: TestClient, token: str, org_id: UUID) -> TestResponse:
    return client.get(
        f"/api/v1/customers?org_id={org_id}", headers={"Authorization": f"Bearer {token}"}
    )


def test_org_id_reaches_the_callers_own_insurers_and_no_other(
    client: TestClient,
    pair: TokenPair,
    org: OrganizationFacts,
    second_org: OrganizationFacts,
    other_org: OrganizationFacts,
) -> None:
    own = [_read(client, pair.access_token, one.id).status_code for one in (org, second_org)]
    foreign, unknown = (_read(client, pair.access_token, one) for one in (other_org.id, uuid4()))

    assert own == [200, 200]
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert _without_id(foreign) == _without_id(unknown)


def test_org_id_does_not_lead_around_a_demanded_second_factor(
    client: TestClient, pair: TokenPair, second_org: OrganizationFacts, session: Session
) -> None:
    with platform_scope():
        session.execute(
            update(OrganizationEntry)
            .where(OrganizationEntry.org_id == second_org.id)
            .values(requires_mfa=True)
        )
        session.commit()

    assert _read(client, pair.access_token, second_org.id).status_code == 404


def test_a_key_stays_in_its_organization(
    client: TestClient, agent: PersonFacts, org: OrganizationFacts, second_org: OrganizationFacts
) -> None:
    key = api_key_for(agent, org.id)

    assert _read(client, key, org.id).status_code == 200
    assert _read(client, key, second_org.id).status_code == 404


def _key(person: PersonFacts, *scopes: Permission, days: int = 30) -> str:
    _stored, secret = services.create_api_key(
        user_id=person.id, name="import", scopes=frozenset(scopes), days=days, now=NOW
    )
    return secret


def test_a_key_may_what_it_was_given_and_no_more(
    client: TestClient, agent: PersonFacts, session: Session
) -> None:
    headers = {"Authorization": f"Bearer {_key(agent, CustomersMay.VIEW)}"}
    with clock.frozen(NOW):
        assert client.get("/api/v1/customers", headers=headers).status_code == 200
        assert client.get("/api/v1/policies", headers=headers).status_code == 403


def test_a_key_ends_when_it_expires_or_is_revoked(
    agent: PersonFacts, whoami: Callable[[str], int], session: Session
) -> None:
    lasting, revoked = _key(agent, CustomersMay.VIEW), _key(agent, CustomersMay.VIEW)
    with clock.frozen(NOW + timedelta(days=29)):
        assert (whoami(lasting), whoami(revoked)) == (200, 200)
    key_id = session.scalars(select(ApiKey.id).where(ApiKey.hint == revoked[-4:])).first()
    assert key_id
    services.revoke_api_key(key_id, now=NOW)
    with clock.frozen(NOW + timedelta(days=29)):
        assert (whoami(lasting), whoami(revoked)) == (200, 401)
    with clock.frozen(NOW + timedelta(days=30)):
        assert whoami(lasting) == 401


def test_a_key_shows_when_it_was_last_used(
    agent: PersonFacts, whoami: Callable[[str], int], session: Session
) -> None:
    key = _key(agent, CustomersMay.VIEW)
    with clock.frozen(NOW + timedelta(hours=2)):
        whoami(key)
    seen = session.scalar(
        select(ApiKey.last_used_at).where(ApiKey.key_hash == hashlib.sha256(key.encode()).digest())
    )

    assert seen == NOW + timedelta(hours=2)


def test_the_database_holds_no_key_and_no_token(
    agent: PersonFacts, pair: TokenPair, session: Session
) -> None:
    key = _key(agent, CustomersMay.VIEW)
    for secret in (key, pair.refresh_token, pair.access_token):
        for table in ("api_keys", "token_grants"):
            found = session.scalar(
                text(f"SELECT count(*) FROM cp.{table} t WHERE t::text LIKE '%' || :secret || '%'"),
                {"secret": secret[-30:]},
            )
            assert found == 0


def test_only_so_many_spent_tokens_are_remembered(
    agent: PersonFacts, org: OrganizationFacts, session: Session
) -> None:
    token = services.open_grant(agent.id, org.id, now=NOW).refresh_token
    for _ in range(105):
        token = services.refresh_grant(token, now=NOW).refresh_token
    with platform_scope():
        grant = session.scalars(select(TokenGrant).where(TokenGrant.user_id == agent.id)).one()

    assert len(grant.spent_hashes) == 100


def test_every_scope_is_a_permission_somebody_can_hold() -> None:
    assert all(permission.roles for permission in list_permissions())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "a@x.example"},
        {"email": "a@x.example", "password": ""},
        {"email": "a@x.example", "password": "x", "is_admin": True},
        {"email": "a@x.example", "password": "x", "org_id": "1"},
        {"email": ["a@x.example"], "password": "x"},
        {"email": "a@x.example", "password": {"$ne": ""}},
        {"email": "a@x.example", "password": "x" * 5000},
    ],
)
def test_a_body_that_is_not_a_sign_in_is_refused_at_its_fields(ask: Ask, body: Any) -> None:
    answer = ask("token", **body)

    assert answer.status_code == 422
    assert answer.json["errors"]  # type: ignore[index]


def test_a_signed_in_browser_is_no_token(
    app: Flask, sign_in: Callable[..., TestClient], org: OrganizationFacts
) -> None:
    assert sign_in().get("/api/v1/product-classes").status_code == 401
