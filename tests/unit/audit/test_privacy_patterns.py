"""What each built-in pattern finds, and what it ignores."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.audit.patterns import BUILT_IN

FOUND = [
    ("email", "Write to <anna.o'neil+x@exa-mple.co.uk>."),
    ("email", "Grüße an <jürgen@bücher.example>"),
    ("iban", "IBAN: <DE89 3704 0044 0532 0130 00> SEPA AND MORE WORDS"),
    ("iban", "AB12 IS NONE, <DE89370400440532013000> IS"),
    ("iban", "DE88370400440532013000 has wrong check digits"),
    ("card", "No. 1 <4111 1111 1111 1111> 12/29, <4111-1111-1111-1111>, <378282246310005>"),
    ("card", "4111111111111112 does not add up, 0190a000-0000-7000-8000-00000000beef is an id"),
    ("phone", "Call <+49 (0)30 901820-12> or <555-123-4567> or <0049 30 1234567>"),
    ("phone", "2026-11-25 21:07:20, 1773306840123, 10,000,000 rows, 12.5 + 100000000"),
    ("ipv4", "from <10.0.0.1>, version 1.2.3, 999.1.1.1"),
    ("secret", "key <sk-abcdefghijklmnopqrst> and <eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.abc>, sk-short"),
]


@pytest.mark.parametrize(("name", "marked"), FOUND, ids=[f"{n} {t[:12]}" for n, t in FOUND])
def test_only_the_text_in_brackets_is_found(name: str, marked: str) -> None:
    text = marked.replace("<", "").replace(">", "")
    assert BUILT_IN[name].replace(text, lambda secret: f"<{secret}>") == marked


@given(st.text(alphabet="DE89 370400440532013000AZ-4111", max_size=60), st.sampled_from(sorted(BUILT_IN)))
def test_only_what_is_found_changes(text: str, name: str) -> None:
    assert BUILT_IN[name].replace(text, lambda secret: secret) == text
