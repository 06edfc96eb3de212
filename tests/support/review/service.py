"""The review service as processes, on a given Kafka."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.services.processes import Process, another_process_of, stop, wait_ready
from pointsman.registry.publish import apply_file
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics
from tests.support.running.forked import ForkedProcess
from tests.support.running.system import FAST
from tests.support.text.parsed import parse_agents


@asynccontextmanager
async def review_services(
    kafka: KafkaPart, folder: Path, agents: Iterable[str], count: int = 1
) -> AsyncIterator[list[Process]]:
    """This many services, ready. `agents`: entries of the registry, as in agents.yaml."""
    topics = Topics(kafka.prefix)
    await apply(kafka, topics.all(["small"]))
    listed = "".join(f"- {entry}\n" for entry in agents)
    await apply_file(
        kafka, topics, parse_agents(f"unregistered: admit\nagents:\n{listed}", ["small"]), by="tests"
    )
    environment = {
        **FAST,
        "POINTSMAN_KAFKA": kafka.kafka,
        "POINTSMAN_PREFIX": kafka.prefix,
        "POINTSMAN_HTTP_HOST": LOOPBACK,
        "POINTSMAN_HTTP_PORT": str(free_port()),
        "POINTSMAN_CLAIMS": "",
    }
    url = f"http://{LOOPBACK}:{environment['POINTSMAN_HTTP_PORT']}"
    first = ForkedProcess("review", ["run", "review"], environment, folder / "review.log", url)
    processes: list[Process] = [first]
    processes += [another_process_of(processes[0], f"review-{number}") for number in range(2, count + 1)]
    try:
        for process in processes:
            process.start()
        await asyncio.to_thread(wait_ready, processes)
        yield processes
    finally:
        for process in processes:
            if process.child is not None and not process.ended():
                process.child.send_signal(signal.SIGCONT)
        stop(processes)


async def publish(kafka: KafkaPart, records: list[Outgoing]) -> None:
    """Sends records and waits until they are written."""
    async with Publisher(kafka) as publisher:
        await publisher.publish(records, within=60)
