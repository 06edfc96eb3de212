"""The baseline: a plain FastStream application as in its documentation, which stores a row per message.

It has no delivery guarantees: what is in progress when it dies is lost. `python -m
pointsman.bench.whole.plain KAFKA POSTGRES PROVIDER`
"""

import asyncio
import sys

import asyncpg
from aiohttp import ClientSession
from faststream import FastStream
from faststream.kafka import KafkaBroker, KafkaMessage
from pydantic import BaseModel

JOBS, RESULTS = "plain.jobs", "plain.results"

_TABLE = """
    create table if not exists plain_audit (
        id bigserial primary key, at timestamptz default now(),
        topic text, partition int, kafka_offset bigint, key text, value jsonb)
"""
_INSERT = "insert into plain_audit (topic, partition, kafka_offset, key, value) values ($1, $2, $3, $4, $5)"


class PlainJob(BaseModel):
    """A job."""

    id: str
    prompt: str


class PlainResult(BaseModel):
    """A job's answer."""

    id: str
    answer: str
    tokens: int


async def main(kafka: str, postgres: str, provider: str) -> None:
    """Run both of its services in this process until it is ended."""
    broker = KafkaBroker(kafka, logger=None)
    async with asyncpg.create_pool(postgres, min_size=8, max_size=8) as pool, ClientSession() as session:
        await pool.execute(_TABLE)

        @broker.subscriber(JOBS, group_id="plain-workers", max_workers=64, auto_offset_reset="earliest")
        async def work(job: PlainJob) -> None:
            body = {"model": "gpt-4.1-mini", "messages": [{"role": "user", "content": job.prompt}]}
            async with session.post(f"{provider}/v1/chat/completions", json=body) as response:
                completion = await response.json()
            answer = completion["choices"][0]["message"]["content"]
            result = PlainResult(id=job.id, answer=answer, tokens=completion["usage"]["total_tokens"])
            await broker.publish(result, RESULTS, key=job.id.encode())

        @broker.subscriber(JOBS, RESULTS, group_id="plain-audit", max_workers=8, auto_offset_reset="earliest")
        async def keep(message: KafkaMessage) -> None:
            raw = message.raw_message
            assert not isinstance(raw, tuple)
            await pool.execute(
                _INSERT,
                raw.topic,
                raw.partition,
                raw.offset,
                (raw.key or b"").decode(),
                (raw.value or b"").decode(),
            )

        await FastStream(broker).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
