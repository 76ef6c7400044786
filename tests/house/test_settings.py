"""A start with missing or weak settings is refused, in a line that names the setting."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask, request

from insurance.app import create_app
from insurance.core.settings import Settings, SettingsError, load_settings

NAMES = (
    "SECRET_KEY",
    "INSURANCE_MASTER_KEY",
    "INSURANCE_INDEX_KEY",
    "INSURANCE_SIGNING_KEY",
    "INSURANCE_SEAL_KEY",
)
GOOD = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return what production needs."""
    return {"INSURANCE_INSTANCE": str(tmp_path)} | dict.fromkeys(NAMES, GOOD)


def test_good_keys_start(environ: dict[str, str]) -> None:
    settings = load_settings(environ)

    assert settings.secret_key == bytes(range(32))
    assert not settings.is_demo


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not set"),
        ("change-me", "is not base64"),
        (base64.b64encode(b"short").decode(), "must be 32 random bytes"),
        (base64.b64encode(b"a" * 32).decode(), "must be 32 random bytes"),
        (base64.b64encode(bytes(31)).decode(), "must be 32 random bytes"),
    ],
)
def test_a_missing_or_weak_key_is_refused_by_name(
    name: str, text: str, words: str, environ: dict[str, str]
) -> None:
    with pytest.raises(SettingsError, match=f"{name} {words}"):
        load_settings(environ | {name: text})


def test_two_master_keys_live_side_by_side_while_rotating(environ: dict[str, str]) -> None:
    newer = base64.b64encode(bytes(range(1, 33))).decode()

    settings = load_settings(environ | {"INSURANCE_MASTER_KEY": f"{newer},{GOOD}"})

    assert settings.master_keys == (bytes(range(1, 33)), bytes(range(32)))


@pytest.mark.parametrize("port", ["0", "65536", "eighty"])
def test_a_port_that_is_none_is_refused(port: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="PORT must be"):
        load_settings(environ | {"PORT": port})


def test_an_instance_of_the_demonstration_makes_keys_of_its_own_once(tmp_path: Path) -> None:
    environ = {"INSURANCE_INSTANCE": str(tmp_path), "INSURANCE_MODE": "demo"}

    first, second = load_settings(environ), load_settings(environ)

    assert first.secret_key == second.secret_key
    assert first.secret_key != first.seal_key
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        ("0", "10.1.2.3", "127.0.0.1"),
        ("1", "6.6.6.6, 10.1.2.3", "10.1.2.3"),
        ("2", "6.6.6.6, 10.1.2.3, 192.168.0.1", "10.1.2.3"),
    ],
)
def test_who_asks_is_believed_of_our_own_proxies_only(
    proxies: str, forwarded: str, seen: str, settings: Settings, app: Flask
) -> None:
    behind = create_app(replace(settings, trusted_proxies=int(proxies)))
    found: list[str | None] = []
    behind.before_request(lambda: found.append(request.remote_addr))

    behind.test_client().get("/healthz", headers={"X-Forwarded-For": forwarded})

    assert found == [seen]


@pytest.mark.parametrize("text", ["many", "-1", "4"])
def test_a_number_of_proxies_that_is_none_is_refused(text: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES must be"):
        load_settings(environ | {"TRUSTED_PROXIES": text})


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [
        ("DATABASE_URL", "postgresql://ins_app:pw@db/insurance", "has no sslmode"),
        ("DATABASE_URL", "postgresql://ins_app:pw@db/insurance?sslmode=prefer", "has no sslmode"),
        ("DATABASE_URL", "postgresql://ins_app@db/i?sslmode=verify-full", "has neither a password"),
        ("DATABASE_URL", "postgresql://ins_app@/i?host=/run,db", "has no sslmode"),
        ("DATABASE_OWNER_URL", "postgresql+psycopg://ins_owner@10.1.2.3/i", "has no sslmode"),
        ("REDIS_URL", "redis://:pw@queue:6379", "is not rediss"),
        ("REDIS_URL", "rediss://queue:6379", "has no password"),
        ("SMTP_URL", "smtp://user:pw@mail:25", "is neither smtps"),
    ],
)
def test_a_server_on_the_network_without_password_or_tls_is_refused_unless_allowed(
    name: str, url: str, words: str, environ: dict[str, str]
) -> None:
    with pytest.raises(SettingsError, match=f"{name} names a server on the network and {words}"):
        load_settings(environ | {name: url})

    load_settings(environ | {name: url, "INSURANCE_PLAIN_NETWORK": "allowed"})


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql://ins_app:pw@db/insurance?sslmode=verify-full"),
        ("DATABASE_URL", "postgresql://ins_app@db/i?sslmode=require&sslcert=/etc/ins.pem"),
        ("DATABASE_URL", "postgresql://ins_app@/i?host=/var/run/postgresql"),
        ("DATABASE_URL", "postgresql://ins_app@127.0.0.1/i"),
        ("REDIS_URL", "rediss://:pw@queue:6379"),
        ("REDIS_URL", "unix:///run/valkey.sock"),
        ("REDIS_URL", "redis://localhost:6379/3"),
        ("SMTP_URL", "smtp+starttls://user:pw@mail:587"),
    ],
)
def test_a_server_of_this_machine_or_with_password_and_tls_starts(
    name: str, url: str, environ: dict[str, str]
) -> None:
    assert load_settings(environ | {name: url})
