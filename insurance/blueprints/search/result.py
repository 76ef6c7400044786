"""What the search box shows: a place to go to, or something to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Something found, and where it is. With `posts` it is a button that sends these there."""

    title: str
    detail: str
    url: str
    icon: str
    posts: Mapping[str, str] | None = field(default=None)
