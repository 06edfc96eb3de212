"""With required signatures, the fast path accepts only what the full path accepts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest

from pointsman.bus.codec.encoded_batch import EncodedBatch, Made, unpacked
from pointsman.bus.codec.record_batch import RecordBatch
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.codec.signed import sign
from pointsman.bus.produce.lane_writer import partition_of
from pointsman.client.job import as_record, make_job
from pointsman.identity.keys import PrivateKey
from pointsman.registry.in_force import RegistryInForce
from pointsman.registry.registry import RegisteredAgent, Registry
from pointsman.router.fast_path import FastScore
from pointsman.router.handlers import RouterHandler
from pointsman_schemas.control.registry import AgentEntry, ApiKey
from pointsman_schemas.envelope import SIGNATURE
from tests.support.bus.record_log import APPEND_TIME, Log, read
from tests.support.router.fast_path import needs_library
from tests.support.router.fast_path_whole import PLACE, id_of
from tests.support.router.router_lanes import NOW, POLICY, REGISTRY, TOPICS

pytestmark = needs_library

AGENT = "data-analyst"
KEY, NEXT, FOREIGN = (PrivateKey.parse(digits * 32) for digits in ("11", "22", "33"))
PARTITIONS = 4
CLAIMED = REGISTRY.at(NOW)


def entry(agent: str, *keys: PrivateKey) -> Any:
    texts = tuple(key.public.text for key in keys)
    return CLAIMED.agents[agent].entry.model_copy(update={"public_keys": texts})


SIGNED = Registry.of(
    [entry(AGENT, KEY, NEXT), entry("math-tutor", FOREIGN)],
    CLAIMED.rules.model_copy(update={"identity": "signed"}),
)


def ids() -> list[str]:
    """Ids of jobs that belong to the lane's partition."""
    return [
        id.decode() for id in map(id_of, range(1, 400)) if partition_of(id, PARTITIONS, count()) == PLACE[1]
    ]


IDS = ids()


def job(number: int, key: PrivateKey | None = KEY, at: datetime = NOW, **fields: Any) -> Outgoing:
    body = {"agent_id": AGENT, "kind": "sql", "prompt": "p" * 9, "job_id": IDS[number], **fields}
    sent = as_record(make_job(body, {}, None, at, largest=1_000_000), TOPICS, at)
    return sent if key is None else sign(sent, key)


def lane(*, fast: bool = True, registry: Registry = SIGNED) -> RouterHandler:
    """A lane that has cached the decision for jobs like `job`, if possible."""
    score = FastScore(POLICY.scorer) if fast else None
    made = RouterHandler(
        POLICY,
        RegistryInForce(registry),
        TOPICS,
        lambda: NOW,
        fast_score=score,
        partitions=lambda: PARTITIONS,
    )
    made.handle_batches(batches([job(0)]))
    return made


def batches(
    records: Sequence[Outgoing], at: datetime = NOW, attributes: int = APPEND_TIME
) -> list[RecordBatch]:
    log = Log(end=1_000)
    for record in records:
        log.add_sent([record], at_ms=int(at.timestamp() * 1000), attributes=attributes)
    return read(log, place=PLACE)


def outcome(made: Sequence[Made]) -> list[Outgoing]:
    return sorted(unpacked(made), key=lambda record: (record.topic, dict(record.headers)["ce_id"]))


def both(records: Sequence[Outgoing], registry: Registry = SIGNED, **how: Any) -> tuple[int, list[str]]:
    """The results of both paths: number of jobs on the fast path, and reasons of dead letters."""
    sent = batches(records, **how)
    whole = lane(registry=registry).handle_batches(sent)
    assert whole is not None
    full = lane(fast=False, registry=registry)
    apart = full.handle_records([record for batch in sent for record in batch.records()])
    assert outcome(whole.made) == outcome(apart)
    reasons = [
        dict(out.headers)["ce_reason"].decode() for out in unpacked(apart) if out.topic == TOPICS.dead.name
    ]
    return sum(out.count for out in whole.made if isinstance(out, EncodedBatch)), reasons


def test_signed_jobs_take_the_fast_path() -> None:
    assert both([job(number) for number in range(1, 40)]) == (39, [])
    assert both([job(number, NEXT) for number in range(1, 5)]) == (4, [])


def test_invalid_signatures_are_left_to_the_full_path() -> None:
    sent = job(1)
    elsewhere = replace(sent, key=id_of(399))
    assert both([job(1, None)]) == (0, ["signature_missing"])
    assert both([job(1, FOREIGN)]) == (0, ["signature_foreign"])
    assert both([replace(sent, value=(sent.value or b"").replace(b"ppp", b"pqp"))]) == (
        0,
        ["signature_wrong"],
    )
    assert both([sent], at=NOW + timedelta(minutes=5)) == (1, [])
    assert both([sent], at=NOW + timedelta(minutes=5, milliseconds=1)) == (0, ["signature_stale"])
    assert both([sent], at=NOW - timedelta(minutes=5, milliseconds=1)) == (0, ["signature_stale"])
    assert both([sent], attributes=0) == (0, ["signature_stale"])
    assert both([elsewhere]) == (0, [])  # sent on
    assert both([sent, sent]) == (1, ["signature_repeated"])


def test_a_signature_used_on_one_path_is_known_to_the_other() -> None:
    made, sent = lane(), batches([job(1)])
    assert len(made.handle_records([record for batch in sent for record in batch.records()])) == 1
    again = made.handle_batches(sent)
    assert again is not None
    assert [dict(out.headers)["ce_reason"] for out in unpacked(again.made)] == [b"signature_repeated"]
    warmed = lane()
    warmed.remember_records([record for batch in sent for record in batch.records()])
    again = warmed.handle_batches(sent)
    assert again is not None
    assert [dict(out.headers)["ce_reason"] for out in unpacked(again.made)] == [b"signature_repeated"]


def test_with_claimed_identity_signed_jobs_take_the_fast_path() -> None:
    made = lane(registry=CLAIMED)
    sent = batches([job(1), job(2, FOREIGN), replace(job(3), key=b"elsewhere")])
    whole, full = made.handle_batches(sent), lane(fast=False, registry=CLAIMED)
    assert whole is not None
    assert outcome(whole.made) == outcome(
        full.handle_records([record for batch in sent for record in batch.records()])
    )
    assert sum(out.count for out in whole.made if isinstance(out, EncodedBatch)) == 2


@pytest.mark.parametrize("registry", [SIGNED, CLAIMED], ids=["signed", "claimed"])
def test_a_new_lane_restores_the_same_memory_on_both_paths(registry: Registry) -> None:
    before = [
        job(1), job(2, None), job(3, FOREIGN), job(4), job(4), replace(job(5), value=b"{"),
        job(6, tier="huge"),
        replace(job(7), key=id_of(399)), job(8, order_key="o"), job(9, at=NOW - timedelta(minutes=6)),
    ]  # fmt: skip
    log = Log(end=1_000)
    log.add_sent(before, at_ms=int(NOW.timestamp() * 1000), attributes=APPEND_TIME)
    (batch,) = read(log, place=PLACE)
    recalled, warmed = lane(registry=registry), lane(fast=False, registry=registry)
    assert recalled.remember_batch(batch)
    assert not warmed.remember_batch(batch)
    warmed.remember_records(list(batch.records()))
    for number in range(1, 10):
        again = batches([before[number], job(number), job(number, None)])
        whole = recalled.handle_batches(again)
        assert whole is not None
        records = [record for repeat in again for record in repeat.records()]
        assert outcome(whole.made) == outcome(warmed.handle_records(records)), number


@pytest.mark.parametrize("part", ["ce_id", "ce_time", SIGNATURE, "value"])
def test_changing_any_byte_is_refused_on_both_paths(part: str) -> None:
    """Changes one bit of each byte in turn."""
    sent = job(1)
    text = (sent.value or b"") if part == "value" else dict(sent.headers)[part]
    for place, byte in enumerate(text):
        changed = text[:place] + bytes([byte ^ 1 << place % 8]) + text[place + 1 :]
        headers = [(name, changed if name == part else text) for name, text in sent.headers]
        fast, reasons = both(
            [replace(sent, headers=headers, value=changed if part == "value" else sent.value)]
        )
        assert fast == 0, place
        assert len(reasons) == 1, place


@pytest.mark.parametrize("extra", [SIGNATURE, "ce_id", "other"])
def test_an_additional_header_is_left_to_the_full_path(extra: str) -> None:
    sent = job(1)
    assert both([replace(sent, headers=[*sent.headers, (extra, b"x")])])[0] == 0


def test_a_gateway_signs_for_agents_with_api_keys_and_for_no_others() -> None:
    key = ApiKey(id="0" * 12, sha256="0" * 64)
    app = entry(AGENT, KEY).model_copy(update={"api_keys": (key,)})
    gateway = AgentEntry(id="gateway", owner="o", gateway=True, public_keys=(NEXT.public.text,))
    registry = Registry.of([app, entry("math-tutor", FOREIGN), gateway], SIGNED.rules)
    assert both([job(1, NEXT), job(2, KEY), job(3, FOREIGN)], registry) == (2, ["signature_foreign"])
    assert both([job(1, NEXT, agent_id="math-tutor")], registry) == (0, ["signature_foreign"])
    suspended = {**registry.agents, "gateway": RegisteredAgent(gateway, "suspended")}
    assert both([job(1, NEXT)], Registry(suspended, registry.rules)) == (0, ["signature_foreign"])


def test_a_suspended_gateway_is_refused_by_a_running_lane() -> None:
    key = ApiKey(id="0" * 12, sha256="0" * 64)
    gateway = AgentEntry(id="gateway", owner="o", gateway=True, public_keys=(NEXT.public.text,))
    app = entry(AGENT, KEY).model_copy(update={"api_keys": (key,)})
    registry = Registry.of([app, gateway], SIGNED.rules)
    in_force = RegistryInForce(registry)
    made = RouterHandler(
        POLICY,
        in_force,
        TOPICS,
        lambda: NOW,
        fast_score=FastScore(POLICY.scorer),
        partitions=lambda: PARTITIONS,
    )
    whole = made.handle_batches(batches([job(1, NEXT), job(2)]))
    assert whole is not None
    assert [out.topic for out in unpacked(whole.made)] == [TOPICS.tier("medium").name] * 2
    in_force.take(
        Registry({**registry.agents, "gateway": RegisteredAgent(gateway, "suspended")}, registry.rules)
    )
    whole = made.handle_batches(batches([job(3), job(4, NEXT)]))  # the first one's decision may be repeated
    assert whole is not None
    assert sorted(out.topic for out in unpacked(whole.made)) == sorted(
        [TOPICS.dead.name, TOPICS.tier("medium").name]
    )
