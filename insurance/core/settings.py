"""What a deployment decides: addresses, keys and secrets, read once from the environment.

Embedded services and the demo keep generated secrets in `<instance>/secrets.json`; in production
every secret comes from the environment and a missing or weak one refuses the start.
"""

import base64
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import quote, urlsplit

from psycopg.conninfo import conninfo_to_dict

_SECRETS = (
    "SECRET_KEY",
    "INSURANCE_MASTER_KEY",
    "INSURANCE_INDEX_KEY",
    "INSURANCE_SIGNING_KEY",
    "INSURANCE_SEAL_KEY",
)


class SettingsError(Exception):
    """A setting is missing or weak; the message names it and says what it must be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A deployment's settings. Keys are 32 bytes each; the first master key encrypts."""

    instance: Path
    database_url: str
    database_owner_url: str
    redis_url: str
    secret_key: bytes
    master_keys: tuple[bytes, ...]
    index_key: bytes
    signing_key: bytes
    seal_key: bytes
    smtp_url: str | None
    mail_from: str
    base_url: str
    port: int
    trusted_proxies: int
    is_demo: bool
    is_test: bool
    files_url: str | None = None
    metrics_token: str | None = None
    anchors: Path | None = None
    virus_scan: str | None = None
    dns_server: str | None = None
    allows_private_mail_servers: bool = False

    @property
    def sqlalchemy_url(self) -> str:
        """Return the application's database URL for SQLAlchemy and psycopg 3."""
        return with_driver(self.database_url)

    @property
    def sqlalchemy_owner_url(self) -> str:
        """Return the migrations' database URL for SQLAlchemy and psycopg 3."""
        return with_driver(self.database_owner_url)

    @property
    def mail_address(self) -> str:
        """Return the platform's own address, without a name that MAIL_FROM may have before it."""
        return parseaddr(self.mail_from)[1]

    @property
    def is_https(self) -> bool:
        """Tell whether browsers reach the product over TLS."""
        return self.base_url.startswith("https://")


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError naming the one that is missing or weak."""
    instance = Path(environ.get("INSURANCE_INSTANCE", "instance")).resolve()
    mode = environ.get("INSURANCE_MODE", "production")
    keys = _keys(environ, instance, generate=mode in ("demo", "test"))
    if mode == "production" and environ.get("INSURANCE_PLAIN_NETWORK") != "allowed":
        _refuse_open_network(environ)
    port = _port(environ)
    return Settings(
        instance=instance,
        database_url=environ.get("DATABASE_URL") or embedded_database_url(instance, "ins_app"),
        database_owner_url=environ.get("DATABASE_OWNER_URL")
        or embedded_database_url(instance, "ins_owner"),
        redis_url=environ.get("REDIS_URL") or embedded_redis_url(instance),
        secret_key=keys["SECRET_KEY"][0],
        master_keys=keys["INSURANCE_MASTER_KEY"],
        index_key=keys["INSURANCE_INDEX_KEY"][0],
        signing_key=keys["INSURANCE_SIGNING_KEY"][0],
        seal_key=keys["INSURANCE_SEAL_KEY"][0],
        smtp_url=environ.get("SMTP_URL") or None,
        mail_from=environ.get("MAIL_FROM", "no-reply@insurance.example"),
        base_url=environ.get("BASE_URL", f"http://127.0.0.1:{port}").rstrip("/"),
        port=port,
        trusted_proxies=_proxies(environ),
        is_demo=mode == "demo",
        is_test=mode == "test",
        files_url=environ.get("FILES_URL") or None,
        metrics_token=_metrics_token(environ),
        anchors=_anchors(environ, instance, mode),
        virus_scan=environ.get("VIRUS_SCAN_COMMAND") or None,
        dns_server=_dns_server(environ),
        allows_private_mail_servers=mode != "production"
        or environ.get("TENANT_MAIL_SERVERS") == "private",
    )


def with_driver(url: str) -> str:
    """Return a PostgreSQL URL with the psycopg 3 driver named."""
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def without_driver(url: str) -> str:
    """Return a PostgreSQL URL as libpq reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def socket_directory(instance: Path) -> Path:
    """Return where the embedded services put their sockets: near the data if the path is short.

    A socket's path may have 107 bytes, and PostgreSQL adds its own file name.
    """
    near = instance / "run"
    if len(str(near)) <= 80:
        return near
    digest = base64.b32encode(str(instance).encode()).decode().lower().strip("=")[-16:]
    return Path("/tmp") / f"insurance-{os.getuid()}-{digest}"


def embedded_database_url(instance: Path, role: str, database: str = "insurance") -> str:
    """Return the URL of an embedded database for a role."""
    host = quote(str(socket_directory(instance)), safe="")
    return f"postgresql://{role}@/{database}?host={host}"


def embedded_redis_url(instance: Path) -> str:
    """Return the URL of the embedded queue's socket."""
    return f"unix://{socket_directory(instance)}/valkey.sock"


def _port(environ: Mapping[str, str]) -> int:
    try:
        port = int(environ.get("PORT", "8080"))
    except ValueError as error:
        raise SettingsError("PORT must be a number.") from error
    if not 1 <= port <= 65535:
        raise SettingsError("PORT must be between 1 and 65535.")
    return port


def _refuse_open_network(environ: Mapping[str, str]) -> None:
    """Refuse servers over the network that anybody on the way could read or enter."""
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        said = conninfo_to_dict(without_driver(environ.get(name, "")))
        hosts = [
            *str(said.get("host") or "").split(","),
            *str(said.get("hostaddr") or "").split(","),
        ]
        if all(_is_this_machine(host) for host in hosts):
            continue
        if said.get("sslmode") not in ("require", "verify-ca", "verify-full"):
            raise _open_network(name, "has no sslmode=verify-full (or require)")
        if not said.get("password") and not said.get("sslcert"):
            raise _open_network(name, "has neither a password nor a sslcert")
    queue = urlsplit(environ.get("REDIS_URL", ""))
    if not _is_this_machine(queue.hostname or ""):
        if queue.scheme != "rediss":
            raise _open_network("REDIS_URL", "is not rediss://, which is TLS")
        if not queue.password:
            raise _open_network("REDIS_URL", "has no password")
    mail = urlsplit(environ.get("SMTP_URL", ""))
    if not _is_this_machine(mail.hostname or "") and mail.scheme == "smtp":
        raise _open_network("SMTP_URL", "is neither smtps:// nor smtp+starttls://")


def _is_this_machine(host: str) -> bool:
    return host in ("", "localhost", "::1") or host.startswith(("/", "@", "127."))


def _open_network(name: str, lack: str) -> SettingsError:
    return SettingsError(
        f"{name} names a server on the network and {lack}. On a network that only your own "
        "machines reach, INSURANCE_PLAIN_NETWORK=allowed lets it pass."
    )


def _dns_server(environ: Mapping[str, str]) -> str | None:
    server = environ.get("DNS_SERVER") or None
    if server is not None and not re.fullmatch(r"[0-9a-f.:]+:[0-9]{1,5}", server):
        raise SettingsError("DNS_SERVER must be an address and a port, such as 127.0.0.1:53.")
    return server


def _anchors(environ: Mapping[str, str], instance: Path, mode: str) -> Path | None:
    if folder := environ.get("AUDIT_ANCHORS"):
        return Path(folder).resolve()
    return instance / "anchors" if mode == "demo" else None


def _metrics_token(environ: Mapping[str, str]) -> str | None:
    token = environ.get("METRICS_TOKEN") or None
    if token is not None and len(token) < 16:
        raise SettingsError("METRICS_TOKEN must have 16 characters or more.")
    return token


def _proxies(environ: Mapping[str, str]) -> int:
    text = environ.get("TRUSTED_PROXIES", "0")
    if text not in ("0", "1", "2", "3"):
        raise SettingsError("TRUSTED_PROXIES must be how many proxies stand in front, 0 to 3.")
    return int(text)


def _keys(
    environ: Mapping[str, str], instance: Path, *, generate: bool
) -> dict[str, tuple[bytes, ...]]:
    stored = _stored_secrets(instance) if generate else {}
    return {name: _key(name, environ.get(name) or stored.get(name, "")) for name in _SECRETS}


def _key(name: str, text: str) -> tuple[bytes, ...]:
    if not text:
        raise SettingsError(f"{name} is not set. It must be 32 random bytes in base64.")
    try:
        keys = tuple(base64.b64decode(part, validate=True) for part in text.split(","))
    except ValueError as error:
        raise SettingsError(f"{name} is not base64.") from error
    if any(len(key) != 32 or len(set(key)) < 8 for key in keys):
        raise SettingsError(f"{name} must be 32 random bytes in base64.")
    return keys


def _stored_secrets(instance: Path) -> dict[str, str]:
    """Return the instance's own secrets, made at its first start."""
    path = instance / "secrets.json"
    if not path.exists():
        instance.mkdir(parents=True, exist_ok=True)
        made = {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in _SECRETS}
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(made, file)
    return dict(json.loads(path.read_text()))
