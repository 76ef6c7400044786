"""What a picture that somebody sent may be: a size that can be drawn, and nothing behind its end."""

import re

from insurance.core.errors import DomainError

MOST_POINTS = 100_000_000
"""Width times height. A larger one takes more memory than drawing it may have."""
_PNG = b"\x89PNG\r\n\x1a\n"
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""The markers of a JPEG that say its size."""


def read_picture(content: bytes) -> bytes:
    """Return a picture without what is hidden behind its end; other files as they are.

    Raises DomainError at `file` for a picture that is too large to draw, or not whole.
    """
    if content.startswith(_PNG):
        size, end = _walk_png(content)
    elif content.startswith(b"\xff\xd8\xff"):
        size, end = _walk_jpeg(content)
    else:
        return content
    if size[0] * size[1] > MOST_POINTS:
        millions = MOST_POINTS // 1_000_000
        raise DomainError(
            f"The picture is {size[0]} by {size[1]} points; at most {millions} million can be"
            " shown. Send it smaller.",
            field="file",
        )
    return content[:end]


def _walk_png(content: bytes) -> tuple[tuple[int, int], int]:
    """Return the size of a PNG and where it ends."""
    size = int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    place = len(_PNG)
    while place + 12 <= len(content):
        kind = content[place + 4 : place + 8]
        place += 12 + int.from_bytes(content[place : place + 4])
        if kind == b"IEND" and place <= len(content):
            return size, place
    raise _not_whole()


def _walk_jpeg(content: bytes) -> tuple[tuple[int, int], int]:
    """Return the size of a JPEG and where it ends, which is behind its first picture.

    Telephones add a second picture or a film; what was photographed is the first.
    """
    size, place = (0, 0), 2
    while found := _NEXT_MARKER.search(content, place):
        marker, place = content[found.start() + 1], found.end()
        if marker == 0xD9:
            return size, place
        if marker in _SIZES:
            size = (
                int.from_bytes(content[place + 5 : place + 7]),
                int.from_bytes(content[place + 3 : place + 5]),
            )
        place += max(int.from_bytes(content[place : place + 2]), 2)
    raise _not_whole()


def _not_whole() -> DomainError:
    return DomainError("The picture is not whole. Send it again.", field="file")
