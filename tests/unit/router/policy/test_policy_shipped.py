"""The starter policy and registry route every sample job sensibly."""

from collections import Counter
from datetime import UTC, datetime

import orjson
import pytest

from pointsman import starter
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.records import Incoming
from pointsman.dev import samples
from pointsman.registry import agents_file
from pointsman.router.admission import Admitted, admit
from pointsman.router.policy import policy_file
from pointsman.router.policy.policy import Policy, decide
from pointsman_schemas.decisions import Decision
from pointsman_schemas.jobs import Job

POLICY = Policy.compile(policy_file.load(starter.POLICY))
AGENTS = agents_file.load(starter.AGENTS, POLICY.tiers).registry
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def decided() -> list[tuple[Job, Decision]]:
    decisions = []
    for offset, body in enumerate(samples.load()):
        read = decode_intake(Incoming("t", 0, offset, 0, None, orjson.dumps(body), ()))
        assert isinstance(read, Accepted), read
        admitted = admit(AGENTS, POLICY, read.job, NOW)
        assert isinstance(admitted, Admitted), (body["metadata"], admitted)
        decisions.append(
            (read.job, decide(POLICY, read.job, allowed=admitted.tiers, earlier=admitted.checks))
        )
    return decisions


def test_every_sample_is_admitted_and_every_tier_gets_some() -> None:
    tiers = Counter(decision.tier for _, decision in decided())
    assert set(tiers) == {"small", "medium", "frontier"}
    assert min(tiers.values()) >= 5


def test_requested_tiers_are_used() -> None:
    asked = [(job.tier, decision.tier) for job, decision in decided() if job.tier]
    assert asked
    assert all(wanted == chosen for wanted, chosen in asked)


def test_every_sample_comes_from_a_registered_agent() -> None:
    assert {job.agent_id for job, _ in decided()} <= set(AGENTS.agents)


@pytest.mark.parametrize(
    ("kind", "tier"),
    [
        ("contract", "frontier"),
        ("math", "medium"),
        ("sql", "medium"),
        ("classify", "small"),
        ("translate", "small"),
    ],
)
def test_each_kind_goes_to_its_rules_tier(kind: str, tier: str) -> None:
    tiers = {decision.tier for job, decision in decided() if job.kind == kind and job.tier is None}
    assert tiers == {tier}


def test_the_starter_file_admits_unregistered_agents_and_says_what_production_needs() -> None:
    assert AGENTS.admits_unregistered
    assert "Use `reject` in production" in starter.AGENTS.read_text("utf-8")


def test_every_reason_is_a_sentence() -> None:
    file = policy_file.load(starter.POLICY)
    for reason in (file.default.reason, *(rule.reason for rule in file.rules)):
        assert reason.endswith(".")
        assert len(reason) > 30


def test_its_commented_model_names_are_valid() -> None:
    text = starter.POLICY.read_text("utf-8")
    before, _, after = text.partition("# models:\n")
    listed = [line.removeprefix("# ") for line in after.split("\n\n")[0].splitlines()]
    assert listed and all(line.startswith("  ") for line in listed)
    file = policy_file.parse(before + "\n".join(["models:", *listed]) + after[after.index("\n\n") :])
    assert set(file.models.values()) <= set(file.tiers)
    assert len(file.models) == len(listed)
