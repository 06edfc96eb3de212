"""Where agents sprawl: each planted fault is found, and nothing else."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import orjson
import pytest

from pointsman.store.ask.sprawl import Sprawl, sprawl
from pointsman_schemas.base import Json
from tests.support.store.audit_store import observer
from tests.support.store.incident import START, Job, record

pytestmark = pytest.mark.stack

NOW = START + timedelta(days=1)
LONG_AGO = (START - timedelta(days=60)).isoformat()
#: Nothing is wrong with it: it uses all that it has.
GOOD = {
    "owner": "care",
    "contact": "care@example.com",
    "tiers": ["small"],
    "kinds": ["chat"],
    "expires": "2026-05-30",
    "changed_at": LONG_AGO,
}
#: Fault -> how the good entry has it, and what is found.
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no contact": ({"contact": None}, "no owner"),
    "owned by nobody": ({"owner": "TBD"}, "no owner"),
    "about to expire": ({"expires": "2026-03-20"}, "expiring"),
    "expired": ({"expires": "2026-03-13"}, "expiring"),
    "for ever": ({"expires": None}, "no expiry"),
    "two tiers": ({"tiers": ["frontier", "small"]}, "too wide"),
    "every tier": ({"tiers": None}, "too wide"),
    "two kinds": ({"kinds": ["chat", "sql"]}, "too wide"),
    "every kind": ({"kinds": None}, "too wide"),
    "a tool too many": ({"tools": ["lookup", "delete_all"]}, "too wide"),
    "tools, never used": ({"tools": ["refund"]}, "too wide"),
}

numbers = count(1)


def jobs_of(agent: str) -> Iterator[Job]:
    for _ in range(2):
        yield Job(next(numbers), START, agent=agent)


async def planted(dsn: str) -> tuple[list[Json], set[tuple[str, str]]]:
    """55 faults among 30 agents without one: the registry, and what is to be found."""
    draw = random.Random(14)
    registry: list[Json] = []
    wanted: set[tuple[str, str]] = set()
    jobs: list[Job] = []
    with_tools = []
    for number in range(30):
        registry.append({"id": f"good-{number}", **GOOD})
        jobs += jobs_of(f"good-{number}")
    for number in range(40):
        agent = f"faulty-{number}"
        fault, (changed, finding) = list(FAULTS.items())[number % len(FAULTS)]
        registry.append({"id": agent, **GOOD, **changed})
        wanted.add((finding, agent))
        own = list(jobs_of(agent))
        jobs += own
        if fault == "a tool too many":
            with_tools.append(own[0])
    for number in range(8):
        jobs += jobs_of(f"stranger-{number}")
        wanted.add(("unregistered", f"stranger-{number}"))
    for number in range(7):
        registry.append({"id": f"idle-{number}", **GOOD})
        wanted.add(("idle", f"idle-{number}"))
    registry.append({"id": "new", **GOOD, "changed_at": NOW.isoformat()})  # it has had no time yet
    registry += [{"id": f"gone-{state}", **GOOD, "state": state} for state in ("suspended", "retired")]
    jobs.append(Job(next(numbers), START, agent="pointsman/shadow"))
    registry.append({"id": "of-all-tiers", **GOOD, "tiers": None})  # it uses every tier that anybody uses
    jobs += [Job(next(numbers), START, agent="of-all-tiers", tiers=(tier,)) for tier in ("small", "frontier")]
    draw.shuffle(jobs)
    draw.shuffle(registry)
    await record(dsn, [job for job in jobs if job not in with_tools], *[
        offering for job in with_tools for offering in offers(job, "lookup")
    ])  # fmt: skip
    return registry, wanted


def offers(job: Job, tool: str) -> Iterator[Any]:
    """The job's records, its request with a tool."""
    for made in job.records():
        body = orjson.loads(made.value or b"{}")
        if body.get("type") == "job.submitted.v1":
            body["request"]["tools"] = [{"type": "function", "function": {"name": tool}}]
            yield replace(made, value=orjson.dumps(body))
        else:
            yield made


async def test_every_planted_fault_is_found_and_nothing_else(database: str) -> None:
    registry, wanted = await planted(database)
    assert len(wanted) >= 50
    found = await sprawl(database, registry, NOW)
    assert {(finding.finding, finding.agent_id) for finding in found} == wanted
    assert len(found) == len(wanted)
    entries = {entry["id"]: entry for entry in registry}
    for finding in found:
        if finding.finding != "too wide":
            assert finding.narrower is None
            continue
        entry = entries[finding.agent_id]
        narrower = {name: value for name, value in entry.items() if name not in ("state", "changed_at")}
        narrower |= {"tiers": ["small"], "kinds": ["chat"]}
        if entry.get("tools"):
            narrower["tools"] = ["lookup"] if "lookup" in entry["tools"] else []
        assert finding.narrower == narrower


async def test_an_agent_held_to_the_narrower_entry_is_not_found_again(database: str) -> None:
    registry, _ = await planted(database)
    found = await sprawl(database, registry, NOW)
    narrowed = {finding.agent_id: finding.narrower for finding in found if finding.narrower is not None}
    again = [{**entry, **narrowed.get(entry["id"], {})} for entry in registry]
    assert not [finding for finding in await sprawl(database, again, NOW) if finding.finding == "too wide"]


async def test_the_view_goes_by_the_changes_on_record(database: str) -> None:
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
