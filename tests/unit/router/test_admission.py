"""Admission: who may submit what and until when; each refusal says what to do."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.registry.registry import RegisteredAgent, Registry
from pointsman.router.admission import Admitted, Refused, admit
from pointsman.router.policy import policy_file
from pointsman.router.policy.policy import Policy, decide
from pointsman_schemas.control.registry import State
from pointsman_schemas.jobs import Job
from pointsman_schemas.reasons import Reason
from tests.support.text.parsed import parse_agents

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POLICY = Policy.compile(
    policy_file.parse("""
name: test
tiers: [small, medium, frontier]
default: {tier: medium, reason: x}
rules:
  - {name: asked-for, when: {tier: asked}, tier: asked, reason: x}
  - {name: contract, when: {kind: contract}, tier: frontier, reason: x}
""")
)
AGENTS = """
unregistered: admit
agents:
  - {id: free, owner: everyone}
  - {id: bound, owner: finance, tiers: [small, medium], kinds: [sql, extract], max_chars: 10}
"""
OPEN = parse_agents(AGENTS, POLICY.tiers).registry
CLOSED = parse_agents(AGENTS.replace("admit", "reject"), POLICY.tiers).registry


def job(agent: str, text: str = "hi", **fields: Any) -> Job:
    return Job.model_validate(
        {
            "job_id": UUID(int=1),
            "agent_id": agent,
            "request": {"messages": [{"role": "user", "content": text}]},
            **fields,
        }
    )


def trace(asked: Job) -> list[tuple[str, str]]:
    admitted = admit(OPEN, POLICY, asked, NOW)
    assert isinstance(admitted, Admitted)
    assert all(check.passed and check.layer == "admission" for check in admitted.checks)
    return [(check.name, check.detail) for check in admitted.checks]


def test_a_registered_agent_is_admitted_and_every_comparison_said() -> None:
    asked = job("bound", tier="small", kind="sql", deadline=NOW + timedelta(seconds=1.5))
    assert trace(asked) == [
        ("agent", "bound is registered, identity is claimed, owner is finance"),
        ("tier", "small is asked for, open to bound: small, medium"),
        ("kind", "kind is sql, open to bound: sql, extract"),
        ("size", "2 characters <= 10"),
        ("deadline", "2026-03-01T12:00:01.500000Z > 2026-03-01T12:00:00.000000Z"),
    ]
    admitted = admit(OPEN, POLICY, asked, NOW)
    assert isinstance(admitted, Admitted)
    assert admitted.tiers == ("small", "medium")


def test_unrestricted_fields_have_no_check() -> None:
    assert trace(job("free")) == [("agent", "free is registered, identity is claimed, owner is everyone")]
    assert trace(job("free", tier="frontier"))[1:] == [
        ("tier", "frontier is asked for, every tier is open: small, medium, frontier")
    ]


def test_unregistered_agents_are_admitted_only_if_configured() -> None:
    assert trace(job("stranger")) == [
        ("agent", "stranger is not registered; the registry says `unregistered: admit`, identity is claimed")
    ]
    refused = admit(CLOSED, POLICY, job("stranger"), NOW)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.AGENT_NOT_ALLOWED
    assert "agent `stranger` is not registered" in refused.message
    assert "- {id: stranger, owner: <team>}" in refused.message
    assert isinstance(admit(CLOSED, POLICY, job("free"), NOW), Admitted)


@pytest.mark.parametrize(
    ("asked", "reason", "words"),
    [
        (
            job("free", tier="medum"),
            Reason.UNKNOWN_TIER,
            ["`medum`, did you mean `medium`?", "small, medium"],
        ),
        (
            job("stranger", tier="xl"),
            Reason.UNKNOWN_TIER,
            ["no tier `xl`. The tiers are small", "Leave `tier` out"],
        ),
        (
            job("bound", tier="frontier"),
            Reason.AGENT_NOT_ALLOWED,
            ["`frontier`", "small, medium", "ask finance"],
        ),
        (
            job("bound", kind="code"),
            Reason.AGENT_NOT_ALLOWED,
            ["kind is code", "sql, extract", "ask finance"],
        ),
        (job("bound"), Reason.AGENT_NOT_ALLOWED, ["kind is not given", "Set `kind`"]),
        (job("bound", "x" * 11, kind="sql"), Reason.TOO_LARGE, ["11 characters > 10", "ask finance"]),
        (
            job("free", deadline=NOW),
            Reason.DEADLINE_PASSED,
            ["2026-03-01T12:00:00.000000Z", "later deadline"],
        ),
        (
            job("free", deadline=NOW - timedelta(days=9)),
            Reason.DEADLINE_PASSED,
            ["2026-02-20", "no model was called"],
        ),
    ],
)
def test_a_refusal_says_what_to_change(asked: Job, reason: Reason, words: list[str]) -> None:
    refused = admit(OPEN, POLICY, asked, NOW)
    assert isinstance(refused, Refused)
    assert refused.reason is reason
    for word in words:
        assert word in refused.message


def test_a_job_without_a_kind_does_not_get_round_a_restriction() -> None:
    assert isinstance(admit(OPEN, POLICY, job("bound", kind=None), NOW), Refused)


@given(
    st.sampled_from(["free", "bound", "stranger"]),
    st.none() | st.sampled_from(["small", "frontier", "huge"]),
    st.none() | st.sampled_from(["sql", "contract"]),
    st.none() | st.integers(-2, 2),
    st.sampled_from([OPEN, CLOSED]),
)
def test_every_job_gets_one_tier_that_is_open_to_it_or_one_refusal(
    agent: str, tier: str | None, kind: str | None, seconds: int | None, registry: Registry
) -> None:
    deadline = None if seconds is None else NOW + timedelta(seconds=seconds)
    asked = job(agent, tier=tier, kind=kind, deadline=deadline)
    answer = admit(registry, POLICY, asked, NOW)
    assert answer == admit(registry, POLICY, asked, NOW)
    if isinstance(answer, Admitted):
        decision = decide(POLICY, asked, allowed=answer.tiers, earlier=answer.checks)
        assert decision.tier in (answer.tiers or POLICY.tiers)
        assert tier in (None, decision.tier)
        assert deadline is None or deadline > NOW
    else:
        assert isinstance(answer, Refused)
        assert answer.message


EARNEST = """
unregistered: reject
agents:
  - {id: ending, owner: finance, contact: fin@example.com, expires: 2026-03-02}
  - {id: with-tools, owner: finance, tools: [lookup, web_search]}
"""


def in_state(state: State) -> Registry:
    (entry, *_) = parse_agents(EARNEST, POLICY.tiers).entries
    agent = RegisteredAgent(entry, state, by="dana", reason="it loops")
    return Registry({entry.id: agent}, parse_agents(EARNEST, POLICY.tiers).rules)


@pytest.mark.parametrize(
    ("registry", "at", "expected"),
    [
        (in_state("active"), NOW, None),
        (in_state("active"), datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), None),
        (
            in_state("active"),
            datetime(2026, 3, 2, tzinfo=UTC),
            "expired on 2026-03-02. Ask finance (fin@example",
        ),
        (in_state("suspended"), NOW, "agent `ending` is suspended: it loops. Ask finance (fin@example.com)"),
        (in_state("retired"), NOW, "agent `ending` is retired"),
    ],
)
def test_suspended_retired_and_expired_agents_are_rejected(
    registry: Registry, at: datetime, expected: str | None
) -> None:
    refused = admit(registry, POLICY, job("ending"), at)
    if expected is None:
        assert isinstance(refused, Admitted)
    else:
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.AGENT_NOT_ALLOWED
        assert expected in refused.message


@pytest.mark.parametrize(
    ("offered", "refused"),
    [
        ({}, None),
        ({"tools": [{"type": "function", "function": {"name": "lookup"}}, {"type": "web_search"}]}, None),
        ({"tools": [{"type": "function", "function": {"name": "delete_all"}}]}, "delete_all"),
        ({"tools": [], "functions": [{"name": "delete_all"}]}, "delete_all"),
        (
            {"tools": [{"type": "function", "function": {"name": "lookup"}}], "functions": [{"name": "x"}]},
            "x",
        ),
        ({"tools": [{"type": "custom", "custom": {"name": "lookup"}}]}, None),
        ({"tools": [{"type": "custom", "custom": {"name": "delete_all"}}]}, "delete_all"),
        ({"tools": [{"function": {"name": "lookup"}, "custom": {"name": "x"}}]}, "x"),
        ({"tools": {"name": "lookup"}}, None),
        ({"tools": "lookup"}, "(no name)"),
        ({"tools": [{"function": {}}]}, "(no name)"),
    ],
)
def test_tools_are_permitted_by_name(offered: dict[str, Any], refused: str | None) -> None:
    registry = parse_agents(EARNEST, POLICY.tiers).registry
    asked = Job.model_validate(
        {
            "job_id": UUID(int=1),
            "agent_id": "with-tools",
            "request": {"messages": [{"role": "user", "content": "hi"}], **offered},
        }
    )
    admitted = admit(registry, POLICY, asked, NOW)
    if refused is None:
        assert isinstance(admitted, Admitted)
        assert any(check.name == "tools" for check in admitted.checks) == bool(offered)
    else:
        assert isinstance(admitted, Refused)
        assert (
            f"tool {refused} is not open to agent `with-tools`, open are lookup, web_search"
            in admitted.message
        )


@pytest.mark.parametrize("registry", [OPEN, CLOSED])
def test_names_like_our_own_services_are_for_who_is_registered_by_one(registry: Registry) -> None:
    refused = admit(registry, POLICY, job("pointsman/evil"), NOW)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.AGENT_NOT_ALLOWED
    assert "`pointsman/` are for this installation's own services" in refused.message
    entry = parse_agents("{unregistered: reject, agents: [{id: pointsman/gw, owner: x}]}", POLICY.tiers)
    assert isinstance(admit(entry.registry, POLICY, job("pointsman/gw"), NOW), Admitted)
