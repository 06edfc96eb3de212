"""Both paths make the same records for random policies, registries and jobs."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.bus.codec.encoded_batch import Made, unpacked
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.registry.in_force import RegistryInForce
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy import policy_file
from pointsman.router.policy.policy import Policy
from tests.support.router.fast_path import count_bundled, fast_handler, needs_library, registered
from tests.support.router.router_lanes import NOW, TOPICS, incoming

pytestmark = needs_library

#: Examples, batches of each and records of a batch: 20,000 records at the least.
EXAMPLES, BATCHES, RECORDS = 125, 4, 40

TIERS = ["small", "medium", "frontier"]
KINDS = ["a", "b", "sql"]
AGENTS = ["free", "bound", "stranger", "n12"]
MARKS: list[Any] = ["high", "low", 1, 2, True, False, 0.5, "1"]
LENGTHS = st.integers(1, 60)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    """A rule's conditions, at least one."""
    wanted: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "tier": st.just("asked") | st.sampled_from(TIERS),
                "kind": st.lists(st.sampled_from(KINDS), min_size=1, max_size=2, unique=True),
                "metadata": st.fixed_dictionaries(
                    {draw(st.sampled_from(["stakes", "team"])): st.sampled_from(MARKS)}
                ),
                "tools": st.booleans(),
                "response_format": st.booleans(),
                "min_turns": st.integers(1, 3),
                "min_chars": LENGTHS,
            },
        )
    )
    if draw(st.booleans()) or not wanted:
        wanted["max_chars"] = max(wanted.get("min_chars", 1), draw(LENGTHS))
    return wanted


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    rules = []
    for number, wanted in enumerate(draw(st.lists(conditions(), max_size=5))):
        tier = "asked" if wanted.get("tier") == "asked" else draw(st.sampled_from(TIERS))
        rules.append(
            {"name": f"r{number}", "when": wanted, "tier": tier, "reason": f"Rule of {number} characters."}
        )
    default = {"tier": draw(st.sampled_from(TIERS)), "reason": "Nothing else."}
    text = yaml.safe_dump({"name": "random", "tiers": TIERS, "default": default, "rules": rules})
    return Policy.compile(policy_file.parse(text))


@st.composite
def registries(draw: st.DrawFn) -> RegistryInForce:
    bound: dict[str, Any] = {"id": "bound", "owner": "us"}
    if draw(st.booleans()):
        bound["tiers"] = draw(st.lists(st.sampled_from(TIERS), min_size=1, max_size=2, unique=True))
    if draw(st.booleans()):
        bound["kinds"] = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=2, unique=True))
    if draw(st.booleans()):
        bound["max_chars"] = draw(LENGTHS)
    agents = [bound, {"id": "free", "owner": "us"}, {"id": "n12", "owner": "12 characters"}]
    unregistered = draw(st.sampled_from(["admit", "reject"]))
    return registered(yaml.safe_dump({"unregistered": unregistered, "agents": agents}), tuple(TIERS))


SCALARS = st.sampled_from([*MARKS, None, "", 2**63, 2**64, 1e300, -0.0, "ä😀", "12 characters"])
#: Jobs but for their texts: most are ordinary ones, so that the fast path has work.
SHAPES = st.fixed_dictionaries(
    {"agent_id": st.sampled_from(AGENTS)},
    optional={
        "kind": st.sampled_from([*KINDS, None]),
        "tier": st.sampled_from([*TIERS, None, "gigantic"]),
        "metadata": st.dictionaries(st.sampled_from(["stakes", "team", "id"]), SCALARS, max_size=2),
        "temperature": SCALARS,
        "tools": st.lists(st.just({"type": "function", "function": {"name": "f"}}), max_size=2),
        "response_format": st.sampled_from([None, "", {"type": "json_object"}, {"type": "text"}]),
        "user": st.text(max_size=5),
    },
)
FORMS = st.sampled_from(["prompt", "prompt", "messages", "talk", "own-id", "own-key", "twice", "enveloped"])


def record(shape: dict[str, Any], form: str, text: str, offset: int) -> Incoming:
    """A record of the intake, with a job id if the form has one."""
    body, key, headers = dict(shape), None, []
    if form in {"messages", "talk"}:
        body["messages"] = [{"role": "user", "content": text}] * (1 if form == "messages" else 3)
    else:
        body["prompt"] = text
    if form in {"own-id", "own-key", "twice"}:
        body["job_id"] = str(UUID(int=offset // 2 if form == "twice" else offset + 1_000))
        key = b"another" if form == "own-key" else body["job_id"].encode()
    if form == "enveloped":
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(UUID(int=offset + 5_000)).encode()),
            ("ce_agentid", body["agent_id"].encode()),
            ("ce_source", b"somebody"),
            ("ce_type", b"pointsman.job.submitted.v1"),
        ]
    return incoming(json.dumps(body).encode(), headers=tuple(headers), key=key, offset=offset)


def ordered(made: Sequence[Made]) -> list[Outgoing]:
    """The answers of both paths; those of the fast path come first."""
    return sorted(unpacked(made), key=lambda out: (out.topic, dict(out.headers)["ce_id"], out.key or b""))


@settings(max_examples=EXAMPLES)
@given(
    policies(),
    registries(),
    st.lists(st.tuples(SHAPES, FORMS, LENGTHS), min_size=8, max_size=8),
)
def test_both_paths_make_the_same(
    policy: Policy, registry: RegistryInForce, kinds_of_job: list[tuple[dict[str, Any], str, int]]
) -> None:
    fast, full = fast_handler(policy, registry), RouterHandler(policy, registry, TOPICS, lambda: NOW)
    for batch in range(BATCHES):
        offsets = range(batch * RECORDS, (batch + 1) * RECORDS)
        records = []
        for offset in offsets:
            shape, form, length = kinds_of_job[offset % len(kinds_of_job)]
            text = "pä"[offset % 2] * (1 + (length + offset // 8) % 60)
            records.append(record(shape, form, text, offset))
        assert ordered(fast.handle_records(records)) == ordered(full.handle_records(records))


def test_most_ordinary_jobs_take_the_fast_path() -> None:
    """Otherwise the test above would compare the full path with itself."""
    policy = Policy.compile(
        policy_file.parse("name: n\ntiers: [small]\ndefault: {tier: small, reason: All of it.}\n")
    )
    handler = fast_handler(policy, registered("unregistered: admit\n", policy.tiers))
    jobs = [record({"agent_id": "free"}, "prompt", "p" * (1 + offset), offset) for offset in range(40)]
    handler.handle_records(jobs[:3])
    assert count_bundled(handler, jobs[3:]) == len(jobs) - 3
