"""A secret is rotated while it is in use: no job is lost, and the old secret no longer works."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest
from aiokafka.conn import AIOKafkaConnection

from pointsman.access.apply import Servers, apply, issue
from pointsman.bus import renewed_login
from pointsman.bus.admin.users import set_passwords
from pointsman.bus.codec.emit import emit
from pointsman.bus.codec.records import Incoming
from pointsman.bus.errors import BusError, KafkaLoginError
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.commands import MessageListener
from pointsman.bus.settings import LanePart
from pointsman.bus.tcp_check import await_server
from pointsman.cli.ops.access_secrets import variables_by_user, write
from pointsman.dev.certificates import Authority
from pointsman.runtime.clock import utc_now
from pointsman.runtime.private_file import write_private
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.ids import uuid7
from pointsman_schemas.jobs import JobCancel
from tests.support.access.broker import show_another
from tests.support.access.installation import PREFIX, Guarded

pytestmark = [pytest.mark.stack, pytest.mark.slow]

WORKER, AGENT = f"{PREFIX}.worker.small", f"{PREFIX}.agent.reader"


class Users:
    """An agent that writes and a worker that reads, each with clients that stay open all the time.

    `secrets`: the folder of their passwords and the CA. `made`: every connection.
    """

    def __init__(self, guarded: Guarded, secrets: Path, made: list[AIOKafkaConnection]) -> None:
        self._guarded, self._secrets, self._made = guarded, secrets, made
        self.ca = secrets / "ca.pem"
        self._topic = guarded.topics.control
        self._sent: list[UUID] = []
        self._heard: list[UUID] = []
        self._problems: set[str | None] = set()
        self._publisher = Publisher(self.part(AGENT))
        self._listener = MessageListener(self.part(WORKER), self._topic, (JobCancel,), self._hear)

    def part(self, user: str) -> LanePart:
        own: dict[str, Any] = {
            "kafka_password": None,
            "kafka_password_file": self._secrets / f"{user}.password",
            "kafka_ca_file": self.ca,
        }
        return LanePart(**self._guarded.part(user).model_dump() | own)

    async def enter(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(self._listener.running())
        await stack.enter_async_context(self._publisher)
        await self.all_is_heard()
        self._problems.clear()

    async def work_until_connected_anew(self) -> None:
        """Works until all old connections are closed. The broker limits their lifetime.

        A login can be refused between the change of a file and the change in the brokers, so earlier failures
        do not count.
        """
        await self.all_is_heard()
        self._problems.clear()
        before = list(self._made)
        while any(connection.connected() for connection in before):
            await self._say()
            await asyncio.sleep(0.05)
        await self.all_is_heard()
        assert self._problems <= {None}

    async def all_is_heard(self) -> None:
        await self._say()
        async with asyncio.timeout(120):
            while self._heard != self._sent:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def _say(self) -> None:
        now = utc_now()
        command = JobCancel(job_id=uuid7(now), agent_id="reader")
        envelope = Envelope(uuid7(now), "reader", command.TYPE, now, "reader")
        self._sent.append(command.job_id)
        await self._publisher.publish([emit(self._topic, b"key", envelope, command)])
        self._problems.add(self._listener.problem)

    def _hear(self, command: JobCancel, _: Incoming) -> None:
        if command.job_id in self._sent:  # another user's command otherwise
            self._heard.append(command.job_id)


@pytest.fixture
async def users(guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Users]:
    servers = Servers(guarded.broker.admin, None)
    write(
        tmp_path,
        variables_by_user(
            guarded.access, servers, {user: guarded.passwords[user] for user in (WORKER, AGENT)}
        ),
    )
    assert guarded.broker.admin.kafka_ca_file is not None
    (tmp_path / "ca.pem").write_text(guarded.broker.admin.kafka_ca_file.read_text())
    made: list[AIOKafkaConnection] = []
    connect = renewed_login.RenewedConnection.connect

    def noted(connection: AIOKafkaConnection) -> Any:
        made.append(connection)
        return connect(connection)

    monkeypatch.setattr(renewed_login.RenewedConnection, "connect", noted)
    async with AsyncExitStack() as stack:
        known = Users(guarded, tmp_path, made)
        await known.enter(stack)
        yield known


async def test_clients_reconnect_with_new_passwords_from_their_files(
    guarded: Guarded, tmp_path: Path, users: Users
) -> None:
    servers = Servers(guarded.broker.admin, None)
    old = guarded.passwords[WORKER].kafka
    assert old is not None
    renewed = issue(guarded.access, servers, [], [WORKER, AGENT])
    write(tmp_path, variables_by_user(guarded.access, servers, renewed))
    await apply(servers, guarded.access, renewed)
    for user, new in renewed.items():
        guarded.passwords[user] = replace(guarded.passwords[user], kafka=new.kafka)
    await _until_let_in(users.part(WORKER))
    await users.work_until_connected_anew()
    with pytest.raises(BusError):
        await await_server(guarded.broker.part(WORKER, old), 1)


async def test_clients_reconnect_when_the_broker_has_a_certificate_of_another_ca(
    guarded: Guarded, tmp_path: Path, users: Users
) -> None:
    old, another = tmp_path / "old.pem", Authority(tmp_path, "another")
    old.write_text(users.ca.read_text())
    await show_another(guarded.broker.admin, another, users.ca)
    await users.work_until_connected_anew()
    write_private(users.ca, another.file.read_text())
    await users.work_until_connected_anew()
    with pytest.raises(KafkaLoginError, match="is not signed by the CA in"):
        await await_server(guarded.broker.admin.model_copy(update={"kafka_ca_file": old}), 1)


async def test_the_superusers_password_is_rotated_without_effect_on_others(
    guarded: Guarded, users: Users
) -> None:
    admin = guarded.broker.admin
    name, file = admin.kafka_username, admin.kafka_password_file
    assert name is not None
    assert file is not None
    old, new = file.read_text(), token_hex(24)
    await set_passwords(admin, {name: new})
    write_private(file, new)
    await _until_let_in(admin)
    await users.work_until_connected_anew()
    with pytest.raises(BusError):
        await await_server(guarded.broker.part(name, old), 1)


async def _until_let_in(part: KafkaPart) -> None:
    """Waits until the brokers know a new password."""
    async with asyncio.timeout(60):
        while True:
            try:
                await await_server(part, 5)
            except BusError:
                await asyncio.sleep(0.05)
            else:
                return
