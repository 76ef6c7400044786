"""A page of a file that somebody sent, drawn anew as a picture that is safe to look at.

The drawing runs in a process of its own with little time and memory: what a stranger sent can
harm nothing but that process, and nothing of it but the picture comes back.
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

EXTENSIONS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}
_SECONDS = 10
_MEMORY = 2 * 1024**3
_DOTS_PER_INCH = 110.0
_PAGE = """
#set page(width: auto, height: auto, margin: 0pt)
#let name = sys.inputs.name
#if name.ends-with("pdf") {
  image(name, page: int(sys.inputs.page), width: 595pt)
} else {
  image(name, width: 595pt)
}
"""


def picture_of(content: bytes, content_type: str, page: int = 1) -> bytes | None:
    """Return a page as PNG, or None where the file has no such page or cannot be drawn."""
    command = [sys.executable, "-m", __name__, EXTENSIONS[content_type], str(page)]
    try:
        drawn = subprocess.run(  # noqa: S603 - our own module, and a type from the table
            command,
            input=content,
            capture_output=True,
            timeout=_SECONDS + 5,
            check=False,
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
        )
    except subprocess.TimeoutExpired:
        return None
    return drawn.stdout if drawn.returncode == 0 and drawn.stdout else None


def _draw(extension: str, page: str) -> None:
    import typst

    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        name = f"file.{extension}"
        (Path(folder) / name).write_bytes(sys.stdin.buffer.read())
        (Path(folder) / "page.typ").write_text(_PAGE)
        picture = typst.compile(
            f"{folder}/page.typ",
            root=folder,
            format="png",
            ppi=_DOTS_PER_INCH,
            sys_inputs={"name": name, "page": page},
        )
        sys.stdout.buffer.write(picture)  # type: ignore[arg-type]


if __name__ == "__main__":
    _draw(sys.argv[1], sys.argv[2])
