"""PDFs by Typst: our own templates, values passed as data, no network and no files read.

Values reach the template as JSON through an input, so nothing a customer typed is ever markup.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

_TEMPLATES = Path(__file__).parent
_DOTS_PER_INCH = 84


def render(template: str, values: Mapping[str, Any]) -> bytes:
    """Return a template of this folder as PDF."""
    return typst.compile(str(_TEMPLATES / template), sys_inputs=_inputs(values))


def draw(template: str, values: Mapping[str, Any]) -> list[bytes]:
    """Return a template of this folder as pictures, PNG, a page each."""
    drawn = typst.compile(
        str(_TEMPLATES / template),
        sys_inputs=_inputs(values),
        format="png",
        ppi=_DOTS_PER_INCH,
    )
    return [drawn] if isinstance(drawn, bytes) else list(drawn)


def _inputs(values: Mapping[str, Any]) -> dict[str, str]:
    return {"values": json.dumps(values, default=str)}
