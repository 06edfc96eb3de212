"""If signatures are required, a record without a valid one is refused; a valid one counts once."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.bus.codec.signed import sign
from pointsman.bus.produce.lane_writer import partition_of
from pointsman.client.job import as_record, make_job
from pointsman.identity.keys import PrivateKey
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import Registry
from pointsman.router.handlers import RouterHandler
from pointsman.runtime.metrics import DEAD
from pointsman_schemas.ids import signed_job_id
from tests.support.router.fast_path import count_bundled, fast_handler, needs_library
from tests.support.router.router_lanes import NOW, POLICY, REGISTRY, TOPICS
from tests.support.worker.routed_jobs import header

AGENT, OTHER = "data-analyst", "math-tutor"
KEY, FOREIGN = PrivateKey.parse("11" * 32), PrivateKey.parse("22" * 32)
CLAIMED = REGISTRY.at(NOW)
SIGNED = Registry.of(
    [
        agent.entry.model_copy(update={"public_keys": (key.public.text,)})
        for id, key in ((AGENT, KEY), (OTHER, FOREIGN))
        if (agent := CLAIMED.agents[id])
    ],
    CLAIMED.rules.model_copy(update={"identity": "signed"}),
)
IN_FORCE = RegistryInForce(SIGNED)
PARTITIONS = 3


def signed_handler() -> RouterHandler:
    return RouterHandler(POLICY, IN_FORCE, TOPICS, lambda: NOW, partitions=lambda: PARTITIONS)


def came(sent: Outgoing, partition: int = 0, offset: int = 0, at: datetime = NOW) -> Incoming:
    at_ms, headers = int(at.timestamp() * 1000), tuple(sent.headers)
    return Incoming(sent.topic, partition, offset, at_ms, sent.key, sent.value, headers, by_broker=True)


class Intake:
    """Partitions with the router's lanes; forwarded records are read again."""

    def __init__(self, make: Callable[[], RouterHandler] = signed_handler) -> None:
        self._make = make
        self.logs: dict[int, list[Incoming]] = defaultdict(list)
        self.lanes = [make() for _ in range(PARTITIONS)]

    def publish(self, sent: Outgoing, partition: int | None = None, at: datetime = NOW) -> list[Outgoing]:
        """The final result of a record."""
        if partition is None:
            partition = partition_of(sent.key, PARTITIONS, count())
        log = self.logs[partition]
        log.append(came(sent, partition, len(log), at))
        ended: list[Outgoing] = []
        for made in self.lanes[partition].handle_records(log[-1:]):
            assert isinstance(made, Outgoing)
            ended += self.publish(made, at=at) if made.topic == TOPICS.intake.name else [made]
        return ended

    def restart(self) -> None:
        self.lanes = [self._make() for _ in range(PARTITIONS)]
        for partition, log in self.logs.items():
            self.lanes[partition].remember_records(log)


def job(agent: str = AGENT, at: datetime = NOW, **fields: Any) -> Outgoing:
    """An unsigned job as `pointsman.client` sends it."""
    body = {"agent_id": agent, "kind": "sql", "prompt": "p", **fields}
    return as_record(make_job(body, {}, None, at, largest=1_000_000), TOPICS, at)


def plain(id: str = "01a213d7-567b-7bca-934b-87fe6e5e557b", key: bytes | None = b"any") -> Outgoing:
    """A signed plain job without an id."""
    headers = [
        ("ce_specversion", b"1.0"), ("ce_id", id.encode()), ("ce_source", b"elsewhere"),
        ("ce_type", b"pointsman.job.submitted.v1"), ("ce_time", b"2026-03-01T12:00:00Z"),
    ]  # fmt: skip
    value = json.dumps({"agent_id": AGENT, "kind": "sql", "prompt": "p"}).encode()
    return sign(Outgoing(TOPICS.intake.name, key, value, headers), KEY)


def reason(ended: list[Outgoing]) -> str:
    """The reason of the dead letter, which must be the only result."""
    (letter,) = ended
    assert letter.topic == TOPICS.dead.name
    return header(letter, "ce_reason")


def is_routed(ended: list[Outgoing]) -> bool:
    return [made.topic.rpartition(".")[0] for made in ended] == ["t.jobs.tier"]


def test_a_signed_job_is_routed() -> None:
    assert is_routed(Intake().publish(sign(job(), KEY)))


def tampered(record: Outgoing) -> Outgoing:
    return replace(record, value=(record.value or b"").replace(b'"p"', b'"q"'))


REFUSED: dict[str, Outgoing] = {
    "signature_missing": job(),
    "signature_wrong": tampered(sign(job(), KEY)),
    "signature_foreign": sign(job(), FOREIGN),
    "signature_stale": sign(job(at=NOW - timedelta(minutes=5, seconds=1)), KEY),
}


@pytest.mark.parametrize("why", REFUSED)
def test_an_invalid_signature_gives_only_a_dead_letter(why: str) -> None:
    before = DEAD.labels("router", why)._value.get()
    (letter,) = ended = Intake().publish(REFUSED[why])
    assert reason(ended) == why
    assert DEAD.labels("router", why)._value.get() == before + 1
    is_known = why == "signature_stale"
    assert (header(letter, "ce_agentid") == AGENT) is is_known
    assert any(name == "ce_jobid" for name, _ in letter.headers) is is_known


def test_an_agent_that_says_it_is_another_is_refused_in_header_and_body() -> None:
    sent = job(OTHER)
    assert reason(Intake().publish(sign(sent, KEY))) == "signature_foreign"
    renamed = [(name, OTHER.encode() if name == "ce_agentid" else text) for name, text in job().headers]
    id = next(text.decode() for name, text in renamed if name == "ce_jobid")
    value = json.dumps({"kind": "sql", "prompt": "p", "job_id": id}).encode()
    named = replace(job(), value=value, headers=renamed, key=id.encode())
    assert reason(Intake().publish(sign(named, KEY))) == "signature_foreign"
    assert is_routed(Intake().publish(sign(named, FOREIGN)))


@pytest.mark.parametrize("value", [b"{", b"", b"[]", b'{"agent_id": 5}', None])
def test_a_record_without_an_agent_has_its_own_reason_and_no_outcome(value: bytes | None) -> None:
    sent = replace(job(), value=value)
    headers = [(name, text) for name, text in sent.headers if name != "ce_agentid"]
    assert not reason(Intake().publish(replace(sent, headers=headers))).startswith("signature")
    assert reason(Intake().publish(sent)).startswith("signature") or value == b'{"agent_id": 5}'


def test_a_signed_job_that_is_wrong_is_rejected_with_an_outcome() -> None:
    ended = Intake().publish(sign(job(tier="huge"), KEY))
    assert [made.topic for made in ended] == [TOPICS.dead.name, TOPICS.results.name]


@pytest.mark.parametrize("make", [lambda: sign(job(), KEY), lambda: sign(job(order_key="o"), KEY), plain])
@pytest.mark.parametrize("restart", [False, True])
def test_a_replay_is_refused_in_every_partition(make: Callable[[], Outgoing], restart: bool) -> None:
    intake, sent = Intake(), make()
    assert is_routed(intake.publish(sent))
    for key in (sent.key, b"another", None, b""):
        for partition in range(PARTITIONS):
            if restart:
                intake.restart()
            assert reason(intake.publish(replace(sent, key=key), partition)) == "signature_repeated"
    late = NOW + timedelta(minutes=5, seconds=1)
    assert reason(intake.publish(sent, at=late)) == "signature_stale"


def test_other_headers_make_no_other_job_of_a_signed_record() -> None:
    intake, sent = Intake(), plain()
    assert is_routed(intake.publish(sent))
    for name, text in (("ce_jobid", b"01a213d7-567b-7bca-934b-87fe6e5e5570"), ("ce_subject", b"x"),
                       ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                       ("ce_causationid", b"01a213d7-567b-7bca-934b-87fe6e5e5570")):  # fmt: skip
        again = replace(sent, headers=[*sent.headers, (name, text)])
        assert reason(intake.publish(again)) in ("signature_repeated", "bad_headers")


def test_a_record_under_another_key_is_done_in_the_lane_of_its_job() -> None:
    for partition in range(PARTITIONS):
        intake = Intake()
        (routed,) = intake.publish(plain(), partition)
        id = signed_job_id(AGENT, UUID("01a213d7-567b-7bca-934b-87fe6e5e557b"))
        assert header(routed, "ce_jobid") == str(id)
        assert sum(map(len, intake.logs.values())) == 2  # sent on once


def test_a_refused_record_does_not_use_up_a_job_id() -> None:
    """A guessed id in a refused record stays usable, also after a restart."""
    intake, sent = Intake(), job()
    assert reason(intake.publish(sent)) == "signature_missing"
    intake.restart()
    assert is_routed(intake.publish(sign(sent, KEY)))


def test_after_a_failure_unverified_records_get_no_outcome() -> None:
    assert reason(signed_handler().fail(came(job()))) == "signature_missing"


@needs_library
def test_the_fast_path_routes_nothing_unsigned() -> None:
    in_force = RegistryInForce(CLAIMED)
    lane = fast_handler(POLICY, in_force)
    records = [replace(came(job(prompt="p" * at), offset=at), headers=()) for at in range(1, 30)]
    assert count_bundled(lane, records) > 20
    in_force.take(SIGNED)
    assert {reason([made]) for made in lane.handle_records(records) if isinstance(made, Outgoing)} == {
        "signature_missing"
    }


def test_the_decision_says_how_the_agent_is_known() -> None:
    (made,) = Intake().publish(sign(job(), KEY))
    first = json.loads(made.value or b"")["decision"]["checks"][0]
    assert (
        first["detail"]
        == f"{AGENT} is registered, identity is signed, owner is {SIGNED.agents[AGENT].entry.owner}"
    )
