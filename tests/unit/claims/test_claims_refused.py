"""A job whose large value is missing gets a dead letter with the reason, and one outcome."""

from dataclasses import replace
from typing import cast

import orjson
import pytest

from pointsman import starter
from pointsman.bus.codec.claimed import stand_in
from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.records import Fetched, Incoming, Outgoing
from pointsman.client.job import as_record
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy import policy_file
from pointsman.router.policy.policy import Policy
from pointsman_schemas.claims import DATAREF
from pointsman_schemas.jobs import Job, JobRouted
from pointsman_schemas.outcomes import JobFailed, JobRejected
from pointsman_schemas.reasons import Reason
from pointsman_schemas.topics import Topics
from tests.support.bus.claim_stores import Shelf, as_read, claim_check
from tests.support.router.router_lanes import NOW, REGISTRY, TOPICS, handler
from tests.support.worker.routed_jobs import header, job_id, outcome, routed
from tests.support.worker.working import Worker, provider_of

TEXT = "x" * 300_000


def submitted(topics: Topics = TOPICS, **fields: object) -> Outgoing:
    request = {"messages": [{"role": "user", "content": TEXT}]}
    job = Job.model_validate({"job_id": job_id(1), "agent_id": "chat-desk", "request": request, **fields})
    return as_record(job, topics, NOW)


async def arrived(shelf: Shelf, record: Outgoing, *, lost: bool = False) -> Incoming:
    """The record as a lane hands it over, with or without its value."""
    (sent,) = await claim_check(shelf).deposit([record])
    if lost:
        shelf.values.clear()
    (read,) = await claim_check(shelf).fetch([as_read(sent)])
    return read


async def test_the_router_routes_a_large_job_by_its_whole_text() -> None:
    (made,) = handler().handle_records([await arrived(Shelf(), submitted())])
    routed_job = decode(as_read(made))
    assert isinstance(routed_job, Decoded)
    assert isinstance(routed_job.message, JobRouted)
    assert routed_job.message.job.request.messages[0].content == TEXT
    assert routed_job.message.decision.rule == "long-text"
    assert DATAREF not in dict(made.headers)  # that is for the lane to add


@pytest.mark.parametrize("key", [None, "o"])
async def test_the_router_refuses_a_lost_value_and_keeps_its_claim(key: str | None) -> None:
    record = await arrived(Shelf(), submitted(order_key=key), lost=True)
    assert isinstance(record, Fetched)
    first = replace(record, key=str(job_id(1)).encode())  # a lost job's order key is not known
    letter, rejected = handler().handle_records([first])
    assert header(letter, "ce_reason") == Reason.MISSING_FIELD.value
    assert "is not in memory://shelf: it was deleted, or never put there" in header(letter, "ce_detail")
    assert letter.value == record.stub
    assert header(letter, f"orig_{DATAREF}").startswith("memory://shelf/")
    ended = decode(as_read(rejected))
    assert isinstance(ended, Decoded)
    assert isinstance(ended.message, JobRejected)
    assert ended.message.job_id == job_id(1)
    assert "never put there" in ended.message.message


async def test_a_misplaced_large_job_is_forwarded_unchanged() -> None:
    shelf = Shelf()
    stray = replace(await arrived(shelf, submitted()), key=b"elsewhere")
    (again,) = handler().handle_records([stray])
    assert again.topic == TOPICS.intake.name
    assert again.value == stray.on_kafka
    (whole,) = await claim_check(shelf).fetch([as_read(again)])
    (made,) = handler().handle_records([whole])
    assert made.topic == TOPICS.tier("frontier").name


async def test_a_large_job_with_an_order_key_is_remembered_from_before() -> None:
    shelf, here = Shelf(), handler()
    record = await arrived(shelf, submitted(order_key="o"))
    assert isinstance(record, Fetched)
    on_kafka = Incoming(record.topic, 0, 0, 0, record.key, record.stub, record.headers)
    here.remember_records([stand_in(on_kafka)])
    (letter,) = here.handle_records([replace(record, offset=1)])
    assert header(letter, "ce_reason") == Reason.DUPLICATE_JOB.value


async def test_a_stranger_s_large_body_is_routed_where_the_policy_takes_it() -> None:
    file = policy_file.load(starter.POLICY)
    wide = file.model_copy(update={"limits": file.limits.model_copy(update={"max_record_bytes": 1_000_000})})
    route = RouterHandler(Policy.compile(wide), REGISTRY, TOPICS, lambda: NOW)
    body = orjson.dumps({"agent_id": "chat-desk", "prompt": "y" * 900_000})
    (made,) = route.handle_records([Incoming(TOPICS.intake.name, 0, 0, 0, None, body, ())])
    shelf = Shelf()
    (sent,) = await claim_check(shelf).deposit([cast(Outgoing, made)])
    assert len(sent.value or b"") < 5_000
    assert list(shelf.values.values()) == [made.value]


async def test_the_worker_ends_a_job_that_is_lost_without_a_call() -> None:
    record = routed(1, messages=[{"role": "user", "content": TEXT}])
    sent = Outgoing(record.topic, record.key, record.value, list(record.headers))
    async with provider_of("http://127.0.0.1:9/v1") as provider:
        made = await Worker(provider).handler(await arrived(Shelf(), sent, lost=True))
    letter, ended = made
    assert header(letter, "ce_reason") == Reason.MISSING_FIELD.value
    failed = outcome(made)
    assert isinstance(failed, JobFailed)
    assert failed.job_id == job_id(1)
    assert failed.attempts == 0
    assert "never put there" in failed.message
    assert ended.topic == Topics().results.name


async def forged(shelf: Shelf, **stub_fields: object) -> Incoming:
    """A record that claims to be job 2, with a reference to a value of job 1."""
    (sent,) = await claim_check(shelf).deposit([submitted()])
    stub = {**orjson.loads(sent.value or b""), "job_id": str(job_id(2)), **stub_fields}
    headers = [header for header in sent.headers if header[0] not in ("ce_jobid", "ce_subject")]
    return as_read(replace(sent, key=str(job_id(2)).encode(), value=orjson.dumps(stub), headers=headers))


def genuine(number: int, offset: int) -> Incoming:
    body = {"job_id": str(job_id(number)), "agent_id": "chat-desk", "prompt": "What is 2 + 2?"}
    return Incoming(TOPICS.intake.name, 0, offset, 0, str(job_id(number)).encode(), orjson.dumps(body), ())


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("order_key", [None, "o"])
async def test_a_forged_claim_ends_only_the_job_that_it_names(
    lost: bool, restarted: bool, order_key: str | None
) -> None:
    """Each job has one outcome, whether the handler saw it or loaded it at startup."""
    shelf = Shelf()
    record = await forged(shelf, **({} if order_key is None else {"order_key": order_key}))
    if lost:
        shelf.values.clear()
    (read,) = await claim_check(shelf).fetch([record])
    here = handler()
    ended = here.handle_records([read])
    if restarted:
        here = handler()
        here.remember_records([stand_in(record)])
    ended += here.handle_records([genuine(2, 1), genuine(1, 2)])
    named = [(dict(ending.headers)["ce_jobid"].decode(), ending.topic) for ending in ended]
    assert named == [
        (str(job_id(2)), TOPICS.dead.name),
        (str(job_id(2)), TOPICS.results.name),
        (str(job_id(2)), TOPICS.dead.name),
        (str(job_id(1)), ended[-1].topic),
    ]
    assert header(ended[2], "ce_reason") == Reason.DUPLICATE_JOB.value
    assert ended[-1].topic.startswith(TOPICS.tier("").name)


@pytest.mark.parametrize("field", ["agent_id", "order_key", "tier", "metadata", "kind", "deadline"])
async def test_a_claim_s_small_fields_are_those_of_its_value(field: str) -> None:
    changed = {"metadata": {"a": 1}, "tier": "small", "deadline": "2030-01-01T00:00:00Z"}.get(field, "x-y")
    shelf = Shelf()
    record = await forged(shelf, job_id=str(job_id(1)), **{field: changed})
    if field == "agent_id":
        record = replace(
            record, headers=tuple(header for header in record.headers if header[0] != "ce_agentid")
        )
    (read,) = await claim_check(shelf).fetch([replace(record, key=str(job_id(1)).encode())])
    letter, rejected = handler().handle_records([read])
    assert header(letter, "ce_detail").startswith(f"{field}: the record says ")
    assert header(rejected, "ce_jobid") == str(job_id(1))
