"""A stranger's client: plain aiokafka, no knowledge of pointsman beyond two topic names."""

import asyncio
import json
import os
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

KAFKA = os.environ.get("POINTSMAN_KAFKA", "127.0.0.1:19092")
PREFIX = os.environ.get("POINTSMAN_PREFIX", "pointsman")


async def main() -> None:
    job_id = str(uuid.uuid4())
    consumer = AIOKafkaConsumer(
        f"{PREFIX}.jobs.results", bootstrap_servers=KAFKA, isolation_level="read_committed"
    )
    producer = AIOKafkaProducer(bootstrap_servers=KAFKA)
    await consumer.start()
    await producer.start()
    try:
        await consumer.seek_to_end()
        job = {"job_id": job_id, "agent_id": "chat-desk", "prompt": "Name three primes.", "kind": "chat"}
        await producer.send_and_wait(f"{PREFIX}.jobs.intake", json.dumps(job).encode(), key=job_id.encode())
        async for record in consumer:
            outcome = json.loads(record.value)
            if outcome["job_id"] == job_id:
                print(
                    outcome["type"], outcome["tier"], outcome["response"]["choices"][0]["message"]["content"]
                )
                return
    finally:
        await producer.stop()
        await consumer.stop()


asyncio.run(main())
