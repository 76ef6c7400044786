"""Numbers on a page that are written with a decimal point, as nobody writes them in South Africa."""

import re
from collections.abc import Sequence
from html import unescape

_NOT_READ = re.compile(
    r"<(script|style|code|pre|textarea|svg|kbd)\b.*?</\1>|<!--.*?-->", re.DOTALL | re.IGNORECASE
)
_NUMBER = re.compile(r"(?<![\w.,@/#-])\d+\.\d+(?![\w@/-]|\.\w)")


def points_in(html: str) -> Sequence[str]:
    """Return the numbers with a decimal point in a page's text; code and what is typed is not read."""
    plain = unescape(re.sub(r"<[^>]+>", " ", _NOT_READ.sub(" ", html)))
    return _NUMBER.findall(plain)
