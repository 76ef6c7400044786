"""PDFs by Typst: our own templates, values passed as data, no network and no files read.

Values reach the template as JSON through an input, so nothing a customer typed is ever markup.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

_TEMPLATES = Path(__file__).parent


def render(template: str, values: Mapping[str, Any]) -> bytes:
    """Return a template of this folder as PDF."""
    return typst.compile(
        str(_TEMPLATES / template), sys_inputs={"values": json.dumps(values, default=str)}
    )
