"""A real PgBouncer in front of a database, which tests can kill and restart."""

import os
import pwd
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import pytest

from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.servers.child import Child
from pointsman.store.roles import as_login
from tests.support.store.audit_store import as_auditor, as_writer

#: server_round_robin: of two free sessions, the longer idle one gets the next transaction.
_SETTINGS = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
default_pool_size = {sessions}
server_round_robin = 1
server_login_retry = 1
query_wait_timeout = 10
"""


class PgBouncer:
    """`dsn`: the database's address through it; `sessions`: number for each user and database."""

    def __init__(self, program: str, folder: Path, database: str, *, mode: str, sessions: int) -> None:
        parts = urlsplit(database)
        self.port = free_port()
        owner = as_login(database, parts.username or "", parts.password)
        logins = [urlsplit(dsn) for dsn in (owner, as_writer(database), as_auditor(database))]
        users, settings = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text(
            "".join(f'"{login.username}" "{unquote(login.password or "")}"\n' for login in logins)
        )
        settings.write_text(
            _SETTINGS.format(
                host=parts.hostname,
                port=parts.port,
                listen=self.port,
                users=users,
                mode=mode,
                sessions=sessions,
            )
        )
        self.dsn = urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{self.port}"))
        self._command, self._log = (program, settings), folder / "log"
        self.start()

    def start(self) -> None:
        """Returns once it answers."""
        user = None
        if os.geteuid() == 0:  # it refuses to run as root
            nobody = pwd.getpwnam("nobody")
            user = nobody.pw_uid, nobody.pw_gid
        self._child = Child(self._command, self._log, user=user)
        give_up = time.monotonic() + 30
        while self._child.running and time.monotonic() < give_up:
            with socket.socket() as trial:
                if trial.connect_ex((LOOPBACK, self.port)) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError(f"PgBouncer does not answer: {self._log.read_text()[-2_000:]}")

    def kill(self) -> None:
        """Sends SIGKILL, which breaks all connections."""
        self._child.kill()


@contextmanager
def pgbouncer(database: str, *, mode: str = "transaction", sessions: int = 1) -> Iterator[PgBouncer]:
    """Runs the program found on the path. Skips the test if there is none."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("there is no pgbouncer on the path")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        pooler = PgBouncer(program, Path(folder), database, mode=mode, sessions=sessions)
        try:
            yield pooler
        finally:
            pooler.kill()
