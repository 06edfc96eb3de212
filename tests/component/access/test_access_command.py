"""The `pointsman access` commands: output, exit codes, and where secrets are written."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from pointsman.bus.admin.acl import Acl, principal
from pointsman.bus.admin.acls import add_acls, remove_acls
from pointsman.bus.admin.topics import apply as apply_topics
from pointsman.bus.tcp_check import await_server
from pointsman.registry.changes import plan as plan_registry
from pointsman.registry.changes import turned
from pointsman.registry.follow import read_registry
from pointsman.registry.publish import Person, submit
from pointsman.registry.registry import RegistryHistory
from pointsman.store.migrate import migrate
from pointsman_schemas.control.registry import State
from pointsman_schemas.topics import Topics
from tests.support.access.installation import Guarded
from tests.support.running.command import Command
from tests.support.text.parsed import parse_agents

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PREFIX = "by.hand"
TOPICS = Topics(PREFIX)
TIERS = ("small", "medium", "frontier")
AGENTS = """
unregistered: reject
agents:
  - id: reader
    owner: accounting
    kafka: true
  - id: gone
    owner: accounting
    kafka: true
  - id: front
    owner: accounting
"""


@pytest.fixture
async def command(guarded: Guarded, tmp_path: Path) -> AsyncIterator[Command]:
    """Commands of another installation on the same servers, with registered agents."""
    kafka = guarded.broker.admin
    await apply_topics(kafka, TOPICS.all(TIERS))
    changes = plan_registry(parse_agents(AGENTS, TIERS), RegistryHistory())
    await submit(kafka, TOPICS, RegistryHistory(), changes, Person("dana"))
    owner = await asyncpg.connect(guarded.owner)
    await owner.execute("create database by_hand")
    dsn = guarded.owner.rpartition("/")[0] + "/by_hand"
    await migrate(dsn)
    settings = guarded.environment() | {"POINTSMAN_PREFIX": PREFIX, "POINTSMAN_POSTGRES": dsn}
    yield Command(tmp_path, settings)
    await owner.execute("drop database by_hand with (force)")
    for login in await owner.fetch(
        "select rolname from pg_roles where starts_with(rolname, $1)", f"{PREFIX}."
    ):
        await owner.execute(f'drop role "{login[0]}"')
    await owner.close()


async def test_an_installation_is_set_up_and_a_password_rotated(
    command: Command, guarded: Guarded, tmp_path: Path
) -> None:
    file = tmp_path / "explained"
    file.write_text(f"# the other installation on these servers\nuser {guarded.name('*')}\n")
    others = ["--explained", str(file)]
    planned = await command.run("access", "plan", *others)
    assert planned.code == 0
    assert [line for line in planned.lines[:-1] if line[0] != "+"] == []
    assert f"+ Kafka user {PREFIX}.router: SCRAM-SHA-512" in planned.lines
    assert f"+ topic {PREFIX}.agents.results.reader" in planned.lines
    assert f"+ ACL {PREFIX}.worker.small: read topic {PREFIX}.jobs.tier.small" in planned.lines
    assert f"+ Postgres login {PREFIX}.audit: a member of pointsman_audit_writer" in planned.lines
    assert not [line for line in planned.lines if "front" in line.replace("frontier", "")]
    assert planned.lines[-1] == f"Plan: {len(planned.lines) - 1} to add, 0 to change, 0 to remove."

    before = await command.run("access", "check", *others, "--json")
    assert before.code == 1
    assert len(before.json) == len(planned.lines) - 1

    folder = tmp_path / "secrets"
    applied = await command.run("access", "apply", *others, "--secrets", str(folder))
    assert applied.code == 0, applied.err
    assert applied.lines[:-1] == planned.lines[:-1]
    assert "PASSWORD" not in applied.out + applied.err
    files = sorted(folder.iterdir())
    of_agents = [file.name for file in files if "agent" in file.name]
    assert of_agents == [
        f"{PREFIX}.agent.{file}" for file in ("gone.env", "gone.password", "reader.env", "reader.password")
    ]
    assert {oct(file.stat().st_mode & 0o777) for file in files} == {"0o600"}
    reader = _read(folder / f"{PREFIX}.agent.reader.env")
    await await_server(
        guarded.broker.part(reader["POINTSMAN_KAFKA_USERNAME"], reader["POINTSMAN_KAFKA_PASSWORD"])
    )
    assert (folder / f"{PREFIX}.agent.reader.password").read_text() == reader["POINTSMAN_KAFKA_PASSWORD"]
    audit = _read(folder / f"{PREFIX}.audit.env")
    await (await asyncpg.connect(audit["POINTSMAN_POSTGRES_WRITER"])).close()

    again = await command.run("access", "apply", *others)
    assert (again.code, again.out) == (0, "")
    assert (await command.run("access", "check", *others)).code == 0

    by_hand = Acl(principal(f"{PREFIX}.agent.reader"), "topic", TOPICS.results.name, "literal", "read")
    await add_acls(guarded.broker.admin, [by_hand])
    excess = await command.run("access", "check", *others)
    assert (excess.code, excess.lines) == (
        1,
        [f"- ACL {by_hand}", "Differences: 0 to add, 0 to change, 1 to remove."],
    )
    report = await command.run("agents", "audit", "--access", *others, "--json")
    unexplained = [finding["detail"] for finding in report.json if finding["finding"] == "unexplained"]
    assert (report.code, unexplained) == (1, [f"ACL {by_hand}"])
    await remove_acls(guarded.broker.admin, [by_hand])

    stranger = await command.run("access", "check")
    assert stranger.code == 1
    assert f"! Kafka user {guarded.name('audit')}: SCRAM-SHA-512" in stranger.lines
    assert any(line.startswith(f"- Postgres login {guarded.name('audit')}") for line in stranger.lines)
    assert "to judge." in stranger.lines[-1]
    (tmp_path / "all").write_text("user *\n")
    assert "all:1: " in (await command.run("access", "check", "--explained", str(tmp_path / "all"))).err

    rotated = await command.run("access", "apply", *others, "--rotate", "audit", "--json")
    assert rotated.code == 0, rotated.err
    assert rotated.json["changes"] == []
    ((user, words),) = rotated.json["secrets"].items()
    assert (user, words["POINTSMAN_KAFKA_USERNAME"]) == (f"{PREFIX}.audit", f"{PREFIX}.audit")
    assert words["POINTSMAN_POSTGRES_WRITER"] != audit["POINTSMAN_POSTGRES_WRITER"]
    await (await asyncpg.connect(words["POINTSMAN_POSTGRES_WRITER"])).close()

    unknown = await command.run("access", "apply", "--rotate", "agent.raeder")
    assert unknown.code == 2
    assert f"did you mean {PREFIX}.agent.reader?" in unknown.err

    await _turn(guarded, "gone", "suspended")
    only = await command.run("access", "plan", "--only", "kafka", *others)
    assert f"- Kafka user {PREFIX}.agent.gone: SCRAM-SHA-512" in only.lines
    assert {line.split()[0] for line in only.lines[:-1]} == {"-"}
    assert all("agent.gone" in line or "results.gone" in line for line in only.lines[:-1])


async def _turn(guarded: Guarded, agent: str, state: State) -> None:
    """Changes an agent's state, as `agents suspend` does."""
    kafka = guarded.broker.admin
    history = await read_registry(kafka, TOPICS)
    await submit(kafka, TOPICS, history, [turned(history.agents[agent], state)], Person("dana"))


def _read(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())
