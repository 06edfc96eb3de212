"""Applied registry changes take effect in running services, and outcomes go to the right topic."""

import asyncio
from pathlib import Path

import pytest

from pointsman.bus.read.follow import follow
from pointsman.client.client import Client
from pointsman.identity.keys import PrivateKey
from pointsman.registry.publish import apply_file
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobRejected, Outcome
from tests.support.running.command import Command
from tests.support.running.system import TIERS, System
from tests.support.text.parsed import parse_agents

pytestmark = pytest.mark.stack

AGENTS = """
unregistered: reject
agents:
  - {id: chat-desk, owner: customer-care}
  - {id: billing, owner: finance, contact: fin@example.com, tiers: small, kafka: true}
"""


def command(system: System, folder: Path) -> Command:
    environment = system.processes["router"].environment
    names = [name for name in environment if name.startswith("POINTSMAN_KAFKA")]
    names += ["POINTSMAN_PREFIX", "POINTSMAN_POSTGRES", "POINTSMAN_POLICY"]
    given = {name: environment[name] for name in names}
    return Command(folder, {**given, "POINTSMAN_AGENTS": str(folder / "agents.yaml")})


async def ends(client: Client, job: str) -> Outcome:
    return await client.submit(prompt=f"What is {job}?", kind="chat", timeout_s=60)


async def until(client: Client, kind: type[Outcome], message: str = "") -> Outcome:
    """Runs jobs one after another until one has this outcome."""
    for number in range(200):
        outcome = await ends(client, f"{number} + {number}")
        if isinstance(outcome, kind):
            assert message in getattr(outcome, "message", "")
            return outcome
    raise AssertionError(f"no job came to {kind}")


async def test_applied_changes_take_effect_without_a_restart(system: System, tmp_path: Path) -> None:
    pointsman = command(system, tmp_path)
    (tmp_path / "agents.yaml").write_text(AGENTS)
    planned = await pointsman.run("agents", "plan", "--exit-code")
    assert planned.code == 1
    assert "+ register billing" in planned.out
    applied = await pointsman.run("agents", "apply", "--by", "dana", "--reason", "the first ones")
    assert applied.code == 0, applied.err
    assert (await pointsman.run("agents", "plan", "--exit-code")).code == 0
    async with (
        Client(kafka=system.settings, agent_id="stranger") as stranger,
        Client(kafka=system.settings, agent_id="chat-desk") as desk,
        Client(kafka=system.settings, agent_id="billing") as billing,
    ):
        await until(stranger, JobRejected, "agent `stranger` is not registered")
        await until(desk, JobCompleted)
        paid = await until(billing, JobCompleted)
        assert isinstance(paid, JobCompleted)
        assert paid.tier == "small"
        suspended = await pointsman.run(
            "agents", "suspend", "billing", "--by", "dana", "--reason", "it loops"
        )
        assert suspended.out == "billing: active -> suspended\n"
        await until(
            billing, JobRejected, "agent `billing` is suspended: it loops. Ask finance (fin@example.com)"
        )
        await until(desk, JobCompleted)
        assert (await pointsman.run("agents", "resume", "billing")).code == 0
        await until(billing, JobCompleted)
        agents = (await pointsman.run("agents", "list", "--json")).json
        assert [(agent["agent"], agent["state"]) for agent in agents][:2] == [
            ("billing", "active"),
            ("chat-desk", "active"),
        ]
        # Without `kafka: true` its outcomes go to the shared topic again; the client keeps working.
        await apply_file(
            system.settings,
            system.topics,
            parse_agents(AGENTS.replace(", kafka: true", ""), TIERS),
            by="dana",
        )
        await until(billing, JobCompleted)


async def test_an_outcome_is_on_one_topic_and_the_audit_has_who_changed_what(system: System) -> None:
    await apply_file(system.settings, system.topics, parse_agents(AGENTS, TIERS), by="dana", reason="a test")
    own, common = system.topics.agent_results("billing").name, system.topics.results.name
    async with (
        Client(kafka=system.settings, agent_id="chat-desk") as desk,
        Client(kafka=system.settings, agent_id="billing") as billing,
    ):
        await until(billing, JobCompleted)
        jobs = [await billing.publish(prompt=f"What is {number} + 1?", tier="small") for number in range(5)]
        jobs += [await billing.publish(prompt="What is 1 + 1?", tier="frontier")]  # not allowed
        others = [await desk.publish(prompt=f"What is {number} + 2?") for number in range(5)]
        await asyncio.gather(*(billing.wait(job, timeout_s=60) for job in jobs))
        await asyncio.gather(*(desk.wait(job, timeout_s=60) for job in others))
    await system.until_ended([str(job) for job in (*jobs, *others)], 60)
    kinds = ["job.completed.v1", "job.rejected.v1", "job.failed.v1"]
    rows = await system.fetch(
        "select topic, job_id, count(*) as rows from audit.message where kind = any($1) group by 1, 2", kinds
    )
    where = {row["job_id"]: (row["topic"], row["rows"]) for row in rows}
    assert {where[job] for job in jobs} == {(own, 1)}
    assert {where[job] for job in others} == {(common, 1)}
    (change,) = await system.fetch(
        "select agent_id, status from audit.message where kind = 'agent.changed.v1' "
        "and payload #>> '{agent,id}' = 'billing'"
    )
    assert (change["agent_id"], change["status"]) == ("dana", "active")


async def test_only_signed_cancellations_of_own_jobs_count(system: System) -> None:
    """Running services enforce this as soon as the registry requires it."""
    desk_key, thief_key = PrivateKey.generate(), PrivateKey.generate()
    signed = f"""
unregistered: reject
identity: signed
agents:
  - {{id: chat-desk, owner: customer-care, public_keys: {desk_key.public.text}}}
  - {{id: thief, owner: nobody, public_keys: {thief_key.public.text}}}
"""
    await system.order_faults({"prompt": "never", "effect": {"kind": "hang"}})
    await apply_file(system.settings, system.topics, parse_agents(signed, TIERS), by="dana")
    async with (
        Client(kafka=system.settings, agent_id="chat-desk", key=desk_key) as desk,
        Client(kafka=system.settings, agent_id="chat-desk") as unsigned,
        Client(kafka=system.settings, agent_id="thief", key=thief_key) as thief,
    ):
        refused: set[bytes] = set()
        async with asyncio.timeout(60):
            while not refused >= {b"signature_missing", b"signature_foreign"}:
                await unsigned.publish(prompt="What is 1 + 1?", kind="chat")
                await thief.publish(prompt="What is 1 + 1?", kind="chat", agent_id="chat-desk")
                letters = follow(
                    system.settings, [system.topics.dead.name], start="beginning", until_end=True
                )
                refused = {dict(letter.headers)["ce_reason"] async for letter in letters}
        await until(desk, JobCompleted)
        await until(thief, JobCompleted)
        job_id = await desk.publish(prompt="never ever", tier="small")
        await thief.cancel(job_id, "its own name")
        await thief.cancel(job_id, "the name of another", agent_id="chat-desk")
        await unsigned.cancel(job_id, "no signature")
        await desk.cancel(job_id, "changed my mind")
        cancelled = await desk.wait(job_id, timeout_s=60)
        assert isinstance(cancelled, JobCancelled)
        assert (cancelled.cancelled_by, cancelled.message) == ("chat-desk", "changed my mind")
