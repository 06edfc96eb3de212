"""Display of a policy, a replay, a recomputed decision and a score's reasons."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import pytest
from rich.console import Console, RenderableType

from pointsman.cli.show.decisions import replay as show_replay
from pointsman.cli.show.decisions.learned import learned
from pointsman.cli.show.decisions.reasons import reasons
from pointsman.cli.show.decisions.recomputed import recomputed
from pointsman.cli.show.decisions.rules import conditions, rules
from pointsman.cli.show.decisions.verdict import Verdict, verdict
from pointsman.learn.lesson import Learned
from pointsman.learn.report import Expected
from pointsman.router.policy.policy_file import parse
from pointsman.router.policy.replay import Moved, PolicyReplay
from pointsman.router.recorded.recorded_decision import Recomputed, Saw
from pointsman.score.estimate import ScoreReason
from tests.support.router.fixed_score import fixed_score
from tests.support.router.scored_policy import scored_file, scored_policy
from tests.unit.cli.show.test_cli_show_decision import MADE
from tests.unit.cli.show.test_cli_show_story import state

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
MODEL = fixed_score({})


def drawn(renderable: RenderableType, width: int = 100) -> list[str]:
    screen = Console(file=StringIO(), width=width, markup=False)
    screen.print(renderable)
    return [" ".join(line.split()) for line in screen.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def replay(**fields: Any) -> PolicyReplay:
    return PolicyReplay(scored_policy(MODEL), lambda *_: None, **fields)


class TestRules:
    def test_each_rule_in_order_with_its_conditions_and_its_fallback(self) -> None:
        lines = drawn(rules(scored_file(MODEL)))
        assert lines[-3:] == [
            "code frontier kind code",
            "mail scored, else medium kind mail",
            "default scored, else frontier nothing above holds",
        ]
        assert "score fixed@0123456789ab, 5 bytes, for 0.99 of the quality of frontier" in lines

    def test_every_kind_of_condition_is_shown(self) -> None:
        file = parse(
            "name: a\ntiers: [s]\ndefault: {tier: s, reason: R.}\nrules:\n  - name: all\n    tier: s\n"
            "    reason: R.\n    when: {tier: s, kind: [a, b], metadata: {vip: true, x: [1, 2]},\n"
            "      tools: false, min_chars: 1, max_turns: 3}\n"
        )
        assert conditions(file.rules[0].when) == [
            "tier s", "kind a or b", "min_chars 1", "max_turns 3", "tools no", "metadata vip yes",
            "metadata x 1 or 2",
        ]  # fmt: skip


class TestReplay:
    def test_shares_moves_and_examples(self) -> None:
        way = ("frontier", "small")
        moved = Moved(UUID(int=7), *way, "default", "default", "The score decides.", "What is\n1 + 1?")
        report = replay(
            jobs=4, tiers_before=Counter(frontier=4), tiers_after=Counter(frontier=1, small=3),
            moves=Counter({way: 3}), moved={way: [moved]}, priced=4, cost_before=Decimal(4),
            cost_after=Decimal(1), scored=2, in_doubt=1, sufficient_before=2.0, sufficient_after=1.9,
        )  # fmt: skip
        lines = drawn(show_replay.replayed(report, SINCE), 140)
        assert "moved 3 jobs, 75.0 %" in lines
        assert "cost $4.00 -> $1.00, -75.0 % at the tokens of 4 jobs" in lines
        quality = next(line for line in lines if line.startswith("quality"))
        assert "1.000 -> 0.950 of the answers expected as good as frontier's" in quality
        assert "1 job unlike what it knows" in quality
        assert "small 0 0.0 % 3 75.0 %" in lines
        assert "frontier -> small 3 jobs" in lines
        assert f"{UUID(int=7)} default: The score decides." in lines
        assert lines[-1] == "What is 1 + 1?"

    def test_without_recorded_jobs_there_are_no_figures(self) -> None:
        lines = drawn(show_replay.replayed(replay(unreadable=2), SINCE), 120)
        assert (
            lines[-1] == "jobs 0 jobs routed since 2026-03-01 00:00:00 UTC; left out: 2 that cannot be read"
        )

    def test_unknown_prices_and_texts_are_not_shown_as_zero(self) -> None:
        report = replay(
            jobs=1, tiers_before=Counter(small=1), tiers_after=Counter(small=1), unpriced=1, in_doubt=1
        )
        text = "\n".join(drawn(show_replay.replayed(report, SINCE)))
        assert "not known: no job on record has a price on both sides" in text
        assert "not estimated by fixed@0123456789ab; 1 job unlike what it knows" in text
        flat = show_replay.flat(report, SINCE, SINCE)
        assert (flat["cost"]["saved"], flat["quality"]["sufficient_after"]) == (None, None)


class TestRecomputed:
    def test_an_equal_decision_is_shown_with_its_hash(self) -> None:
        same = Recomputed(UUID(int=1), "p-1", None, b'{"a":1}', b'{"a":1}')
        lines = drawn(recomputed(same), 140)
        assert "model none: rules alone decided" in lines
        assert lines[-1].startswith("recomputed the same, 7 bytes of SHA-256 015abd7f")

    def test_a_difference_is_shown_as_an_escaped_diff(self) -> None:
        other = Recomputed(UUID(int=1), "p-1", "m@1", b'{"a":"x\\u001b[2J"}', b'{"a":2}')
        lines = drawn(recomputed(other))
        assert '- "a": "x\\u001b[2J"' in lines
        assert '+ "a": 2' in lines


class TestReasons:
    FOUND = (
        ScoreReason("`prove` in the text", -0.8),
        ScoreReason("a short question", 1.2),
        ScoreReason("no digits", 0.1),
        ScoreReason("no list", -0.001),
    )

    def test_reasons_are_sorted_by_strength(self) -> None:
        lines = drawn(reasons({"small": self.FOUND, "medium": self.FOUND[3:]}, "m@1"), 120)
        assert lines[1:] == [
            "for small a short question +1.20; no digits +0.10",
            "not small `prove` in the text -0.80",
            "medium nothing in the text speaks for or against it",
        ]

    @pytest.mark.parametrize(
        ("saw", "part"),
        [
            (Saw("m@1", {"small": FOUND}), "what m@1 saw"),
            (Saw("", {}, "the model m@1 is not on record"), "not to be had: the model m@1 is not on record"),
        ],
    )
    def test_reasons_are_between_the_checks_and_the_outcome(self, saw: Saw, part: str) -> None:
        text = "\n".join(drawn(verdict(Verdict(state(), MADE, None, None, [], saw))))
        assert text.index("runner-up") < text.index(part) < text.index("outcome")


class TestLearned:
    OF: ClassVar[dict[str, Any]] = {
        "tiers": ("small", "frontier"),
        "quality": "0.99",
        "since": SINCE,
        "until": SINCE,
    }

    def test_a_learned_score_is_shown_with_its_interval_and_how_to_apply_it(self) -> None:
        worth = Expected(0.993, 0.991, 1.002, 0.41, {"small": 0.6, "frontier": 0.4})
        report = Learned(
            **self.OF, labels=400, judged=50, silent=3, model="ours@1", expected=worth, replay=replay(jobs=0),
            policy=Path("policy.p-1.yaml"), model_file=Path("models/ours-1.json"),
        )  # fmt: skip
        lines = drawn(learned(report), 140)
        assert "learned from 400 jobs, 50 of them judged; 3 say nothing" in lines
        assert (
            "expected 41.0 % saved at 99.3 % of the quality of frontier "
            "(99.1 to 100.2 % in eight of ten), of jobs not learned from" in lines
        )
        assert "tiers small 60.0 %, frontier 40.0 %" in lines
        assert lines[-3:] == [
            "written policy.p-1.yaml",
            "models/ours-1.json",
            "apply it pointsman policy check policy.p-1.yaml, then start the router with it",
        ]

    def test_if_nothing_was_written_the_reason_and_remedy_are_shown(self) -> None:
        report = Learned(**self.OF, labels=12, judged=0, silent=0, why_not="12 of 300")
        lines = drawn(learned(report), 140)
        assert lines[-2:] == [
            "not written 12 of 300: the policy stays as it is",
            "more labels pointsman feedback JOB good|bad, or a `shadow` section in the policy",
        ]
