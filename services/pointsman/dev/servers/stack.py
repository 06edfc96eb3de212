"""Kafka and Postgres together, in one data folder that only one process can use at a time."""

import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from pointsman.dev.errors import DevError, folder_error
from pointsman.dev.ports import require_free
from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.servers.kafka import EmbeddedKafka
from pointsman.dev.servers.left_running import LeftRunning
from pointsman.dev.servers.postgres import EmbeddedPostgres

_ROOM_BYTES = 1_000_000_000
_ELSEWHERE = "put the data elsewhere: pointsman dev --data DIR"


class Stack:
    """Both servers, on free ports unless ports are given. `secure`: Kafka admits nobody without a login."""

    def __init__(
        self,
        folder: Path,
        kafka_port: int | None = None,
        postgres_port: int | None = None,
        *,
        secure: bool = False,
        jvm_flags: Sequence[str] = (),
    ) -> None:
        self._folder = folder.absolute()
        self._kafka_port = kafka_port
        self._postgres_port = postgres_port
        self._lock: int | None = None
        self.running = LeftRunning(self._folder / "running")
        self.security = BrokerSecurity(folder / "secure") if secure else None
        self.kafka = EmbeddedKafka(folder / "kafka", kafka_port, security=self.security, jvm_flags=jvm_flags)
        self.postgres = EmbeddedPostgres(folder / "postgres", postgres_port)

    def claim(self) -> None:
        """Lock the folder, and end processes that a killed owner left running. `start` does it if need be.

        Raises:
            DevError: the folder cannot be used, or another process has it.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_folder()
            self.running.end()
        except OSError as error:
            raise folder_error(self._folder, error, _ELSEWHERE) from error

    def start(self, *, fresh: bool = False, say: Callable[[str], None] = lambda _: None) -> None:
        """Start both servers and wait until they answer. Raises what `launch` and `wait_ready` raise."""
        self.launch(fresh=fresh, say=say)
        self.wait_ready()

    def launch(self, *, fresh: bool = False, say: Callable[[str], None] = lambda _: None) -> None:
        """Start both servers without waiting for Kafka; `fresh` deletes their data first.

        Raises:
            DevError: a port, the folder or the disk is not usable, or a server failed.
        """
        if self._lock is None:
            self.claim()
        if self._kafka_port:
            require_free(self._kafka_port, "Kafka", "--kafka-port")
        if self._postgres_port:
            require_free(self._postgres_port, "Postgres", "--postgres-port")
        try:
            if fresh:
                say("deleting the old data")
                self._delete()
            self._require_same_mode()
            self._check_room()
            say("starting Kafka and Postgres")
            self.kafka.launch()
            self.running.note(self.kafka.child.pid)
            self.postgres.start()
            self.running.note(self.postgres.child.pid, signal.SIGINT)
        except OSError as error:
            raise folder_error(self._folder, error, _ELSEWHERE) from error

    def wait_ready(self) -> None:
        """Wait until both servers answer. Raises DevError."""
        self.kafka.wait_ready()
        self.running.note(self.kafka.child.pid)  # a new process, if it had to move to another port

    def check(self) -> None:
        """Raise DevError if one of the servers has ended by itself."""
        self.kafka.check()
        self.postgres.check()

    def stop(self) -> None:
        """Stop both servers; the data stays."""
        self.kafka.stop()
        self.postgres.stop()
        if self._lock is not None:
            self.running.forget()
            os.close(self._lock)
            self._lock = None

    def _delete(self) -> None:
        self.postgres.remove()
        for name in ("kafka", "secure", "logs", "claims", "checkpoints"):
            if (self._folder / name).exists():
                shutil.rmtree(self._folder / name)

    def _require_same_mode(self) -> None:
        secure = self.security is not None
        if not self.kafka.formatted or self.kafka.formatted_secure == secure:
            return
        if secure:
            raise DevError(
                f"the data in {self._folder} was made without --secure: it has no users and no ACLs",
                "begin anew: pointsman dev --secure --fresh; or keep it: pointsman dev --secure --data OTHER",
            )
        raise DevError(
            f"the data in {self._folder} was made with --secure; without it everybody could read it",
            "start it as it was: pointsman dev --secure; or begin anew: pointsman dev --fresh",
        )

    def _take_folder(self) -> int:
        # The lock ends with this process; the file's text is for other processes' error messages.
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            me = f"{os.getpid()}\n".encode()
            os.write(lock, me)
            os.truncate(lock, len(me))
        except BlockingIOError:
            owner = os.read(lock, 20).decode().strip()
            os.close(lock)
            raise DevError(
                f"another `pointsman dev` uses {self._folder}" + (f" (process {owner})" if owner else ""),
                "stop it first, or take another folder: pointsman dev --data OTHER --kafka-port 19192 "
                "--postgres-port 15532 --simulator-port 18180",
            ) from None
        except OSError:
            os.close(lock)
            raise
        return lock

    def _check_room(self) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < _ROOM_BYTES:
            raise DevError(
                f"{self._folder} has {free / 1e6:.0f} MB left; Kafka and Postgres want 1,000 MB",
                f"make room, or {_ELSEWHERE}",
            )
