"""Records that a worker cannot process: a dead letter, and an outcome if a job waits for one."""

from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
import pytest

from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming
from pointsman.registry.cancellations import Cancellations
from pointsman.worker.calls.call_context import call_context_of, target
from pointsman.worker.calls.prices import Prices
from pointsman.worker.handlers import WorkerHandler
from pointsman.worker.providers import Provider
from pointsman.worker.providers_file import ProviderRow, TierRow
from pointsman_schemas.envelope import first_envelope
from pointsman_schemas.jobs import JobCancel
from pointsman_schemas.outcomes import JobExpired, JobFailed
from pointsman_schemas.reasons import FailReason
from pointsman_schemas.topics import Topics
from tests.support.worker.alone import alone
from tests.support.worker.routed_jobs import AGENT, NOW, header, job_id, outcome, routed


@pytest.fixture
async def handler() -> AsyncIterator[WorkerHandler]:
    row = ProviderRow(name="nobody", base_url="http://127.0.0.1:9/v1")
    provider = Provider(row, row.key({}), max_in_flight=1)
    tier = TierRow(provider="nobody", model="m")
    call_context = call_context_of("small", tier, [target(provider, Prices(None), "m")], alone())
    yield WorkerHandler(call_context, Topics(), cancellations=Cancellations())
    await provider.close()


async def test_an_invalid_routed_job_is_a_dead_letter_and_ends_its_job(handler: WorkerHandler) -> None:
    record = replace(routed(), value=b'{"type": "job.routed.v1", "job": {}}')
    letter, result = await handler(record)
    assert (letter.topic, letter.value, letter.key) == (Topics().dead.name, record.value, record.key)
    assert (header(letter, "ce_stage"), header(letter, "ce_reason")) == ("worker", "missing_field")
    assert header(letter, "ce_origin") == "pointsman.jobs.tier.small/0@1"
    failed = outcome([letter, result])
    assert isinstance(failed, JobFailed)
    assert (failed.job_id, failed.agent_id, failed.tier) == (job_id(1), AGENT, "small")
    assert (failed.reason, failed.attempts, failed.cost_usd) == (FailReason.INTERNAL, 0, 0)
    assert "job.job_id: is missing" in failed.message
    assert result.key == str(job_id(1)).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"headers": ()},
        {"headers": (("ce_specversion", b"1.0"), ("ce_id", b"no uuid"))},
        {"headers": (), "value": None},
        {"headers": (), "value": b"\xff"},
    ],
)
async def test_a_record_of_an_unknown_job_is_only_a_dead_letter(
    handler: WorkerHandler, change: dict[str, object]
) -> None:
    (letter,) = await handler(replace(routed(), **change))  # type: ignore[arg-type]
    assert letter.topic == Topics().dead.name
    assert header(letter, "ce_agentid") == "unknown"


@pytest.mark.parametrize("digest", ["ab" * 32, 7, "x" * 65])
async def test_an_outcome_has_the_rule_and_the_request_digest(handler: WorkerHandler, digest: object) -> None:
    record = routed(deadline=NOW)  # long ago: there is an outcome without a call
    body = orjson.loads(record.value or b"")
    body["job"]["metadata"] = {"pointsman_request": digest}
    expired = outcome(await handler(replace(record, value=orjson.dumps(body))))
    assert isinstance(expired, JobExpired)
    assert expired.rule == "default"
    assert expired.request_digest == ("ab" * 32 if digest == "ab" * 32 else None)
    assert expired.provider_ms is None


async def test_a_message_of_another_type_is_only_a_dead_letter(handler: WorkerHandler) -> None:
    message = JobCancel(job_id=job_id(1), agent_id=AGENT)
    cover = first_envelope(
        job_id(5), source="test", type=message.TYPE, time=NOW, agent_id=AGENT, job_id=message.job_id
    )
    sent = emit(Topics().tier("small"), b"k", cover, message)
    (letter,) = await handler(Incoming(sent.topic, 0, 1, 0, sent.key, sent.value, tuple(sent.headers)))
    assert header(letter, "ce_reason") == "unknown_type"
    assert header(letter, "ce_detail") == "type 'job.cancel.v1' does not belong on a tier's topic"
