"""A command counts as an agent's if it is signed, or if signatures are not required; and once."""

from uuid import UUID

import pytest

from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming
from pointsman.bus.codec.signed import sign
from pointsman.identity.keys import PrivateKey
from pointsman.registry.authors import Authors
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import RegisteredAgent, Registry
from pointsman.router.feedback_listener import _apply
from pointsman.router.scoring.calibration_monitor import CalibrationMonitor
from pointsman_schemas.control.registry import AgentEntry, ApiKey, RegistryRules
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.feedback import JobFeedback
from pointsman_schemas.jobs import JobCancel
from tests.support.router.router_lanes import NOW, TOPICS

KEY, FOREIGN = PrivateKey.parse("11" * 32), PrivateKey.parse("22" * 32)
ID = UUID("01a213d7-567b-7bca-934b-87fe6e5e557b")


def in_force(identity: str) -> RegistryInForce:
    rules = RegistryRules.model_validate({"unregistered": "reject", "identity": identity})
    keys = {"billing": KEY, "thief": FOREIGN}
    entries = [AgentEntry(id=agent, owner="o", public_keys=(key.public.text,)) for agent, key in keys.items()]
    return RegistryInForce(Registry.of(entries, rules))


def command(key: PrivateKey | None, agent: str = "billing", offset: int = 0) -> Incoming:
    message = JobCancel(job_id=ID, agent_id=agent)
    cover = first_envelope(ID, source=agent, type=message.TYPE, time=NOW, agent_id=agent, job_id=ID)
    sent = emit(TOPICS.control, str(ID).encode(), cover, message)
    if key is not None:
        sent = sign(sent, key)
    at_ms = int(NOW.timestamp() * 1000)
    return Incoming(sent.topic, 0, offset, at_ms, sent.key, sent.value, tuple(sent.headers), by_broker=True)


def test_with_claimed_identity_every_command_counts() -> None:
    authors = Authors(in_force("claimed"))
    assert not authors.proven
    assert authors.is_by(command(None), "billing")


@pytest.mark.parametrize("key", [None, FOREIGN])
def test_commands_of_another_agent_are_ignored(key: PrivateKey | None) -> None:
    authors = Authors(in_force("signed"))
    assert authors.proven
    assert not authors.is_by(command(key), "billing")


def test_own_signed_commands_count_once() -> None:
    authors = Authors(in_force("signed"))
    assert authors.is_by(command(KEY), "billing")
    assert not authors.is_by(command(KEY, offset=1), "billing")
    assert authors.is_by(command(FOREIGN, "thief"), "thief")


def test_a_verdict_that_another_wrote_changes_nothing() -> None:
    verdicts: list[float] = []

    class RecordingMonitor(CalibrationMonitor):
        def add_verdict(self, feedback: JobFeedback, at: object) -> None:
            verdicts.append(feedback.verdict)

    monitor, authors = RecordingMonitor("frontier", "m"), Authors(in_force("signed"))
    for verdict, key in ((0.0, FOREIGN), (1.0, KEY)):
        message = JobFeedback(job_id=ID, agent_id="billing", by="billing", verdict=verdict)
        cover = first_envelope(
            ID, source="billing", type=message.TYPE, time=NOW, agent_id="billing", job_id=ID
        )
        sent = sign(emit(TOPICS.feedback, None, cover, message), key)
        at_ms = int(NOW.timestamp() * 1000)
        headers = tuple(sent.headers)
        _apply(
            monitor,
            Incoming(sent.topic, 0, 0, at_ms, None, sent.value, headers, by_broker=True),
            authors.is_by,
        )
    assert verdicts == [1.0]


def test_a_gateway_signs_for_agents_with_api_keys_until_it_is_suspended() -> None:
    key = ApiKey(id="0" * 12, sha256="0" * 64)
    entries = [
        AgentEntry(id="app", owner="o", api_keys=(key,)),
        AgentEntry(id="billing", owner="o", public_keys=(KEY.public.text,)),
        AgentEntry(id="gw", owner="o", gateway=True, public_keys=(FOREIGN.public.text,)),
    ]
    registry = Registry.of(entries, RegistryRules(unregistered="reject", identity="signed"))
    held = RegistryInForce(registry)
    authors = Authors(held, lambda: NOW)
    assert authors.is_by(command(FOREIGN, "app"), "app")
    assert not authors.is_by(command(FOREIGN), "billing")
    assert not authors.is_by(command(KEY, "app", offset=1), "app"), "an agent is no gateway"
    suspended = RegisteredAgent(entries[2], "suspended")
    held.take(Registry({**registry.agents, "gw": suspended}, registry.rules))
    late = Authors(held, lambda: NOW)
    assert not late.is_by(command(FOREIGN, "app"), "app")
