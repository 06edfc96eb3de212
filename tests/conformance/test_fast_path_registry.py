"""A change of the registry clears the fast path's decision cache."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pointsman.bus.codec.encoded_batch import unpacked
from pointsman.bus.codec.records import Incoming
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import Registry
from pointsman.router.fast_path import FastScore
from pointsman.router.handlers import RouterHandler
from pointsman_schemas.control.registry import State
from tests.support.router.fast_path import count_bundled, needs_library
from tests.support.router.router_lanes import NOW, POLICY, TOPICS, incoming
from tests.support.text.parsed import parse_agents

pytestmark = needs_library

AGENTS = """
unregistered: admit
agents:
  - {id: known, owner: x, expires: 2026-03-02}
  - {id: tools, owner: x, tools: [lookup]}
"""


class Lane:
    """A handler whose fast path has cached one agent's decisions; its clock can be set."""

    def __init__(self) -> None:
        self.now: datetime = NOW
        self.registry = parse_agents(AGENTS, POLICY.tiers).registry
        self.in_force = RegistryInForce(self.registry)
        self.handler = RouterHandler(
            POLICY, self.in_force, TOPICS, lambda: self.now, fast_score=FastScore(POLICY.scorer)
        )
        self._offset = 0

    def jobs(self, agent: str = "known", more: str = "") -> list[str]:
        """The topics of ten routed jobs."""
        return [record.topic for record in unpacked(self.handler.handle_records(self._records(agent, more)))]

    def by_fast_path(self, agent: str = "known", more: str = "") -> int:
        return count_bundled(self.handler, self._records(agent, more))

    def turn(self, state: State) -> None:
        agents = dict(self.registry.agents)
        agents["known"] = replace(agents["known"], state=state)
        self.in_force.take(Registry(agents, self.registry.rules))

    def _records(self, agent: str, more: str) -> list[Incoming]:
        records = []
        for _ in range(10):
            self._offset += 1
            body = f'{{"agent_id":"{agent}","prompt":"What is {self._offset} + 1?"{more}}}'
            records.append(incoming(body.encode(), offset=self._offset))
        return records


@pytest.fixture
def lane() -> Lane:
    lane = Lane()
    lane.jobs()
    assert lane.by_fast_path() == 10, "it repeats what was decided"
    return lane


def test_a_suspended_agent_is_refused_from_the_next_batch_on(lane: Lane) -> None:
    lane.turn("suspended")
    assert set(lane.jobs()) == {TOPICS.results.name, TOPICS.dead.name}
    lane.turn("active")
    assert set(lane.jobs()) == {TOPICS.tier("medium").name}
    assert lane.by_fast_path() == 10


def test_an_agent_expires_at_midnight(lane: Lane) -> None:
    lane.now = NOW + timedelta(hours=11, minutes=59, seconds=59)
    assert lane.by_fast_path() == 10
    lane.now += timedelta(seconds=1)
    assert set(lane.jobs()) == {TOPICS.results.name, TOPICS.dead.name}


def test_a_job_with_other_tools_is_decided_separately(lane: Lane) -> None:
    allowed = ',"tools":[{"type":"function","function":{"name":"lookup"}}]'
    for _ in range(3):
        assert set(lane.jobs("tools", allowed)) == {TOPICS.tier("medium").name}
    other = allowed.replace("lookup", "delete_all")
    assert set(lane.jobs("tools", other)) == {TOPICS.results.name, TOPICS.dead.name}
