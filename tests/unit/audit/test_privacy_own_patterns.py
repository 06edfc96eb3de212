"""Custom patterns run with RE2, so no text slows them down; unsupported syntax is refused."""

import sys

import pytest

from pointsman.audit.patterns import OwnPattern, PatternError
from pointsman.runtime.yaml_file import FileError
from tests.support.text.parsed import parse_privacy


def test_matches_are_replaced_and_the_rest_is_kept() -> None:
    pattern = OwnPattern.compile("staff", "S-[0-9]{3}")
    odd = "é \udcff S-123, S-45; ☺S-678"
    assert pattern.replace(odd, lambda secret: f"<{secret}>") == "é \udcff <S-123>, S-45; ☺<S-678>"


def test_no_text_is_slow_to_search() -> None:
    """Python's own engine would not finish."""
    pattern = OwnPattern.compile("evil", "(a+)+b|(x*)*y")
    assert pattern.replace("a" * 50_000 + "x" * 50_000, lambda _: "!").startswith("a")


def test_many_matches_are_all_replaced() -> None:
    pattern = OwnPattern.compile("one", "é")
    assert pattern.replace("é-" * 50_000, lambda _: "x") == "x-" * 50_000


@pytest.mark.parametrize("text", ["(", "(?<!a)b", r"(a)\1", "a{1,100000}", "\ud800"])
def test_syntax_that_re2_does_not_support_is_refused(text: str) -> None:
    with pytest.raises(PatternError, match="RE2"):
        OwnPattern.compile("odd", text)


def test_without_re2_a_file_with_patterns_of_its_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    with pytest.raises(FileError) as wrong:
        parse_privacy("patterns: {mine: abc}")
    assert "pip install 'pointsman[re2]'" in str(wrong.value.problems)
    parse_privacy("masks: [{name: contact, patterns: [email]}]")


@pytest.mark.parametrize("path", ["$[?match(@.a, 'x')]", "$..b[?search(@, '(a+)+b')]"])
def test_a_path_needs_no_pattern(path: str) -> None:
    with pytest.raises(FileError) as wrong:
        parse_privacy(f'masks: [{{name: one, paths: ["{path}"]}}]')
    assert "no bound in time" in str(wrong.value.problems)
