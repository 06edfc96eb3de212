"""A key is found in every encoding, and nothing else is taken for one."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from html import escape
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.worker.secrets import Secrets

KEY = 'sk-5ecret/of+the=house&"\\<x>'

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON in JSON": lambda key: json.dumps(json.dumps(key))[1:-1],
    "JSON with slashes escaped": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "JSON escapes only": lambda key: "".join(f"\\u{ord(character):04x}" for character in key),
    "JSON escapes in capitals": lambda key: "".join(f"\\u{ord(character):04X}" for character in key),
    "some JSON escapes": lambda key: key.replace("e", "\\u0065"),
    "hexadecimal": lambda key: key.encode().hex(),
    "hexadecimal in capitals": lambda key: key.encode().hex().upper(),
    "hexadecimal with spaces": lambda key: key.encode().hex(" "),
    "hexadecimal with colons": lambda key: key.encode().hex(":"),
    "base64": lambda key: b64encode(key.encode()).decode(),
    "base64 of the header": lambda key: b64encode(f"Bearer {key}".encode()).decode(),
    "base64 of user and key": lambda key: b64encode(f"ab:{key}@host".encode()).decode(),
    "base64 for URLs": lambda key: urlsafe_b64encode(f"a{key}".encode()).decode(),
    "a URL": lambda key: quote(key, safe=""),
    "a URL, slashes as they are": quote,
    "a URL twice": lambda key: quote(quote(key, safe=""), safe=""),
    "percent everywhere": lambda key: "".join(f"%{ord(character):02x}" for character in key),
    "HTML": escape,
    "HTML numbers": lambda key: "".join(f"&#{ord(character)};" for character in key),
    "HTML hexadecimal": lambda key: "".join(f"&#x{ord(character):x};" for character in key),
    "Python": lambda key: repr(key.encode())[2:-1],
    "UTF-16": lambda key: key.encode("utf-16-le").decode("latin-1"),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_hidden_in_every_form(form: str) -> None:
    encoded = FORMS[form](KEY)
    hidden = Secrets([KEY]).hide(f"no such key: {encoded}, sorry")
    assert "***" in hidden
    assert encoded not in hidden
    assert not [encoded[at : at + 12] for at in range(len(encoded) - 12) if encoded[at : at + 12] in hidden]
    assert hidden.startswith("no such key: ") and hidden.endswith(", sorry")


@settings(deadline=None)
@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=80),
    st.sampled_from(list(FORMS)),
)
def test_any_key_is_hidden_in_any_form(key: str, form: str) -> None:
    encoded = FORMS[form](key)
    assert encoded not in Secrets([key]).hide(f"<{encoded}>")


def test_a_key_in_parsed_json_leaves_json() -> None:
    secrets = Secrets(["12345678", "sk-abcdefgh"])
    hidden = secrets.hide_json({"sk-abcdefgh": ["a sk-abcdefgh b", 12345678, 7, True, None, 1.5]})
    assert hidden == {"***": ["a *** b", "***", 7, True, None, 1.5]}


@pytest.mark.parametrize(("key", "text", "hidden"), [
    ("test", "this is a test of the tester", "this is a *** of the tester"),
    ("1", "at most 10, key 1", "at most 10, key ***"),
])  # fmt: skip
def test_a_short_key_is_one_where_it_stands_alone(key: str, text: str, hidden: str) -> None:
    assert Secrets([key]).hide(text) == hidden


@pytest.mark.parametrize("pump", ["\\", "\\u", "%25", "&#0", "sk-5", "73", "\0", "s\0\0"])
@pytest.mark.timeout(120)
def test_no_text_takes_more_than_its_length(pump: str) -> None:
    """A backtracking quantifier would take hours."""
    assert Secrets([KEY, "tenant-seven"]).hide(pump * (200_000 // len(pump)))


def test_without_a_key_nothing_is_hidden() -> None:
    assert Secrets([""]).hide("none") == "none"


def test_a_long_token_is_hidden_as_it_is_and_at_both_ends_in_every_form() -> None:
    token = "".join(f"{place:04x}" for place in range(500))
    secrets = Secrets([token])
    assert secrets.hide(f"expired: {token}.") == "expired: ***."
    for form in FORMS.values():
        hidden = secrets.hide(form(token))
        assert form(token[:64])[:40] not in hidden
        assert form(token[-64:])[-40:] not in hidden
