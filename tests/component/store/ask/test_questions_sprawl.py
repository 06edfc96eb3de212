"""The query for agent sprawl finds every planted fault and nothing else."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import orjson
import pytest

from pointsman.cli.show.registry import narrower_entries
from pointsman.store.ask.agents_sent import Sprawl, sprawl
from pointsman_schemas.base import Json
from tests.support.store.audit_store import observer
from tests.support.store.incident import START, TOPICS, Job, record
from tests.support.text.parsed import parse_agents

pytestmark = pytest.mark.stack

NOW = START + timedelta(days=1)
LONG_AGO = (START - timedelta(days=60)).isoformat()
LATELY = (START - timedelta(days=10)).isoformat()
TIERS = ("small", "medium", "frontier")
KEY = {"id": "a" * 12, "sha256": "0" * 64}
#: An entry without faults: the agent uses everything it may, and its limits are near its usage.
GOOD = {
    "owner": "care",
    "contact": "care@example.com",
    "tiers": ["small"],
    "kinds": ["chat"],
    "max_chars": 20_000,
    "budget": {"usd_per_day": 5, "usd_per_job": 0.05},
    "jobs_per_minute": 120,
    "expires": "2026-05-30",
    "changed_at": LONG_AGO,
}
PLACEHOLDERS = (" ", "-", "test", "TBC", "tbd", "Unassigned", "N/A", "none", "todo", "<team>", "unknown")
#: Fault -> changes to the good entry, the expected finding, and the narrower entry's differences from it.
FAULTS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "no contact": ({"contact": None}, "no owner", {}),
    **{f"owner {word!r}": ({"owner": word}, "no owner", {}) for word in PLACEHOLDERS},
    **{f"contact {word!r}": ({"contact": word}, "no owner", {}) for word in PLACEHOLDERS},
    "about to expire": ({"expires": "2026-03-20"}, "expiring", {}),
    "expired": ({"expires": "2026-03-13"}, "expiring", {}),
    "for ever": ({"expires": None}, "no expiry", {}),
    "for years": ({"expires": "2036-03-13"}, "no expiry", {}),
    "a day too long": ({"expires": "2026-06-12"}, "no expiry", {}),
    "two tiers": ({"tiers": ["frontier", "small"]}, "too wide", {}),
    "every tier": ({"tiers": None}, "too wide", {}),
    "two kinds": ({"kinds": ["chat", "sql"]}, "too wide", {}),
    "one job without a kind": ({"kinds": ["chat", "sql"]}, "too wide", {}),
    "every kind": ({"kinds": None}, "too wide", {}),
    "a tool too many": ({"tools": ["lookup", "delete_all"]}, "too wide", {"tools": ["lookup"]}),
    "tools, never used": ({"tools": ["refund"]}, "too wide", {"tools": []}),
    "far too many characters": ({"max_chars": 10_000_000}, "too wide", {"max_chars": 10_000}),
    "a day's budget": (
        {"budget": {"usd_per_day": 100_000, "usd_per_job": 0.05, "when_spent": "wait"}},
        "too wide",
        {"budget": {"usd_per_day": 10, "usd_per_job": 0.05, "when_spent": "wait"}},
    ),
    "a job's budget": ({"budget": {"usd_per_job": 500}}, "too wide", {"budget": {"usd_per_job": 1}}),
    "a rate": ({"jobs_per_minute": 100_000}, "too wide", {"jobs_per_minute": 300}),
    "whom it writes to": ({"talks_to": ["a", "b"]}, "too wide", {"talks_to": None}),
    "a queue never decided": ({"reviews": ["contracts"]}, "too wide", {"reviews": None}),
    "a queue too many": ({"reviews": ["contracts", "refunds"]}, "too wide", {"reviews": ["refunds"]}),
    "an API key, never used": ({"api_keys": [KEY]}, "too wide", {"api_keys": None}),
}

numbers = count(1)


def jobs_of(agent: str, at: datetime = START, **other: Any) -> Iterator[Job]:
    for _ in range(2):
        yield Job(next(numbers), at, agent=agent, **other)


async def planted(dsn: str) -> tuple[list[Json], set[tuple[str, str]], dict[str, str]]:
    """The registry, the expected findings, and the fault of each agent: more than 80 faults."""
    draw = random.Random(14)
    registry: list[Json] = []
    wanted: set[tuple[str, str]] = set()
    jobs: list[Job] = []
    with_tools: list[Job] = []
    by_gateway: list[Job] = []
    faults: dict[str, str] = {}
    for number in range(30):
        registry.append({"id": f"good-{number}", **GOOD})
        jobs += jobs_of(f"good-{number}")
    for number in range(66):
        agent = f"faulty-{number}"
        fault, (changed, finding, _) = list(FAULTS.items())[number % len(FAULTS)]
        registry.append({"id": agent, **GOOD, **changed})
        wanted.add((finding, agent))
        faults[agent] = fault
        own = list(jobs_of(agent))
        jobs += own
        if fault == "a tool too many":
            with_tools.append(own[0])
        if fault == "one job without a kind":
            jobs.append(Job(next(numbers), START, agent=agent, kind=None))
    for stranger in (*(f"stranger-{number}" for number in range(8)), "pointsman/evil", "pointsman/gateway"):
        jobs += jobs_of(stranger)
        wanted.add(("unregistered", stranger))
    for number in range(7):
        registry.append({"id": f"idle-{number}", **GOOD})
        wanted.add(("idle", f"idle-{number}"))
    # Edited lately; the record shows that it existed before.
    registry += [{"id": f"edited-{way}", **GOOD, "changed_at": LATELY} for way in ("used", "changed")]
    jobs += jobs_of("edited-used", START - timedelta(days=40))
    registry.append({"id": "suspended-long", **GOOD, "state": "suspended"})
    registry.append({"id": "login-unused", **GOOD, "kafka": True})
    registry.append({"id": "seen-retired", **GOOD, "state": "retired"})
    jobs += jobs_of("seen-retired")
    wanted |= {("idle", name) for name in ("edited-used", "edited-changed", "suspended-long", "login-unused")}
    wanted |= {("too wide", "login-unused"), ("unregistered", "seen-retired")}

    # None of these is a fault.
    registry.append({"id": "new", **GOOD, "changed_at": NOW.isoformat()})  # too new to have jobs
    registry.append({"id": "gone", **GOOD, "state": "retired"})
    registry.append({"id": "suspended-lately", **GOOD, "state": "suspended"})
    registry.append({"id": "suspended-seen", **GOOD, "state": "suspended"})
    jobs += jobs_of("suspended-seen")
    registry.append({"id": "retired-lately", **GOOD, "state": "retired", "changed_at": NOW.isoformat()})
    jobs += jobs_of("retired-lately")
    registry.append({"id": "gateway", **GOOD, "gateway": True})
    registry.append({"id": "person", **GOOD, "reviews": ["refunds"]})  # decides, and has no jobs
    registry.append({"id": "app", **GOOD, "api_keys": [KEY]})
    by_gateway += jobs_of("app")
    jobs += by_gateway
    long = "x" * 15_000
    registry.append({"id": "long", **GOOD, "max_chars": 140_000})  # it sends long prompts
    jobs += jobs_of("long", prompt=long)
    jobs.append(Job(next(numbers), START, agent="pointsman/shadow"))
    registry.append({"id": "of-all-tiers", **GOOD, "tiers": None})  # it uses every tier that anybody uses
    jobs += [Job(next(numbers), START, agent="of-all-tiers", tiers=(tier,)) for tier in ("small", "frontier")]
    registry.append({"id": "of-any-kind", **GOOD, "kinds": None})  # it also has jobs without a kind
    jobs += [Job(next(numbers), START, agent="of-any-kind", kind=kind) for kind in ("chat", None)]

    draw.shuffle(jobs)
    draw.shuffle(registry)
    others = [
        *(offering for job in with_tools for offering in offers(job, "lookup")),
        *(sent for job in by_gateway for sent in through_gateway(job)),
    ]
    await record(dsn, [job for job in jobs if job not in (*with_tools, *by_gateway)], *others)
    long_ago, lately = START - timedelta(days=60), START - timedelta(days=10)
    await add(dsn, "agent.changed.v1", long_ago, "active", {"agent": {"id": "edited-changed"}})
    await add(dsn, "agent.changed.v1", lately, "active", {"agent": {"id": "edited-changed"}})
    await add(dsn, "agent.changed.v1", long_ago, "active", {"agent": {"id": "suspended-lately"}})
    await add(dsn, "agent.changed.v1", lately, "suspended", {"agent": {"id": "suspended-lately"}})
    queues = [agent for agent, fault in faults.items() if fault == "a queue too many"]
    for by in ("person", *queues):
        await add(dsn, "review.changed.v1", START, "approved", {"by": by, "queue": "refunds"})
    return registry, wanted, faults


async def add(dsn: str, kind: str, at: datetime, status: str, payload: Json) -> None:
    """A row as the audit would have it."""
    async with observer(dsn) as connection:
        await connection.execute(
            'insert into audit.message (topic, partition, headers, "offset", kind, status, broker_at,'
            " payload) values ('by hand', 0, '[]', $1, $2, $3, $4, $5::text::jsonb)",
            next(numbers), kind, status, at, orjson.dumps(payload).decode(),
        )  # fmt: skip


def offers(job: Job, tool: str) -> Iterator[Any]:
    """The job's records, whose request offers a tool."""
    for made in job.records():
        body = orjson.loads(made.value or b"{}")
        if body.get("type") == "job.submitted.v1":
            body["request"]["tools"] = [{"type": "function", "function": {"name": tool}}]
            yield replace(made, value=orjson.dumps(body))
        else:
            yield made


def through_gateway(job: Job) -> Iterator[Any]:
    """The job's records, as if a gateway had submitted it."""
    for made in job.records():
        gateway = [("ce_source", b"pointsman/gateway")]
        rest = [header for header in made.headers if header[0] != "ce_source"]
        by_gateway = made.topic == TOPICS.intake.name
        yield replace(made, headers=(*rest, *gateway)) if by_gateway else made


async def test_every_planted_fault_is_found_and_nothing_else(database: str) -> None:
    registry, wanted, faults = await planted(database)
    assert len(wanted) >= 80
    assert set(faults.values()) == FAULTS.keys()
    findings = await sprawl(database, registry, NOW)
    assert {(finding.finding, finding.agent_id) for finding in findings} == wanted
    assert len(findings) == len(wanted)
    entries = {entry["id"]: entry for entry in registry}
    for finding in findings:
        if finding.finding != "too wide":
            assert finding.narrower is None
            continue
        entry = {"id": finding.agent_id, **GOOD}
        del entry["changed_at"]
        if finding.agent_id in faults:
            changed, _, narrowed = FAULTS[faults[finding.agent_id]]
            entry |= {
                name: value for name, value in changed.items() if name not in ("tiers", "kinds")
            } | narrowed
            removed = [name for name, value in narrowed.items() if value is None]
            entry = {name: value for name, value in entry.items() if name not in removed}
        assert finding.narrower == entry, (faults.get(finding.agent_id), entries[finding.agent_id])


async def test_the_narrower_entries_can_be_pasted(database: str) -> None:
    registry, _, _ = await planted(database)
    findings = await sprawl(database, registry, NOW)
    pasted = "unregistered: reject\nagents:\n" + "\n".join(narrower_entries(findings))
    file = parse_agents(pasted, TIERS)
    narrower = {finding.agent_id for finding in findings if finding.narrower is not None}
    assert {agent.id for agent in file.agents} == narrower


async def test_an_agent_with_the_narrower_entry_is_not_reported_again(database: str) -> None:
    registry, _, _ = await planted(database)
    findings = await sprawl(database, registry, NOW)
    narrowed = {finding.agent_id: finding.narrower for finding in findings if finding.narrower is not None}
    again = [
        {**narrowed.get(entry["id"], entry), "state": entry.get("state", "active"), "changed_at": LONG_AGO}
        for entry in registry
    ]
    assert not [finding for finding in await sprawl(database, again, NOW) if finding.finding == "too wide"]


async def test_idle_entries_have_a_reason(database: str) -> None:
    registry, _, _ = await planted(database)
    findings = await sprawl(database, registry, NOW)
    details = {finding.agent_id: finding.detail for finding in findings}
    assert details["suspended-long"] == (
        f"suspended since {LONG_AGO[:10]}, and no job in 30 days: resume it or retire it"
    )
    assert details["edited-changed"] == "no job in 30 days"
    assert details["seen-retired"] == "it is retired: 2 jobs in 30 days, the last on 2026-03-12"


async def test_the_view_uses_the_recorded_changes(database: str) -> None:
    await record(database, [Job(next(numbers), START, agent="stranger")])
    async with observer(database) as connection:
        assert [
            Sprawl(row["finding"], row["agent_id"], row["owner"], row["detail"])
            for row in await connection.fetch(
                "select finding, agent_id, owner, detail from audit.sprawl_of("
                "(select coalesce(jsonb_agg(entry), '[]') from audit.registry), $1)",
                NOW,
            )
        ] == [Sprawl("unregistered", "stranger", None, "1 jobs in 30 days, the last on 2026-03-12")]
        assert await connection.fetch("select * from audit.registry") == []
        assert isinstance(await connection.fetch("select * from audit.sprawl"), list)
