"""Every `match` handles all cases: by a default, or by `assert_never` over a closed union."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _is_default(case: ast.match_case) -> bool:
    pattern = case.pattern
    return case.guard is None and isinstance(pattern, ast.MatchAs) and pattern.pattern is None


def _open_matches(source: str) -> list[int]:
    """Lines of matches that ignore unknown values."""
    matches = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Match)]
    return [node.lineno for node in matches if not any(map(_is_default, node.cases))]


def test_every_match_in_the_code_covers_all_cases() -> None:
    code = [path for folder in ("services", "schemas") for path in sorted((ROOT / folder).rglob("*.py"))]
    open_matches = {
        str(path.relative_to(ROOT)): lines
        for path in code
        if (lines := _open_matches(path.read_text("utf-8")))
    }
    assert open_matches == {}, (
        "end each with `case _: assert_never(...)`, or a default where the subject is open"
    )


def test_a_match_without_a_default_is_found() -> None:
    assert _open_matches("match x:\n    case 1:\n        pass\n    case _ if y:\n        pass\n") == [1]
    assert _open_matches("match x:\n    case 1:\n        pass\n    case _:\n        pass\n") == []
