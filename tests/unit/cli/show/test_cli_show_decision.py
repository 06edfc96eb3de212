"""Display of a decision: every comparison, the choice, the runner-up, the policy."""

from io import StringIO

import pytest
from rich.console import Console, RenderableType

from pointsman.cli.show.decisions.trace import decision
from pointsman_schemas.decisions import Check, Choice, Decision, Score

CHECKS = (
    Check(layer="admission", name="agent", passed=True, detail="billing is registered, owner is finance"),
    Check(layer="rule", name="asked", passed=False, detail="no tier is asked for, wanted is small or medium"),
    Check(layer="rule", name="short", passed=True, detail="412 characters <= 2000"),
)
MADE = Decision(
    tier="small",
    rule="short",
    reason="short questions need no large model",
    policy_version="p-3f2a9c1d0b7e",
    runner_up=Choice(tier="medium", rule="default", reason="everything else"),
    checks=CHECKS,
)


def drawn(renderable: RenderableType, width: int) -> list[str]:
    screen = Console(file=StringIO(), width=width, markup=False)
    screen.print(renderable)
    return screen.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_checks_are_shown_in_order_with_both_sides() -> None:
    lines = [" ".join(line.split()) for line in drawn(decision(MADE), 100)]
    assert [line for line in lines if line[:1] in "✓✗" and line] == [
        "✓ agent billing is registered, owner is finance",
        "✗ asked no tier is asked for, wanted is small or medium",
        "✓ short 412 characters <= 2000",
    ]


def test_choice_runner_up_and_policy_follow() -> None:
    text = "\n".join(drawn(decision(MADE), 100))
    for part in ("short questions need no large model", "medium, by rule default", "p-3f2a9c1d0b7e"):
        assert part in text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_it_fits_without_truncation(width: int) -> None:
    long = MADE.model_copy(
        update={"checks": (Check(layer="rule", name="n" * 64, passed=False, detail="d" * 300),)}
    )
    lines = drawn(decision(long), width)
    assert max(map(len, lines)) <= width
    assert sum(line.count("d") for line in lines if "rule" not in line and "medium" not in line) >= 300
    assert "…" not in "".join(lines)


def test_a_score_is_compared_with_its_threshold() -> None:
    scored = MADE.model_copy(update={"score": Score(model="m1", sufficient=0.94, threshold=0.95)})
    assert any("0.9400 < 0.9500 by m1" in line for line in drawn(decision(scored), 100))


def test_foreign_text_is_escaped() -> None:
    evil = MADE.model_copy(
        update={"checks": (Check(layer="rule", name="x", passed=False, detail="[red]a\x1b[2Jb[/red]"),)}
    )
    text = "\n".join(drawn(decision(evil), 100))
    assert "[red]a [2Jb[/red]" in text
    assert "\x1b" not in text
