"""What `doctor` reports about a policy with reviews."""

import pytest

from pointsman.bus.errors import BusError
from pointsman.cli.checks import policy as checked
from pointsman.registry.registry import RegisteredAgent, RegistryHistory
from pointsman.router.policy.policy_file import parse
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.control.registry import AgentEntry
from pointsman_schemas.topics import Topics

PLAIN = "name: ours\ntiers: [small]\ndefault: {tier: small, reason: All.}\n"
ASKS = PLAIN + "review: {queues: [{name: legal, deadline_s: 60}, {name: board, deadline_s: 60}]}\n"


async def findings(
    monkeypatch: pytest.MonkeyPatch, policy: str, members: int | BusError, *people: RegisteredAgent
) -> list[tuple[bool | None, str]]:
    async def count_members(_kafka: KafkaPart, group: str) -> int:
        assert group == "p.review"
        if isinstance(members, BusError):
            raise members
        return members

    async def read_registry(*_: object) -> RegistryHistory:
        return RegistryHistory({person.entry.id: person for person in people})

    monkeypatch.setattr(checked, "count_members", count_members)
    monkeypatch.setattr(checked, "read_registry", read_registry)
    checks = await checked.review(KafkaPart(), Topics("p"), parse(policy), None)
    return [(finding.ok, finding.said) for finding in checks]


async def test_a_policy_without_reviews_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await findings(monkeypatch, PLAIN, 0) == []
    assert await checked.review(KafkaPart(), Topics("p"), None, None) == []


async def test_each_queue_has_a_reviewer_who_may_act(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = RegisteredAgent(AgentEntry(id="ana", owner="x", reviews=("legal",)))
    ben = RegisteredAgent(AgentEntry(id="ben", owner="x", reviews=("board",)), "suspended")
    kept, nobody = await findings(monkeypatch, ASKS, 1, ana, ben)
    assert kept[0] is True
    assert nobody[0] is False
    assert "queue board" in nobody[1]


async def test_a_missing_review_service_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    both = RegisteredAgent(AgentEntry(id="ana", owner="x", reviews=("legal", "board")))
    ((ok, text),) = await findings(monkeypatch, ASKS, 0, both)
    assert ok is False
    assert "nobody keeps" in text


async def test_without_kafka_the_result_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    ((ok, _),) = await findings(monkeypatch, ASKS, BusError("away"))
    assert ok is None
