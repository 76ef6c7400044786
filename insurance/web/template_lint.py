"""`python -m insurance.web.template_lint`: what a template must not hold, found before a browser does.

Inline code and styles would break under the content security policy; the rest are habits of an
older htmx, forms that do not work without JavaScript, and lines too long to be read.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import insurance.permissions  # noqa: F401
from insurance.core.permissions import list_permissions

TEMPLATES = Path(__file__).resolve().parents[1] / "templates"

_LINES = {
    "an inline style": r"<style|\sstyle=",
    "an inline event handler": r"\son[a-z]+=",
    "hx-on": r"hx-on",
    "code in an attribute": r"javascript:|[\"'\s]js:",
    "a filter in hx-trigger": r"hx-trigger=\"[^\"]*\[",
    "a script without src": r"<script(?![^>]*\ssrc=)",
    "a habit of htmx 2": r"hx-disabled-elt|hx-ext=|htmx:(after|before)[A-Z]|hx-vars",
    "an import or set above the blocks": r"^{%-?\s*(from|import|set)\s",
    "attributes without a space between them": r"\s[\w:-]+=\"[^\"{}<>]*\"[A-Za-z]",
    "more than 160 characters in a line": r".{161}",
}
_TAGS = {
    "target=_blank without rel": r"<a(?=[^>]*target=\"_blank\")(?![^>]*\srel=)[^>]*>",
    "hx-post on a form without method and action": (
        r"<form(?=[^>]*hx-post)(?!(?=[^>]*\smethod=)(?=[^>]*\saction=))[^>]*>"
    ),
    "a posting form without hx-disable": r"<form(?=[^>]*method=\"post\")(?![^>]*hx-disable)[^>]*>",
    "a scroll box that the keyboard does not reach": (
        r"<div class=\"scroll(?! empty)(?=[\" ])(?![^>]*tabindex=\"0\")[^>]*>"
    ),
    "|safe": r"\|\s*safe\b",
}


def find_faults(name: str, text: str) -> Iterator[tuple[int, str]]:
    """Return the line and kind of each fault of a template."""
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in _LINES.items():
            is_macro_file = name == "ui.html" and "import or set" in what
            if re.search(pattern, line) and not is_macro_file:
                yield number, what
    for what, pattern in _TAGS.items():
        for found in re.finditer(pattern, text, re.S):
            yield text.count("\n", 0, found.start()) + 1, what
    declared = {
        f"{type(permission).__name__}.{permission.name}" for permission in list_permissions()
    }
    for found in re.finditer(r"\b[A-Z]\w*May\.\w+", text):
        if found[0] not in declared:
            yield text.count("\n", 0, found.start()) + 1, "a permission that no area declares"


def main() -> int:
    """Print every fault and return 1 if there is one."""
    faults = [
        f"{path.relative_to(TEMPLATES)}:{number}: {what}"
        for path in sorted(TEMPLATES.rglob("*.html"))
        for number, what in find_faults(path.name, path.read_text())
    ]
    print("\n".join(faults) or "The templates hold to the rules.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
