"""Files that strangers send: small ones that unfold, pictures that lie, papers of some pages."""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from functools import cache

_MEGABYTE = 1024 * 1024


def pdf(objects: Sequence[bytes]) -> bytes:
    """Return a PDF of objects, the first of which is its catalogue."""
    written, places = b"%PDF-1.7\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return written + b"".join(
        (
            b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1),
            table,
            b"trailer<</Size %d/Root 1 0 R>>\n" % (len(objects) + 1),
            b"startxref\n%d\n%%%%EOF\n" % len(written),
        )
    )


def pages(number: int) -> bytes:
    """Return a PDF of empty pages."""
    kids = b" ".join(b"%d 0 R" % (3 + page) for page in range(number))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]>>"
    tree = b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, number)
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", tree, *[page] * number])


def _page(stream: bytes, header: bytes, resources: bytes = b"", *more: bytes) -> bytes:
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<<%s>>>>"
            % resources,
            _stream(stream, header),
            *more,
        ]
    )


def _stream(content: bytes, header: bytes) -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), header, content)


def squeezed(megabytes: int, unit: bytes) -> bytes:
    """Return so many megabytes of a repeated unit, compressed."""
    press = zlib.compressobj(9)
    block = unit * (_MEGABYTE // len(unit))
    return b"".join(press.compress(block) for _ in range(megabytes)) + press.flush()


@cache
def spaces_twice_packed() -> bytes:
    """Return a PDF of a few kilobytes whose page unfolds to 1.5 GB of blanks."""
    twice = zlib.compress(squeezed(1536, b" "), 9)
    return _page(twice, b"/Filter[/FlateDecode/FlateDecode]")


@cache
def endless_lines() -> bytes:
    """Return a PDF of half a megabyte whose page draws millions of lines."""
    return _page(squeezed(192, b"0 0 m 300 300 l S\n"), b"/Filter/FlateDecode")


@cache
def pdf_with_huge_picture() -> bytes:
    """Return a PDF whose page shows a picture of 60 000 by 60 000 points."""
    header = (
        b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceRGB"
        b"/BitsPerComponent 8/Filter/FlateDecode"
    )
    picture = _stream(squeezed(1024, b"\0"), header)
    return _page(b"300 0 0 300 0 0 cm /P Do", b"", b"/XObject<</P 5 0 R>>", picture)


def png(width: int, height: int, lines: bytes = b"") -> bytes:
    """Return a PNG that says it is of a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = lines or zlib.compress(b"\0" * (width + 1) * min(height, 10))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def jpeg(width: int = 8, height: int = 8) -> bytes:
    """Return the frame of a JPEG that says it is of a size, with a thumbnail inside."""
    thumbnail = b"Exif\0\0\xff\xd8\xff\xd9"
    size = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\0"
    return b"".join(
        (
            b"\xff\xd8",
            b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail,
            b"\xff\xc0" + size,
            b"\xff\xda" + struct.pack(">H", 8) + b"\x01\x01\0\0\x3f\0",
            b"points \xff\x00 and \xff\xd0 more",
            b"\xff\xd9",
        )
    )


def zip_bomb() -> bytes:
    """Return a ZIP of some kilobytes that unfolds to 64 MB."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("zeros", bytes(64 * _MEGABYTE))
    return written.getvalue()
