"""Kafka and Postgres together, in one data folder that only one process may use at a time."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from pointsman.dev.errors import DiskFullError, FolderTakenError
from pointsman.dev.kafka import EmbeddedKafka, keep_class_archive
from pointsman.dev.ports import require_free
from pointsman.dev.postgres import EmbeddedPostgres

KAFKA_PORT = 19092
POSTGRES_PORT = 15432

_ROOM_BYTES = 1_000_000_000


class Stack:
    """Both servers; without ports they take free ones."""

    def __init__(self, folder: Path, kafka_port: int | None = None, postgres_port: int | None = None) -> None:
        self._folder = folder
        self._kafka_port = kafka_port
        self._postgres_port = postgres_port
        self._lock: TextIO | None = None
        self.kafka = EmbeddedKafka(folder / "kafka", kafka_port)
        self.postgres = EmbeddedPostgres(folder / "postgres", postgres_port)

    def start(self, *, fresh: bool = False, say: Callable[[str], None] = lambda _: None) -> None:
        """Start both at once; `fresh` deletes their data first.

        Raises:
            DevError: with a hint.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._take_folder()
        if fresh:
            say("deleting the old data")
            self.postgres.remove()
            shutil.rmtree(self._folder / "kafka", ignore_errors=True)
        self._check_room()
        if self._kafka_port:
            require_free(self._kafka_port, "Kafka", "--kafka-port")
        if self._postgres_port:
            require_free(self._postgres_port, "Postgres", "--postgres-port")
        say("starting Kafka and Postgres")
        self.kafka.launch()
        self.postgres.start()
        self.kafka.wait_ready()

    def stop(self) -> None:
        """Stop both; the data stays."""
        self.kafka.stop()
        self.postgres.stop()
        keep_class_archive()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_folder(self) -> None:
        lock = (self._folder / "lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise FolderTakenError(
                f"another `pointsman dev` uses {self._folder.resolve()}",
                "stop it first, or take another folder: pointsman dev --data OTHER --kafka-port 19192 "
                "--postgres-port 15532 --simulator-port 18180",
            ) from None
        self._lock = lock

    def _check_room(self) -> None:
        free = shutil.disk_usage(self._folder).free
        if free < _ROOM_BYTES:
            raise DiskFullError(
                f"{self._folder.resolve()} has {free / 1e6:.0f} MB left; Kafka and Postgres want 1,000 MB",
                "make room, or put the data elsewhere: pointsman dev --data DIR",
            )
