"""The check of numbers on pages sees those with a decimal point, and nothing else."""

import pytest

from tests.journeys.points import points_in


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<td>3.5</td>", ["3.5"]),
        ("<p>100.00% of R 1 234.56.</p>", ["100.00", "234.56"]),
        ("<p>3,5 and R 1 234,56 on 2026/11/20.</p>", []),
        ("<code>3.5</code><pre>3.5</pre><script>3.5</script><input value='3.5'>", []),
        ("<td>10.1.3.9</td><td>a.b1.5c@example.org</td><td>QT-2.5</td>", []),
    ],
)
def test_a_decimal_point_is_found_in_what_is_read(html: str, found: list[str]) -> None:
    assert list(points_in(html)) == found
