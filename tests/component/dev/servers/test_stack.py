"""The embedded servers: data survives a stop and a kill, and leftovers of a killed owner are cleaned up."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import follow
from pointsman.dev.ports import LOOPBACK
from pointsman.dev.servers.postgres import USER, EmbeddedPostgres
from pointsman.dev.servers.stack import Stack
from pointsman.dev.services import logins
from pointsman.store.roles import as_login
from pointsman_schemas.topics import Topics

pytestmark = [pytest.mark.stack, pytest.mark.slow]

TOPIC = Topics("stack").dead

#: Starts a stack, prints addresses and process ids, waits to be killed. `orphan`: its servers survive it.
OWNER = """
import sys, time
from pathlib import Path
from pointsman.dev.servers import child
if sys.argv[2] == "orphan":
    child.end_with_parent = lambda by: None
from pointsman.dev.servers.stack import Stack
stack = Stack(Path(sys.argv[1]))
stack.start()
print(stack.kafka.port, stack.postgres.port, stack.kafka.child.pid, stack.postgres.child.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def started(
    folder: Path, kafka: int | None = None, postgres: int | None = None, *, fresh: bool = False
) -> Iterator[Stack]:
    stack = Stack(folder, kafka, postgres)
    try:
        stack.start(fresh=fresh)
        yield stack
    finally:
        stack.stop()


@contextmanager
def started_postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """The stack's Postgres only."""
    server = EmbeddedPostgres(folder / "postgres")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def foreign_process() -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the same user as Postgres, because a lock file of another user would count as stale."""
    with subprocess.Popen(["sleep", "600"], user="nobody" if os.geteuid() == 0 else None) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder; files outside of it are removed afterwards."""
    yield tmp_path / "data"
    if (tmp_path / "data" / "postgres").exists():
        EmbeddedPostgres(tmp_path / "data" / "postgres").remove()


async def leave(stack: Stack, word: str) -> None:
    """Stores a word in both servers."""
    await apply(stack.kafka.settings, [TOPIC])
    async with Publisher(stack.kafka.settings) as publisher:
        await publisher.publish([Outgoing(TOPIC.name, None, word.encode(), [])], within=30)
    connection = await asyncpg.connect(stack.postgres.dsn(), timeout=30)
    await connection.execute("create table if not exists left_there (word text)")
    await connection.execute("insert into left_there values ($1)", word)
    await connection.close()


async def found(stack: Stack) -> tuple[list[str], list[str]]:
    """The words in Kafka, and the words in Postgres."""
    records = follow(stack.kafka.settings, [TOPIC.name], start="beginning", until_end=True)
    in_kafka = [(record.value or b"").decode() async for record in records]
    return in_kafka, await words(stack.postgres)


async def words(server: EmbeddedPostgres) -> list[str]:
    connection = await asyncpg.connect(server.dsn(), timeout=30)
    rows = await connection.fetch("select word from left_there")
    await connection.close()
    return [row["word"] for row in rows]


def test_data_survives_a_stop_and_a_kill_and_fresh_deletes_it(folder: Path) -> None:
    with started(folder, fresh=True) as stack:  # also works if there is nothing to delete
        asyncio.run(leave(stack, "first"))
    with started(folder) as stack:
        assert asyncio.run(found(stack)) == (["first"], ["first"])
        asyncio.run(leave(stack, "second"))
        stack.kafka.kill()
        stack.postgres.kill()
    with foreign_process() as foreign:
        pid_file = EmbeddedPostgres(folder / "postgres").data_folder() / "postmaster.pid"
        assert pid_file.exists()
        lines = pid_file.read_text().splitlines()
        pid_file.write_text("\n".join([str(foreign.pid), *lines[1:]]) + "\n")  # a reused process id
        with started(folder) as stack:
            assert asyncio.run(found(stack)) == (["first", "second"], ["first", "second"])
        assert foreign.poll() is None
    with started(folder, fresh=True) as stack:
        asyncio.run(leave(stack, "anew"))
        assert asyncio.run(found(stack)) == (["anew"], ["anew"])


@pytest.mark.parametrize("tie", ["tied", "orphan"])
def test_leftovers_of_a_killed_owner_are_cleaned_up(folder: Path, tie: str) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(folder), tie], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        kafka, postgres, *pids = map(int, owner.stdout.readline().split())
        servers = [psutil.Process(pid) for pid in pids]
        owner.send_signal(signal.SIGKILL)
    if tie == "tied":
        _, alive = psutil.wait_procs(servers, 60)
        assert alive == [], "the servers end with their owner"
    with started(folder, kafka, postgres) as stack:
        assert not any(server.is_running() for server in servers)
        asyncio.run(leave(stack, "after"))
        assert asyncio.run(found(stack)) == (["after"], ["after"])


async def lets_in(address: str) -> bool:
    try:
        await (await asyncpg.connect(address, timeout=30)).close()
    except asyncpg.InvalidPasswordError:
        return False
    return True


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


def test_other_users_of_the_machine_cannot_log_in_to_postgres(folder: Path) -> None:
    with started_postgres(folder) as server:
        owner = server.dsn()
        assert asyncio.run(lets_in(owner))
        asyncio.run(logins.make_logins(owner))
        for own in (logins.reader(owner), logins.writer(owner)):
            assert asyncio.run(lets_in(own))
        for login in (USER, "pointsman_reader", "pointsman_writer", "postgres"):
            for password in (None, "wrong"):
                assert not asyncio.run(lets_in(as_login(owner, login, password))), (login, password)
    assert mode(folder / "postgres") == "0o700"
    assert mode(folder / "postgres" / "password") == "0o600"
    with started_postgres(folder) as server:
        assert asyncio.run(lets_in(owner.replace(f":{urlsplit(owner).port}/", f":{server.port}/")))


def test_a_folder_without_passwords_gets_them_and_keeps_its_data(folder: Path) -> None:
    with started_postgres(folder) as server:
        for statement in (
            "create table left_there as select 'before' as word",
            "create role pointsman_reader login",
            f"alter user {USER} password null",
        ):
            server.psql(USER, statement)
        server.kill()  # so it also has to recover
    rules = EmbeddedPostgres(folder / "postgres").data_folder() / "pg_hba.conf"
    rules.write_text(f"# as it once was\nhost all all {LOOPBACK}/32 trust\n")
    (folder / "postgres" / "password").unlink(missing_ok=True)
    (folder / "postgres").chmod(0o755)
    with started_postgres(folder) as server:
        owner = server.dsn()
        for login in (USER, "pointsman_reader"):
            assert not asyncio.run(lets_in(as_login(owner, login)))
        assert asyncio.run(words(server)) == ["before"]
        asyncio.run(logins.make_logins(owner))
        assert asyncio.run(lets_in(logins.reader(owner)))
    assert mode(folder / "postgres") == "0o700"


def test_an_incomplete_database_cluster_is_created_again(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    server.stop()
    (server.data_folder() / "global" / "pg_control").unlink()
    (folder / "postgres" / "unfinished").touch()
    server.start()
    server.create_database("usable")
    server.stop()


def test_ports_taken_by_others_are_replaced(folder: Path) -> None:
    stack = Stack(folder)
    with (
        socket.create_server((LOOPBACK, stack.kafka.port)) as kafka,
        socket.create_server((LOOPBACK, stack.postgres.port)) as postgres,
    ):
        try:
            stack.start()
            taken = {kafka.getsockname()[1], postgres.getsockname()[1]}
            assert not taken & {stack.kafka.port, stack.postgres.port}
            asyncio.run(leave(stack, "there"))
            assert asyncio.run(found(stack)) == (["there"], ["there"])
        finally:
            stack.stop()


def test_a_server_that_ends_by_itself_is_noticed(folder: Path) -> None:
    with started(folder) as stack:
        stack.check()
        psutil.Process(stack.kafka.child.pid).kill()
        stack.kafka.child.wait(30)
        with pytest.raises(Exception, match=r"Kafka ended by itself \(killed by SIGKILL\)") as raised:
            stack.check()
        assert str(folder / "kafka" / "broker.log") in raised.value.hint  # type: ignore[attr-defined]
