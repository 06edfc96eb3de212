"""Decisions: the first matching rule wins, each comparison is recorded, and results are deterministic."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.router.policy.policy import Policy, decide, nearest_allowed
from pointsman.router.policy.policy_file import parse
from pointsman_schemas.decisions import Check
from pointsman_schemas.jobs import Job

TIERS = ("small", "medium", "frontier")

POLICY = Policy.compile(
    parse("""
name: test
tiers: [small, medium, frontier]
default: {tier: medium, reason: Nothing else holds.}
rules:
  - {name: asked-for, when: {tier: asked}, tier: asked, reason: Asked for.}
  - {name: german-vip, when: {metadata: {language: [de, at], vip: true}}, tier: frontier, reason: VIP.}
  - {name: tools, when: {tools: true}, tier: medium, reason: Tools.}
  - {name: short, when: {kind: [sql, classify], max_chars: 20, tools: false}, tier: small, reason: Short.}
  - {name: form, when: {response_format: true, max_turns: 1}, tier: small, reason: A form.}
  - {name: long, when: {min_chars: 100}, tier: frontier, reason: Long.}
  - {name: desk, when: {agent: desk, min_turns: 2}, tier: small, reason: The desk.}
""")
)


REWRITTEN = Policy.compile(
    parse("""
# the same policy as above, as another person would write it
tiers:
  - small
  - medium
  - frontier
rules:
  - name: asked-for
    when:
      tier: [asked]
    reason: Asked for.
    tier: asked
  - {name: german-vip, tier: frontier, reason: VIP., when: {metadata: {vip: true, language: [de, at]}}}
  - {name: tools, tier: medium, reason: Tools., when: {tools: true}}
  - {name: short, tier: small, reason: Short., when: {tools: false, max_chars: 20, kind: [sql, classify]}}
  - {name: form, tier: small, reason: A form., when: {max_turns: 1, response_format: true}}
  - {name: long, tier: frontier, reason: Long., when: {min_chars: 100}}
  - {name: desk, tier: small, reason: The desk., when: {min_turns: 2, agent: [desk]}}
default: {reason: Nothing else holds., tier: medium}
name: test
""")
)


def job(*texts: str, agent: str = "a", request: dict[str, Any] | None = None, **fields: Any) -> Job:
    messages = [{"role": "user", "content": text} for text in texts or ("hi",)]
    return Job.model_validate(
        {
            "job_id": UUID(int=7),
            "agent_id": agent,
            "request": {"messages": messages, **(request or {})},
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("asked", "tier", "rule", "runner_up"),
    [
        (job(), "medium", "default", None),
        (job(tier="frontier"), "frontier", "asked-for", ("medium", "default")),
        (job(tier="medium", kind="sql"), "medium", "asked-for", ("small", "short")),
        (job(kind="sql"), "small", "short", ("medium", "default")),
        (job("x" * 20, kind="classify"), "small", "short", ("medium", "default")),
        (job("x" * 21, kind="sql"), "medium", "default", None),
        (job("x" * 50, "y" * 50, kind="sql"), "frontier", "long", ("medium", "default")),
        (job(kind="sql", request={"tools": [{"type": "function"}]}), "medium", "tools", None),
        (job(request={"tools": []}), "medium", "default", None),
        (
            job(request={"tools": [{}], "response_format": {"type": "json_object"}}),
            "medium",
            "tools",
            ("small", "form"),
        ),
        (job(request={"response_format": {"type": "text"}}), "medium", "default", None),
        (job("a", "b", request={"response_format": {"type": "json_object"}}), "medium", "default", None),
        (job(metadata={"language": "at", "vip": True}), "frontier", "german-vip", ("medium", "default")),
        (job(metadata={"language": "de", "vip": 1}), "medium", "default", None),
        (job(metadata={"language": "de"}), "medium", "default", None),
        (job("a", "b", agent="desk"), "small", "desk", ("medium", "default")),
        (job("a", agent="desk"), "medium", "default", None),
    ],
)
def test_the_first_matching_rule_wins(
    asked: Job, tier: str, rule: str, runner_up: tuple[str, str] | None
) -> None:
    decision = decide(POLICY, asked)
    assert (decision.tier, decision.rule) == (tier, rule)
    assert (decision.runner_up and (decision.runner_up.tier, decision.runner_up.rule)) == runner_up
    assert decision.policy_version == POLICY.version
    assert decision.score is None


def test_checks_show_both_sides_of_each_comparison() -> None:
    decision = decide(POLICY, job(kind="sql"))
    assert [(check.name, check.passed, check.detail) for check in decision.checks] == [
        ("asked-for", False, "no tier is asked for, wanted is small or medium or frontier"),
        ("german-vip", False, "metadata language is not given, wanted is de or at"),
        ("tools", False, "0 tools given, some are wanted"),
        (
            "short",
            True,
            "kind is sql, wanted is sql or classify; 0 tools given, none is wanted; 2 characters <= 20",
        ),
    ]
    assert decision.reason == "Short."


def test_a_failed_comparison_is_shown_as_exactly() -> None:
    asked = job("x" * 30, kind="sql", request={"response_format": {"type": "json_schema"}}, agent="desk")
    details = {check.name: check.detail for check in decide(POLICY, asked).checks}
    assert details["short"] == "30 characters > 20"
    assert details["form"] == "response format is json_schema, one is wanted; 1 messages <= 1"
    details = {check.name: check.detail for check in decide(POLICY, job("x" * 30, agent="desk")).checks}
    assert details["long"] == "30 characters < 100"
    assert details["desk"] == "1 messages < 2"
    assert details["default"] == "no rule above holds"


def test_checks_of_admission_come_first() -> None:
    earlier = (Check(layer="admission", name="agent", passed=True, detail="is registered"),)
    assert decide(POLICY, job(), earlier=earlier).checks[0] is earlier[0]


def test_texts_in_parts_are_counted_and_images_are_not() -> None:
    parts = [{"type": "text", "text": "x" * 60}, {"type": "image_url", "image_url": {"url": "y" * 999}}]
    asked = Job.model_validate(
        {
            "job_id": UUID(int=1),
            "agent_id": "a",
            "request": {
                "messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": None}]
            },
        }
    )
    details = {check.name: check.detail for check in decide(POLICY, asked).checks}
    assert details["long"] == "60 characters < 100"


def test_a_publishers_text_cannot_break_the_checks() -> None:
    details = {check.name: check.detail for check in decide(POLICY, job(kind="a\x1b[2J\nb")).checks}
    assert details["short"] == r"kind is 'a\x1b[2J\nb', wanted is sql or classify"
    details = {
        check.name: check.detail for check in decide(POLICY, job(metadata={"language": "z" * 9_999})).checks
    }
    assert len(details["german-vip"]) < 100


def test_a_rules_tier_is_lowered_to_the_agents_tiers() -> None:
    decision = decide(POLICY, job("x" * 100), allowed=("small", "medium"))
    assert (decision.tier, decision.rule, decision.reason) == ("medium", "long", "Long.")
    assert decision.checks[-1].name == "allowed-tier"
    assert not decision.checks[-1].passed
    assert decision.checks[-1].detail == (
        "the rule names frontier, open to this agent: small, medium; medium is the nearest"
    )
    assert decision.runner_up is None  # the default is medium too


@pytest.mark.parametrize(
    ("wanted", "allowed", "tier"),
    [
        ("medium", None, "medium"),
        ("medium", {"medium"}, "medium"),
        ("frontier", {"small", "medium"}, "medium"),
        ("medium", {"small", "frontier"}, "small"),
        ("small", {"medium", "frontier"}, "medium"),
    ],
)
def test_the_nearest_lower_tier_is_preferred(wanted: str, allowed: set[str] | None, tier: str) -> None:
    assert nearest_allowed(TIERS, wanted, allowed) == tier


def test_no_tier_at_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="none of the policy's tiers is allowed: nothing is"):
        nearest_allowed(TIERS, "small", ())


jobs = st.builds(
    job,
    st.text(max_size=120),
    st.text(max_size=120),
    agent=st.sampled_from(["a", "desk"]),
    kind=st.none() | st.sampled_from(["sql", "classify"]) | st.text(min_size=1, max_size=64),
    tier=st.none() | st.sampled_from([*TIERS, "unheard-of"]),
    metadata=st.dictionaries(
        st.sampled_from(["language", "vip", "x"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.sampled_from(["de", "en"]),
    ),
    request=st.fixed_dictionaries(
        {},
        optional={
            "tools": st.none() | st.lists(st.just({}), max_size=2) | st.integers(),
            "response_format": st.none() | st.text(max_size=5) | st.just({"type": "json_object"}),
        },
    ),
)
open_tiers = st.none() | st.sets(st.sampled_from(TIERS), min_size=1)


@given(jobs, open_tiers)
def test_every_job_gets_exactly_one_tier_and_another_as_runner_up(
    asked: Job, allowed: set[str] | None
) -> None:
    decision = decide(POLICY, asked, allowed=allowed)
    open_to_it = set(TIERS) if allowed is None else allowed
    assert decision.tier in open_to_it
    if decision.runner_up is not None:
        assert decision.runner_up.tier in open_to_it - {decision.tier}
    if asked.tier in open_to_it:
        assert decision.tier == asked.tier
    assert [check for check in decision.checks if check.passed] == [
        check for check in decision.checks if check.name == decision.rule
    ]


@given(jobs, open_tiers)
def test_the_same_job_and_version_give_the_same_decision(asked: Job, allowed: set[str] | None) -> None:
    again = Job.model_validate_json(asked.model_dump_json())
    assert decide(POLICY, asked, allowed=allowed) == decide(REWRITTEN, again, allowed=allowed)
