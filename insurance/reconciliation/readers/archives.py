"""A zip with one file in it, as bureaus deliver them: unpacked within limits, one level deep."""

import io
import zipfile

from insurance.core.errors import DomainError
from insurance.reconciliation.readers.document import LARGEST_FILE, refusal

ENTRIES_AT_MOST = 100
RATIO_AT_MOST = 200
_FREE = 1024 * 1024
"""What may be unpacked whatever the ratio."""
_BLOCK = 1024 * 1024


def unpack(content: bytes) -> bytes:
    """Return the file in a zip; what is no zip, or is a workbook, as it is.

    Raises DomainError at `file` for several files, a zip within the zip, a password, and what
    unpacks to more than it may.
    """
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            return _only_file(package, content)
    except DomainError:
        raise
    except Exception as error:
        raise refusal("This zip or Excel file cannot be read.") from error


def _only_file(package: zipfile.ZipFile, content: bytes) -> bytes:
    entries = package.infolist()
    names = {entry.filename for entry in entries}
    if "xl/workbook.xml" in names or "[Content_Types].xml" in names:
        return content
    files = [one for one in entries if not one.is_dir() and not _is_rubbish(one.filename)]
    if len(entries) > ENTRIES_AT_MOST or len(files) != 1:
        raise refusal(
            f"This zip holds {len(files)} files. Unpack it and upload them one at a time."
        )
    entry = files[0]
    if entry.flag_bits & 1:
        raise refusal("This zip has a password. Unpack it first.")
    unpacked = _read(package, entry)
    if unpacked.startswith(b"PK") and not _is_workbook(unpacked):
        raise refusal("This is a zip within a zip. Unpack it first.")
    return unpacked


def _is_rubbish(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rsplit("/", 1)[-1] in (".DS_Store", "Thumbs.db")


def _read(package: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    allowed = min(LARGEST_FILE, max(_FREE, entry.compress_size * RATIO_AT_MOST))
    blocks, size = [], 0
    with package.open(entry) as part:
        while block := part.read(_BLOCK):
            size += len(block)
            if size > allowed:
                raise refusal("This zip unpacks to more than it may.")
            blocks.append(block)
    return b"".join(blocks)


def _is_workbook(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            return "xl/workbook.xml" in package.namelist()
    except Exception:
        return False
