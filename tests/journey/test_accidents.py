"""No job is lost or done twice while processes and servers are killed, frozen and restarted under load."""

import asyncio
import json
import os
import random
import secrets
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pointsman.dev.servers.stack import Stack
from pointsman.dev.services.fleet import SHARED
from pointsman.dev.services.processes import Process, another_process_of
from pointsman.runtime.log_events import Event
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers for this module only, because some of its tests kill them."""
    stack = Stack(tmp_path_factory.mktemp("breakable"))
    stack.start()
    yield stack
    stack.stop()
    stack.postgres.remove()


@asynccontextmanager
async def running(breakable: Stack, folder: Path, *, together: bool = False) -> AsyncIterator[System]:
    name = f"t{secrets.token_hex(4)}"
    breakable.postgres.create_database(name)
    started = System(folder, breakable.kafka.bootstrap, breakable.postgres.dsn(name), name, together=together)
    try:
        await started.start()
        yield started
    finally:
        started.stop()
        breakable.postgres.psql("postgres", f'drop database if exists "{name}" with (force)')


@pytest.fixture
async def system(breakable: Stack, tmp_path: Path) -> AsyncIterator[System]:
    async with running(breakable, tmp_path) as started:
        yield started


@pytest.fixture
async def together(breakable: Stack, tmp_path: Path) -> AsyncIterator[System]:
    """The router and all workers in one process, with shared transactions."""
    async with running(breakable, tmp_path, together=True) as started:
        yield started


async def _send_slowly(system: System, count: int, seconds: float, **fields: object) -> list[str]:
    """Sends jobs in small portions, so that some are in progress when the fault happens."""
    jobs = system.jobs(count, **fields)
    records = list(jobs.values())
    portion = max(1, count // 30)
    for first in range(0, count, portion):
        await system.send(records[first : first + portion])
        await asyncio.sleep(seconds * portion / count)
    return list(jobs)


async def _check(system: System, jobs: list[str], seconds: float = 120) -> None:
    await system.until_ended(jobs, seconds)
    assert await system.problems(jobs) == []


async def _kill_ten_times(system: System, name: str) -> None:
    chance = random.Random(name)
    for _ in range(10):
        await asyncio.sleep(chance.uniform(0.4, 2.4))
        system.kill(name)
        system.processes[name].start()


@pytest.mark.parametrize("name", ["router", "audit"])
async def test_killed_ten_times_under_load(system: System, name: str) -> None:
    sending = asyncio.create_task(_send_slowly(system, 900, 20))
    await _kill_ten_times(system, name)
    await _check(system, await sending)


async def test_services_of_one_process_killed_ten_times_under_load(together: System) -> None:
    sending = asyncio.create_task(_send_slowly(together, 900, 20))
    await _kill_ten_times(together, SHARED)
    await _check(together, await sending)


async def test_worker_killed_ten_times_with_calls_in_flight(system: System) -> None:
    """Call durations differ widely, so some jobs have finished behind unfinished ones when it is killed."""

    async def calls_under_way() -> bool:
        return bool((await system.provider_stats())["in_flight"])

    async def calls_abandoned() -> bool:
        return bool((await system.provider_stats())["ended"].get("abandoned"))

    await system.order_faults({"effect": {"kind": "hang"}})  # so that calls are in flight at the first kill
    sending = asyncio.create_task(_send_slowly(system, 900, 20, tier="small"))
    await system.until(calls_under_way, 60, "calls under way")
    system.kill("worker-small")
    await system.until(calls_abandoned, 60, "the provider sees that nobody waits for its answers")
    await system.order_faults({"effect": {"kind": "latency", "ms": 400, "sigma": 1.0}})
    system.processes["worker-small"].start()
    await _kill_ten_times(system, "worker-small")
    await _check(system, await sending)
    stats = await system.provider_stats()
    repeated = sum(calls - 1 for calls in stats["jobs"].values())
    print(f"{repeated} calls made again; at most {stats['max_in_flight']} were in flight at each of 11 kills")
    assert 0 < repeated <= 11 * stats["max_in_flight"]


async def test_broker_restart(system: System, breakable: Stack) -> None:
    sending = asyncio.create_task(_send_slowly(system, 600, 10))
    await asyncio.sleep(2)
    breakable.kafka.kill()
    breakable.kafka.start()
    await _check(system, await sending, 180)


async def test_a_stopping_process_ends_even_if_the_broker_dies(system: System, breakable: Stack) -> None:
    jobs = system.jobs(400)
    await system.send(list(jobs.values()))
    services = {
        name: process.child
        for name, process in system.processes.items()
        if name != "simulator" and process.child
    }
    for child in services.values():
        child.send_signal(signal.SIGTERM)
    breakable.kafka.kill()
    try:
        ends = {name: await asyncio.to_thread(child.wait, 60) for name, child in services.items()}
        assert ends == dict.fromkeys(services, 0)
    finally:
        breakable.kafka.start()
    for name in services:
        system.processes[name].start()
    await _check(system, list(jobs))


async def test_postgres_restart(system: System, breakable: Stack) -> None:
    sending = asyncio.create_task(_send_slowly(system, 600, 8))
    for _ in range(2):
        await asyncio.sleep(2)
        breakable.postgres.kill()
        breakable.postgres.start()
    await _check(system, await sending)


async def test_two_of_each_with_rebalances(system: System) -> None:
    sending = asyncio.create_task(_send_slowly(system, 900, 15))
    for _ in range(3):
        second = [system.add("router-2", "router"), system.add("worker-small-2", "worker-small")]
        await asyncio.sleep(2.5)
        for process in second:
            assert process.child is not None
            process.child.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.child.wait, 60)
    await _check(system, await sending)


async def _freeze_until_taken_over(
    system: System, name: str, second: Process, is_frozen: asyncio.Event | None = None
) -> None:
    """A second process takes over; whatever the first writes after waking must have no effect."""

    def assignments() -> int:
        return second.log.read_text().count(Event.PARTITIONS_ASSIGNED)

    before = assignments()

    async def taken_over() -> bool:
        return assignments() > before

    system.signal(name, signal.SIGSTOP)
    if is_frozen is not None:
        is_frozen.set()
    await asyncio.sleep(7)  # longer than the session timeout
    await system.until(taken_over, 60, "that the second one takes over")
    system.signal(name, signal.SIGCONT)


async def test_router_frozen_in_mid_flood_and_woken(system: System) -> None:
    second = system.add("router-2", "router")
    await system.until(lambda: asyncio.to_thread(second.ready), 60, "a second router")
    is_frozen, jobs = asyncio.Event(), list[str]()

    async def flood() -> None:
        while not is_frozen.is_set():
            more = system.jobs(2_000, tier="gigantic")  # the router rejects these, so no worker is needed
            jobs.extend(more)
            await system.send(list(more.values()))

    flooding = asyncio.create_task(flood())
    await system.until(system.ended_some, 60, "the first outcome")
    await _freeze_until_taken_over(system, "router", second, is_frozen)
    await flooding
    await _check(system, jobs)
    # Whether it wakes with pending writes, and is fenced, depends on timing.


async def test_worker_frozen_with_calls_in_flight_and_woken(system: System) -> None:
    second = system.add("worker-small-2", "worker-small")
    await system.until(lambda: asyncio.to_thread(second.ready), 60, "a second worker")
    await system.order_faults({"effect": {"kind": "latency", "ms": 1500, "sigma": 0.5}})

    async def many_under_way() -> bool:
        return bool((await system.provider_stats())["in_flight"] > 20)

    sending = asyncio.create_task(_send_slowly(system, 900, 20, tier="small"))
    await system.until(many_under_way, 60, "calls under way")
    await _freeze_until_taken_over(system, "worker-small", second)
    await _check(system, await sending)
    # Whether it wakes with pending writes and is fenced depends on timing: when it rejoins, it may get other
    # partitions, and then drops its old ones without a request to the broker.


async def test_services_of_one_process_frozen_and_woken(together: System) -> None:
    second = together.add(f"{SHARED}-2", SHARED)
    await together.until(lambda: asyncio.to_thread(second.ready), 60, "a second process")
    sending = asyncio.create_task(_send_slowly(together, 900, 20))
    await asyncio.sleep(4)
    await _freeze_until_taken_over(together, SHARED, second)
    await _check(together, await sending)


async def test_a_worker_that_joins_and_leaves_does_not_disturb_the_combined_process(together: System) -> None:
    """Its group rebalances meanwhile; the other groups continue."""
    sending = asyncio.create_task(_send_slowly(together, 900, 15))
    worker = another_process_of(together.processes[SHARED], "worker-small")
    worker.arguments = ["run", "worker", "--tier", "small"]
    together.processes[worker.name] = worker
    for _ in range(3):
        worker.start()
        await asyncio.sleep(2.5)
        assert worker.child is not None
        worker.child.send_signal(signal.SIGTERM)
        await asyncio.to_thread(worker.child.wait, 60)
    await _check(together, await sending)


async def _in_flight(system: System, count: int, latency_ms: int, sigma: float) -> list[str]:
    """Jobs of one tier whose calls are all in flight."""
    await system.order_faults({"effect": {"kind": "latency", "ms": latency_ms, "sigma": sigma}})
    called_before = (await system.provider_stats())["total"]
    jobs = system.jobs(count, tier="small")
    await system.send(list(jobs.values()))

    async def all_called() -> bool:
        return (await system.provider_stats())["total"] == called_before + count

    await system.until(all_called, 60, f"{count} calls")
    return list(jobs)


async def _called_again(system: System) -> dict[str, int]:
    stats = await system.provider_stats()
    return {job: calls for job, calls in stats["jobs"].items() if calls > 1}


async def test_when_a_worker_dies_the_others_keep_their_calls(system: System) -> None:
    second = system.add("worker-small-2", "worker-small")
    await system.until(lambda: asyncio.to_thread(second.ready), 60, "a second worker")
    jobs = await _in_flight(system, 60, 10_000, 0)
    system.kill("worker-small-2")
    second.start()
    await _check(system, jobs)
    again = await _called_again(system)
    lanes = {
        json.loads(record.value or b"{}")["job"]["job_id"]: record.partition
        for record in await system.read()
        if record.topic == system.topics.tier("small").name
    }
    assert len({lanes[job] for job in again}) == 2, "the lanes of the one that died, and no others"
    # A third call if the restarted worker gets its lanes back before those calls end.
    assert set(again.values()) <= {2, 3}


async def test_calls_outlast_a_broker_that_stands_still(system: System, breakable: Stack) -> None:
    """Calls end and every commit fails while the broker is frozen, but no other process gets the partitions.

    No call ends before the broker is frozen: otherwise the result of its commit could be unknown and its lane
    be reopened. A woken broker may take a heartbeat before it sees that the session has expired, and then no
    commit is refused: the test is repeated until one is.
    """
    log = system.processes["worker-small"].log
    pid = breakable.kafka.child.pid
    jobs: list[str] = []
    for _ in range(5):
        jobs += await _in_flight(system, 60, 7_000, 0.2)
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(9)
        os.kill(pid, signal.SIGCONT)
        await _check(system, jobs)
        if Event.LANE_FAILED in log.read_text():
            break
    else:
        raise AssertionError("the broker never took the worker for gone")
    assert await _called_again(system) == {}
