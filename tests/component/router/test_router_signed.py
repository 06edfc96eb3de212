"""A signed record is routed once, wherever it is copied and also after a restart, on a real broker.

A thief of a login has everything that the broker checks: these tests show what that gains without the agent's
key.
"""

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from pointsman import Client, starter
from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Incoming
from pointsman.bus.read.follow import Follower
from pointsman.identity.keys import PrivateKey
from pointsman.identity.signature import signed_bytes
from pointsman.registry.publish import apply_file
from pointsman.router.policy import policy_file
from pointsman.router.settings import RouterSettings
from tests.conftest import Kafka
from tests.support.router.running_router import running_router
from tests.support.text.parsed import parse_agents

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

AGENT = "data-analyst"
KEY, FOREIGN = PrivateKey.parse("11" * 32), PrivateKey.parse("22" * 32)
AGENTS = f"""\
unregistered: reject
identity: signed
agents:
  - {{id: {AGENT}, owner: analytics, public_keys: {KEY.public.text}}}
  - {{id: math-tutor, owner: education, public_keys: {FOREIGN.public.text}}}
"""


async def read_all(settings: RouterSettings, topics: list[str], least: int) -> list[Incoming]:
    """All records in `topics`, once there are at least `least`."""
    while True:
        records: list[Incoming] = []
        async with Follower(settings, topics, start="beginning", until_end=True) as follower:
            while not follower.ended:
                records += await follower.read()
        if len(records) >= least:
            return records
        await asyncio.sleep(0.2)


def forgeries(record: Incoming) -> Iterator[Incoming]:
    """Copies of a signed record, each changed in one way."""
    assert record.value is not None
    headers = dict(record.headers)
    signature = headers["ce_signature"].decode()
    key_id, _, raw = signature.partition(":")
    yield replace(record, value=record.value.replace(b'"p"', b'"q"'))
    for name, text in {
        "ce_id": str(uuid4()),
        "ce_time": headers["ce_time"].decode().replace("Z", "0Z"),
        "ce_signature": f"{key_id}:{b64encode(bytes(64)).decode()}",
    }.items():
        yield replace(record, headers=tuple((headers | {name: text.encode()}).items()))
    signed = signed_bytes(record.topic, headers["ce_id"], headers["ce_time"], record.value)
    for other in (f"{FOREIGN.public.id}:{raw}", f"{key_id}:{FOREIGN.sign_bytes(signed)}"):
        yield replace(record, headers=tuple((headers | {"ce_signature": other.encode()}).items()))


async def test_copies_of_a_signed_record_are_refused(kafka: Kafka) -> None:
    settings = RouterSettings(kafka=kafka.bootstrap, prefix=kafka.prefix, policy=starter.POLICY)
    topics = settings.topics
    tiers = policy_file.load(starter.POLICY).tiers
    await apply(settings, topics.all(tiers))
    await apply_file(settings, topics, parse_agents(AGENTS, tiers), by="tests")
    routed, letters = [topics.tier(tier).name for tier in tiers], [topics.dead.name]
    body = {"agent_id": AGENT, "kind": "sql", "prompt": "p"}
    async with running_router(settings):
        async with Client(kafka=settings, key=KEY) as client:
            job_id = await client.publish(body)
        async with Client(kafka=settings) as client:
            await client.publish(body)
        async with Client(kafka=settings, key=FOREIGN) as client:
            await client.publish(body)
        await read_all(settings, routed, 1)
        await read_all(settings, letters, 2)
    sent = [
        record
        for record in await read_all(settings, [topics.intake.name], 3)
        if record.key == str(job_id).encode()
    ]
    assert [record.by_broker for record in sent] == [True]
    places = list(product(range(topics.intake.partitions), (sent[0].key, b"another", None)))
    forged = list(forgeries(sent[0]))
    async with running_router(settings):  # a new router, without memory of these records
        async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
            for partition, key in places:
                await producer.send_and_wait(
                    topics.intake.name, sent[0].value, key, partition, headers=list(sent[0].headers)
                )
            for record in forged:
                await producer.send_and_wait(
                    topics.intake.name, record.value, record.key, headers=list(record.headers)
                )
        dead_letters = await read_all(settings, letters, 2 + len(places) + len(forged))
    reasons = Counter(dict(record.headers)["ce_reason"].decode() for record in dead_letters)
    print(f"\nwhat a thief of a login tried, and why it came to nothing: {dict(reasons)}")
    assert reasons == {
        "signature_repeated": len(places),
        "signature_missing": 1,
        "signature_foreign": 2,
        "signature_wrong": len(forged) - 1,
    }
    assert len(await read_all(settings, routed, 1)) == 1
    assert await read_all(settings, [topics.results.name], 0) == []
