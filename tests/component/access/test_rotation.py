"""A secret is replaced while its user is at work: nothing is missed, and the old one is good for nothing."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from pointsman.access.apply import Servers, apply, issue
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming
from pointsman.bus.errors import BusError
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.commands import MessageListener
from pointsman.bus.settings import LanePart
from pointsman.bus.tcp_check import reach
from pointsman.cli.ops.access_secrets import told, write
from pointsman.runtime.clock import utc_now
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.jobs import JobCancel
from tests.support.access.installation import PREFIX, Guarded

pytestmark = [pytest.mark.stack, pytest.mark.slow]

#: More than connections of the old password last.
_MOST = 60
WORKER = f"{PREFIX}.worker.small"


async def test_a_service_goes_on_with_a_new_password_from_its_file(guarded: Guarded, tmp_path: Path) -> None:
    servers = Servers(guarded.broker.admin, None)
    words = told(guarded.access, servers, {WORKER: guarded.passwords[WORKER]})
    write(tmp_path, words)
    file = tmp_path / f"{WORKER}.password"
    old = file.read_text()
    other = {"kafka_password": None, "kafka_password_file": file, "stall_timeout_ms": 5_000}
    settings = LanePart(**guarded.part(WORKER).model_dump() | other)
    heard: list[UUID] = []
    sent: list[UUID] = []

    def hear(command: JobCancel, _: Incoming) -> None:
        heard.append(command.job_id)

    listener = MessageListener(settings, guarded.topics.control, (JobCancel,), hear)
    async with listener.running(), Publisher(guarded.part(f"{PREFIX}.agent.reader")) as publisher:
        await _say(guarded, publisher, sent)
        await _until(lambda: heard == sent)
        renewed = issue(guarded.access, servers, [], [WORKER])
        write(tmp_path, told(guarded.access, servers, renewed))
        await apply(servers, guarded.access, renewed)
        guarded.passwords[WORKER] = replace(guarded.passwords[WORKER], kafka=renewed[WORKER].kafka)
        await reach(guarded.part(WORKER), 20)
        async with asyncio.timeout(120):  # until no connection is left that was made with the old one
            while listener.problem is None and len(sent) < _MOST:
                await _say(guarded, publisher, sent)
                await asyncio.sleep(0.2)
        await _say(guarded, publisher, sent)
        await _until(lambda: heard == sent)
        assert listener.problem is None
    assert file.read_text() != old
    with pytest.raises(BusError):
        await reach(guarded.broker.part(WORKER, old), 1)


async def _say(guarded: Guarded, publisher: Publisher, sent: list[UUID]) -> None:
    now = utc_now()
    command = JobCancel(job_id=uuid7(now), agent_id="reader")
    envelope = Envelope(uuid7(now), "reader", command.TYPE, now, "reader")
    await publisher.publish([emit(guarded.topics.control, b"key", envelope, command)])
    sent.append(command.job_id)


async def _until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not so():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
