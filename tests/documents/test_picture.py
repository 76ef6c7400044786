"""Drawing what strangers sent: it may cost a little, and nothing else comes of it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from threading import Thread

import pytest
import typst

from insurance.core.errors import DomainError
from insurance.documents import picture
from insurance.documents.picture import DrawingBusyError, pages_of, picture_of
from insurance.documents.received import MOST_POINTS, read_picture
from tests.factories.files import (
    endless_lines,
    jpeg,
    pages,
    pdf_with_huge_picture,
    png,
    spaces_twice_packed,
    squeezed,
)

PDF, PNG, JPEG = "application/pdf", "image/png", "image/jpeg"


def test_a_page_is_drawn_and_the_pages_are_counted() -> None:
    paper = typst.compile(b"= One\n#pagebreak()\n= Two\n#pagebreak()\n= Three")

    assert pages_of(paper, PDF) == 3
    first, third = picture_of(paper, PDF, 1), picture_of(paper, PDF, 3)
    assert first is not None and third is not None
    assert first.startswith(b"\x89PNG") and third.startswith(b"\x89PNG")
    assert first != third
    assert picture_of(paper, PDF, 4) is None


@pytest.mark.parametrize("number", [1, 2, 7, 64, 65])
def test_every_number_of_pages_is_found(number: int) -> None:
    assert pages_of(pages(number), PDF) == number


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"%PDF-1.7\n<html><script>alert(1)</script>\n%%EOF", PDF),
        (pages(1).replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt<</Filter/Standard/V 1>>"), PDF),
        (b"\x89PNG\r\n\x1a\n and nothing else", PNG),
        (jpeg(), JPEG),
        (b"", PDF),
    ],
    ids=["a page of HTML", "a password", "no picture", "no points", "nothing"],
)
def test_what_cannot_be_opened_has_no_pages_and_no_picture(
    content: bytes, content_type: str
) -> None:
    assert pages_of(content, content_type) == 0
    assert picture_of(content, content_type) is None


@pytest.mark.parametrize("bomb", [spaces_twice_packed, endless_lines, pdf_with_huge_picture])
def test_a_page_that_unfolds_to_gigabytes_is_given_up(bomb: Callable[[], bytes]) -> None:
    content = bomb()
    assert len(content) < 2 * 1024 * 1024
    started = time.monotonic()

    assert picture_of(content, PDF) is None

    assert time.monotonic() - started < picture._SECONDS + 6


def test_a_picture_that_unfolds_to_gigabytes_is_given_up() -> None:
    assert picture_of(png(60_000, 60_000, squeezed(256, b"\0")), PNG) is None


def test_the_drawing_process_has_little_time_memory_and_room() -> None:
    script = (
        "import resource as r; from insurance.documents.picture import limit_this_process as l; l();"
        "print([r.getrlimit(x)[1] for x in (r.RLIMIT_CPU, r.RLIMIT_AS, r.RLIMIT_FSIZE)]);"
        "bytearray(2 * 1024**3)"
    )
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.stdout.strip() == str([10, 1024**3, 32 * 1024**2])
    assert "MemoryError" in done.stderr


def test_few_are_drawn_at_once_and_the_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "_SECONDS", 0)
    taken = [picture._AT_ONCE.acquire() for _ in range(2)]
    try:
        with pytest.raises(DrawingBusyError):
            picture_of(pages(1), PDF)
    finally:
        for _ in taken:
            picture._AT_ONCE.release()


def test_looks_at_the_same_moment_wait_for_their_turn() -> None:
    found: list[bytes | None] = []
    looks = [Thread(target=lambda: found.append(picture_of(pages(1), PDF))) for _ in range(6)]
    for look in looks:
        look.start()
    for look in looks:
        look.join()
    assert len(found) == 6
    assert all(found)


def test_a_picture_too_large_to_draw_is_refused() -> None:
    assert read_picture(png(10_000, 10_000))
    for huge in (png(50_000, 50_000), jpeg(65_000, 65_000), png(MOST_POINTS + 1, 1)):
        with pytest.raises(DomainError, match="points; at most 100 million") as refusal:
            read_picture(huge)
        assert refusal.value.field == "file"


@pytest.mark.parametrize("whole", [jpeg(), png(3, 3)], ids=["JPEG", "PNG"])
@pytest.mark.parametrize(
    "tail", [b"", b"PK\x03\x04 an archive \xff\xd9", b"<script>alert(1)</script>", jpeg()]
)
def test_what_hides_behind_the_end_of_a_picture_is_cut_off(whole: bytes, tail: bytes) -> None:
    assert read_picture(whole + tail) == whole


@pytest.mark.parametrize("whole", [jpeg(), png(3, 3)], ids=["JPEG", "PNG"])
def test_a_picture_that_stops_halfway_is_refused(whole: bytes) -> None:
    with pytest.raises(DomainError, match="not whole"):
        read_picture(whole[:-6])


def test_other_files_are_left_as_they_are() -> None:
    assert read_picture(pages(2)) == pages(2)
