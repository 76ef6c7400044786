"""A page of a file that somebody sent, drawn anew as a picture that is safe to look at.

The drawing runs in a process of its own with little time and memory, and few at once: what a
stranger sent can harm nothing but that process, and nothing of it but the picture comes back.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import BoundedSemaphore

EXTENSIONS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
MOST_PAGES = 999
"""Pages of a document that are shown; the rest is seen by saving the file."""
_SECONDS = 10
_MEMORY = 1024**3
_LARGEST = 32 * 1024**2
_DOTS_PER_INCH = 110.0
_AT_ONCE = BoundedSemaphore(2)
_PAGE = """
#set page(width: auto, height: auto, margin: 0pt)
#let name = sys.inputs.name
#if name.ends-with("pdf") {
  image(name, page: int(sys.inputs.page), width: 595pt)
} else {
  image(name, width: 595pt)
}
"""


class DrawingBusyError(Exception):
    """Too many files are being drawn at this moment; the next look may do better."""


def picture_of(content: bytes, content_type: str, page: int = 1) -> bytes | None:
    """Return a page as PNG, or None where the file has no such page or cannot be drawn.

    Raises DrawingBusyError.
    """
    return _ask(content, EXTENSIONS[content_type], str(page))


def pages_of(content: bytes, content_type: str) -> int:
    """Return how many pages can be shown, nought for a file that cannot be opened.

    Raises DrawingBusyError.
    """
    answer = _ask(content, EXTENSIONS[content_type], "count")
    return int(answer) if answer and answer.isdigit() else 0


def _ask(content: bytes, extension: str, wanted: str) -> bytes | None:
    """Return what the drawing process says, or None where it fails."""
    if not _AT_ONCE.acquire(timeout=_SECONDS):
        raise DrawingBusyError
    try:
        drawn = subprocess.run(  # noqa: S603 - our own module, and a type from the table
            [sys.executable, "-m", __name__, extension, wanted],
            input=content,
            capture_output=True,
            timeout=_SECONDS + 5,
            check=False,
            # One arena and one thread: each more would take address space, which is limited.
            env={
                "PYTHONPATH": os.pathsep.join(sys.path),
                "MALLOC_ARENA_MAX": "1",
                "RAYON_NUM_THREADS": "1",
            },
        )
    except subprocess.TimeoutExpired:
        return None
    finally:
        _AT_ONCE.release()
    return drawn.stdout if drawn.returncode == 0 and drawn.stdout else None


def limit_this_process() -> None:
    """Let this process have little time and memory, small files, and leave no dump."""
    for what, most in (
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, _LARGEST),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _answer(extension: str, wanted: str) -> bytes:
    limit_this_process()
    with tempfile.TemporaryDirectory() as folder:
        name = f"file.{extension}"
        (Path(folder) / name).write_bytes(sys.stdin.buffer.read())
        (Path(folder) / "page.typ").write_text(_PAGE)
        if wanted == "count":
            return str(_count(folder, name)).encode()
        picture = _draw(folder, name, int(wanted))
        return picture if len(picture) <= _LARGEST else b""


def _draw(folder: str, name: str, page: int) -> bytes:
    import typst

    drawn = typst.compile(
        f"{folder}/page.typ",
        root=folder,
        format="png",
        ppi=_DOTS_PER_INCH,
        sys_inputs={"name": name, "page": str(page)},
    )
    return bytes(drawn)  # type: ignore[arg-type]


def _count(folder: str, name: str) -> int:
    """Return the last page there is, found by halving: no library here just says it."""
    if not _has_page(folder, name, 1):
        return 0
    if not name.endswith("pdf"):
        return 1
    there, beyond = 1, 2
    while beyond <= MOST_PAGES and _has_page(folder, name, beyond):
        there, beyond = beyond, beyond * 2
    beyond = min(beyond, MOST_PAGES + 1)
    while beyond - there > 1:
        middle = (there + beyond) // 2
        there, beyond = (middle, beyond) if _has_page(folder, name, middle) else (there, middle)
    return there


def _has_page(folder: str, name: str, page: int) -> bool:
    """Tell whether a page can be laid out, which draws nothing of it."""
    import typst

    try:
        typst.query(
            f"{folder}/page.typ",
            "image",
            root=folder,
            sys_inputs={"name": name, "page": str(page)},
        )
    except RuntimeError:  # whatever the compiler says: there is no such page, or no such file
        return False
    return True


if __name__ == "__main__":
    sys.stdout.buffer.write(_answer(sys.argv[1], sys.argv[2]))
