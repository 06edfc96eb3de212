"""The registry commands, with signed changes and two people for approval."""

from pathlib import Path

import pytest

from pointsman import starter
from pointsman.bus.admin.topics import apply
from pointsman.identity.keys import PrivateKey
from pointsman.registry.follow import read_registry
from pointsman.registry.publish import apply_file
from pointsman.registry.settings import people_of
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.running.command import Command
from tests.support.text.parsed import parse_agents

pytestmark = pytest.mark.stack

AGENTS = """
unregistered: reject
approvals: 2
agents:
  - {id: billing, owner: finance}
"""


class People:
    """`dana` and `jo` may change the registry; `mallory` has an unknown key."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        self._environment = {
            "POINTSMAN_KAFKA": kafka.bootstrap,
            "POINTSMAN_PREFIX": kafka.prefix,
            "POINTSMAN_POLICY": str(starter.POLICY),
            "POINTSMAN_AGENTS": str(folder / "agents.yaml"),
        }
        self._folder = folder
        self.known = ""

    async def make(self) -> None:
        keys = {name: await self.key(name) for name in ("dana", "jo", "mallory")}
        self.known = ",".join(f"{name}={keys[name]}" for name in ("dana", "jo"))

    async def key(self, name: str) -> str:
        made = await self.of(name).run("agents", "key", str(self._folder / f"{name}.pem"))
        assert made.code == 0, made.err
        assert (self._folder / f"{name}.pem").stat().st_mode & 0o777 == 0o600
        return made.out.strip()

    def of(self, name: str, *, key: str | None = None, careless: bool = False) -> Command:
        """`careless`: the settings do not say whose signatures are required."""
        own = {
            "POINTSMAN_AGENT": name,
            "POINTSMAN_REGISTRY_KEYS": "" if careless else self.known,
            "POINTSMAN_REGISTRY_KEY_FILE": str(self._folder / f"{key or name}.pem"),
        }
        return Command(self._folder, self._environment | (own if self.known else {}))


async def test_two_people_change_the_registry_and_nobody_else(kafka: Kafka, tmp_path: Path) -> None:
    await apply(kafka.settings, [Topics(kafka.prefix).registry])
    people = People(kafka, tmp_path)
    await people.make()
    (tmp_path / "agents.yaml").write_text(AGENTS)
    first = await people.of("dana").run("agents", "apply", "--json")
    assert (first.code, first.json["proposal"]) == (0, None), "the first rules, nobody was asked before"

    (tmp_path / "agents.yaml").write_text(AGENTS.replace("finance", "sales"))
    wanted = await people.of("dana").run("agents", "apply", "--json", "--reason", "moved")
    proposal = wanted.json["proposal"]
    assert (await people.of("dana").run("agents", "plan", "--exit-code")).code == 1, "it does not hold yet"
    assert "dana proposed it: another" in (await people.of("dana").run("agents", "approve", proposal)).err
    # Another person's name with the wrong key: the record is on the topic but has no effect.
    warned = await people.of("jo", key="mallory").run("agents", "approve", proposal)
    assert (warned.code, "mallory.pem is none of theirs" in warned.err) == (1, True)
    for name in ("jo", "mallory"):
        await people.of(name, key="mallory", careless=True).run("agents", "approve", proposal)
    (waiting,) = (await people.of("jo").run("agents", "approve", "--json")).json
    assert (waiting["proposal"], waiting["by"], waiting["reason"]) == (proposal, "dana", "moved")
    approved = await people.of("jo").run("agents", "approve", proposal)
    assert approved.code == 0, approved.err
    assert (await people.of("dana").run("agents", "plan", "--exit-code")).code == 0

    suspended = await people.of("jo").run("agents", "suspend", "billing", "--reason", "it loops")
    assert suspended.out == "billing: active -> suspended\n"
    resumed = await people.of("jo").run("agents", "resume", "billing", "--json")
    assert resumed.json["proposal"] is not None
    assert (await people.of("dana").run("agents", "approve", resumed.json["proposal"])).code == 0
    result = await people.of("jo").run("agents", "show", "billing", "--json")
    assert (result.json["state"], result.json["entry"]["owner"]) == ("active", "sales")

    topics = Topics(kafka.prefix)
    history = await read_registry(kafka.settings, topics, people_of(people.known))
    assert history.proposals == {}
    unsigned = await read_registry(kafka.settings, topics)
    assert unsigned.agents["billing"].entry.owner == "sales"


async def test_a_persons_key_is_replaced(kafka: Kafka) -> None:
    settings, topics = kafka.settings, Topics(kafka.prefix)
    await apply(settings, [topics.registry])
    old, new = PrivateKey.generate(), PrivateKey.generate()
    before, after = (people_of(f"dana={key.public.text}") for key in (old, new))
    both = people_of(f"dana={old.public.text},dana={new.public.text}")
    file = parse_agents(AGENTS, ["small"])
    await apply_file(settings, topics, file, by="dana", key=old, people=before)
    assert (await read_registry(settings, topics, after)).agents == {}
    await apply_file(settings, topics, file, by="dana", key=new, people=after)
    for people in (both, after):
        history = await read_registry(settings, topics, people)
        assert [known.entry for known in history.agents.values()] == file.entries
        assert history.rules == file.rules


async def test_unreadable_keys_are_reported(kafka: Kafka, tmp_path: Path) -> None:
    people = People(kafka, tmp_path)
    people.known = "dana"
    done = await people.of("dana").run("agents", "plan")
    assert done.code == 2
    assert "POINTSMAN_REGISTRY_KEYS" in done.err
    assert "NAME=KEY" in done.err
