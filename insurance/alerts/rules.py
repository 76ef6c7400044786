"""When a digest is due, what it says, and how long alerts are kept."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

KEPT_ONCE_READ = timedelta(days=90)
"""What was read is deleted after so long."""
KEPT_UNREAD = timedelta(days=365)
"""What nobody read in a year nobody misses."""
WARNED_BEFORE = timedelta(days=14)
"""How long before its end the holder of an API key is told."""
DIGEST_AT = time(6)
"""The hour of the organization's day from which on its digests leave."""
IN_A_DIGEST = 20


def is_digest_due(local: datetime) -> bool:
    """Tell whether the digests of a day leave by now; `local` is in the organization's zone."""
    return local.time() >= DIGEST_AT


def digest_lines(titles: Sequence[str]) -> str:
    """Return the newest of what somebody did not read, a line each, and how many more there are."""
    lines = [f"- {title}" for title in titles[:IN_A_DIGEST]]
    if len(titles) > IN_A_DIGEST:
        lines.append(f"and {len(titles) - IN_A_DIGEST} more")
    return "\n".join(lines)
