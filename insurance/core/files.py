"""Files people send: checked by their content, kept under names nobody can guess.

They are kept in the instance's folder, or in a bucket of any store that speaks S3, by a URL such
as `s3://KEY:SECRET@storage.example/bucket?region=af-south-1` (`s3+http` without TLS).
"""

import hashlib
import hmac
import os
import re
import subprocess
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, quote, unquote, urlsplit
from urllib.request import Request, urlopen
from uuid import UUID

from insurance.core import clock
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.ids import new_id
from insurance.core.tenancy import current_org

MAX_FILE = 20 * 1024 * 1024
_SCAN_SECONDS = 60
_STORE_SECONDS = 30
_KEY = re.compile(r"[0-9a-f-]{36}/[0-9a-f]{2}/[0-9a-f]{32}", re.ASCII)
_NAME = re.compile(r"[^\w .()+\-]+")
EXTENSIONS = {"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was kept: by which key, under which plain name, and what it is."""

    key: str
    name: str
    content_type: str
    size: int
    sha256: str


class Store(Protocol):
    """Where files are kept."""

    def write(self, key: str, content: bytes) -> None:
        """Keep a file."""

    def read(self, key: str) -> bytes:
        """Return a file. Raises NotFoundError."""


class FolderStore:
    """Files in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, key: str, content: bytes) -> None:
        """Keep a file, readable by this user only."""
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)

    def read(self, key: str) -> bytes:
        """Return a file. Raises NotFoundError."""
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError("The file is not there.") from error


class BucketStore:
    """Files in a bucket of a store that speaks S3, with requests signed by AWS Signature 4."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._scheme = "http" if parts.scheme.endswith("+http") else "https"
        self._host = parts.netloc.rpartition("@")[2]
        self._bucket = parts.path.strip("/")
        self._id = unquote(parts.username or "")
        self._secret = unquote(parts.password or "")
        self._region = parse_qs(parts.query).get("region", ["us-east-1"])[0]

    def write(self, key: str, content: bytes) -> None:
        """Keep a file."""
        self._send("PUT", key, content)

    def read(self, key: str) -> bytes:
        """Return a file. Raises NotFoundError."""
        return self._send("GET", key, b"")

    def _send(self, method: str, key: str, content: bytes) -> bytes:
        path = f"/{self._bucket}/{quote(key)}"
        headers = sign(
            method, self._host, path, content,
            key_id=self._id, secret=self._secret, region=self._region, at=clock.now(),
        )  # fmt: skip
        wanted = Request(
            f"{self._scheme}://{self._host}{path}",
            data=content if method == "PUT" else None,
            headers=dict(headers),
            method=method,
        )
        try:
            with urlopen(wanted, timeout=_STORE_SECONDS) as answer:  # noqa: S310 - our own setting
                return bytes(answer.read())
        except HTTPError as error:
            if error.code == 404:
                raise NotFoundError("The file is not there.") from error
            raise OSError(f"The file store answered {error.code}.") from error
        except URLError as error:
            raise OSError("The file store does not answer.") from error


def sign(
    method: str,
    host: str,
    path: str,
    content: bytes,
    *,
    key_id: str,
    secret: str,
    region: str,
    at: datetime,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers of a request signed by AWS Signature 4 for S3."""
    stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(content).hexdigest()
    headers = {
        **{name.lower(): value for name, value in (more or {}).items()},
        "host": host,
        "x-amz-content-sha256": digest,
        "x-amz-date": stamp,
    }
    names = ";".join(sorted(headers))
    listed = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    asked = f"{method}\n{path}\n\n{listed}\n{names}\n{digest}"
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in (stamp[:8], region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={key_id}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 {credential},SignedHeaders={names},Signature={signature}"
    return headers | {"authorization": authorization}


_NOBODYS = f"{UUID(int=0)}/00/{'0' * 32}"
_store: Store | None = None
_scanner: tuple[str, ...] = ()


def use_store(folder: Path, url: str | None = None, scanner: str | None = None) -> None:
    """Set where files are kept, and the command that looks for viruses in what it reads."""
    global _store, _scanner
    _store = BucketStore(url) if url else FolderStore(folder)
    _scanner = tuple((scanner or "").split())


def keep_file(name: str, content: bytes) -> StoredFile:
    """Check and keep a file of the organization in scope. Raises DomainError at `file`."""
    if not content:
        raise DomainError("The file is empty.", field="file")
    if len(content) > MAX_FILE:
        raise DomainError("A file has at most 20 MB.", field="file")
    content_type = type_of(content)
    if content_type is None:
        raise DomainError("Send a PDF, a JPEG or a PNG.", field="file")
    _scan(content)
    secret = new_id().hex[-2:] + "/" + os.urandom(16).hex()
    stored = StoredFile(
        key=f"{current_org()}/{secret}",
        name=plain_name(name, content_type),
        content_type=content_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    _the_store().write(stored.key, content)
    return stored


def read_file(key: str) -> bytes:
    """Return a kept file of the organization in scope. Raises NotFoundError."""
    if not _KEY.fullmatch(key) or not key.startswith(f"{current_org()}/"):
        raise NotFoundError
    return _the_store().read(key)


def type_of(content: bytes) -> str | None:
    """Return what a file is by its first and last bytes, or None for what is not taken."""
    if content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]:
        return "application/pdf"
    if content.startswith(b"\xff\xd8\xff") and content.rstrip(b"\0\r\n").endswith(b"\xff\xd9"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") and b"IEND" in content[-64:]:
        return "image/png"
    return None


def plain_name(name: str, content_type: str) -> str:
    """Return a file's name without a path or anything strange, ending as what it is."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    stem = _NAME.sub("_", last).strip(". ").rpartition(".")[0] or _NAME.sub("_", last).strip(". ")
    return (stem[:100] or "file") + EXTENSIONS[content_type]


def _scan(content: bytes) -> None:
    if not _scanner:
        return
    try:
        done = subprocess.run(  # noqa: S603 - the command is a setting of the deployment
            _scanner, input=content, capture_output=True, timeout=_SCAN_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DomainError(
            "The file could not be checked for viruses; try again later.", field="file"
        ) from error
    if done.returncode != 0:
        raise DomainError("The file did not pass the check for viruses.", field="file")


def _the_store() -> Store:
    if _store is None:
        raise RuntimeError("use_store() was not called.")
    return _store


def check_store() -> None:
    """Ask the store for a file that nobody has. Raises OSError where it does not answer."""
    with suppress(NotFoundError):
        _the_store().read(_NOBODYS)
