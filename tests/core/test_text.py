"""Text of any script: what nobody sees is taken away, and names compare as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insurance.core.text import code_in_words, latin_text, name_key, visible

LI, CHEN = "李 小龍", "陳 偉"


@pytest.mark.parametrize(
    "hidden", ["\u202e", "\u200b", "\u200d", "\u2066", "\ufeff", "\u00ad", "\u061c", "\u3164"]
)
def test_what_nobody_sees_is_taken_out_of_a_name(hidden: str) -> None:
    assert visible(f"Tha{hidden}ndi") == "Thandi"
    assert name_key(f"Tha{hidden}ndi") == "thandi"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (LI, "李 小 龍"),
        ("李小龍", "李 小 龍"),
        ("Παπαδόπουλος", "παπαδοπουλοσ"),
        ("ΠΑΠΑΔΌΠΟΥΛΟΣ", "παπαδοπουλοσ"),
        ("محمد", "محمد"),
        ("مُحَمَّد", "محمد"),
        ("मोहन", "मोहन"),
        ("Zoë D'Oliveira-Łukasz", "zoe d oliveira lukasz"),
        ("Straße", "strasse"),
        ("...", ""),
    ],
)
def test_a_name_is_compared_in_its_own_script(name: str, key: str) -> None:
    assert name_key(name) == key


def test_names_of_different_people_stay_different() -> None:
    names = [LI, CHEN, "محمد", "احمد", "मोहन", "मीहन", "Παπαδόπουλος"]

    assert len({name_key(name) for name in names}) == len(names)


@given(st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=1))
def test_a_name_with_a_letter_is_never_compared_as_nothing(name: str) -> None:
    assert bool(name_key(name)) == bool(visible(name))


@given(st.text())
def test_a_compared_name_compares_the_same_again(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Zoë Müller", "Zoe Muller"),
        ("Øyvind Łukasz ß", "Oyvind Lukasz ss"),
        ("  N’Dour\u200b  A ", "N'Dour A"),
        (LI, None),
        ("محمد", None),
        ("Παπαδόπουλος", None),
        ("Thandi 李", None),
        ("'-", None),
    ],
)
def test_a_bank_file_holds_latin_letters_or_nothing(name: str, written: str | None) -> None:
    assert latin_text(name) == written


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("MAIN_MEMBER", "Main member"),
        ("VAT_OUTPUT", "VAT output"),
        ("CLI", "CLI"),
        ("send_sms_reminders", "Send SMS reminders"),
        ("CLIENT_PRIVATE", "Client private"),
    ],
)
def test_a_code_is_read_as_words_with_its_abbreviations(code: str, words: str) -> None:
    assert code_in_words(code) == words
