"""The templates hold to the rules, and the linter notices when one does not."""

import pytest

from insurance.web.template_lint import find_faults, main


def test_the_templates_hold_to_the_rules() -> None:
    assert main() == 0


@pytest.mark.parametrize(
    "planted",
    [
        '<p style="color:red">',
        '<button onclick="go()">',
        '<div hx-on:click="x">',
        '<a href="javascript:void(0)">',
        '<div hx-trigger="click[ctrlKey]">',
        "<script>alert(1)</script>",
        '<button hx-disabled-elt="this">',
        '<a href="/" target="_blank">',
        '<form hx-post="/x">',
        '<form method="post" action="/x">',
        "{{ name | safe }}",
        '<div class="scroll"><table>',
        '<div class="scroll gap" role="region"><table>',
        '{% from "ui.html" import field %}',
        "{% if may(ClaimsMay.PAI) %}",
        '<a class="button"href="/">',
        "<p>" + "word " * 33,
    ],
)
def test_a_planted_fault_is_found(planted: str) -> None:
    assert list(find_faults("page.html", planted))


@pytest.mark.parametrize(
    "sound",
    [
        '<div class="scroll" role="region" aria-label="Premiums" tabindex="0"><table>',
        '<div class="scroll empty"><p>Nothing yet.</p></div>',
        "{% if may(ClaimsMay.PAY) %}",
        """<a class="button" data-about="{{ "one" if is_one else "two" }}">""",
    ],
)
def test_what_is_sound_is_no_fault(sound: str) -> None:
    assert not list(find_faults("page.html", sound))
