"""A real Kafka broker without Docker: one KRaft node from its published jars."""

import base64
import os
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.dev import jars
from pointsman.dev.errors import DevError, server_error
from pointsman.dev.ports import LOOPBACK, free_port
from pointsman.dev.servers.child import Child, set_aside
from pointsman.dev.servers.class_archive import GC, ClassArchive
from pointsman.dev.servers.java import Java, find_java
from pointsman.runtime.settings import KafkaPart

_READY_WITHIN_S = 60.0

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}{more_listeners}
advertised.listeners=PLAINTEXT://{host}:{port}{more_listeners}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{more_protocols}
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
add.partitions.to.txn.retry.backoff.ms=2
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=4194304
message.max.bytes=8388608
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
{more}
"""

_LOGGING = """\
status=error
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={log}
appender.file.filePattern={log}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %p %c{{1}}: %m%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=2
rootLogger.level=warn
rootLogger.appenderRef.file.ref=file
"""


@dataclass(frozen=True)
class Listener:
    """A further way to a broker, beside the plain one. `settings`: its own, as Kafka names them."""

    name: str
    protocol: str
    settings: Mapping[str, str]
    port: int = field(default_factory=free_port)

    @property
    def lines(self) -> list[str]:
        """Its settings in the broker's file."""
        return [f"listener.name.{self.name.lower()}.{name}={value}" for name, value in self.settings.items()]


class EmbeddedKafka:
    """A broker on the loopback; its data is in `folder` and stays there.

    `listeners`: further ones. `scram`: users, as `kafka-storage format --add-scram` takes them.
    `jvm_flags`: after our own, so they prevail.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        heap: str = "256m",
        listeners: Sequence[Listener] = (),
        scram: Sequence[str] = (),
        jvm_flags: Sequence[str] = (),
    ) -> None:
        self._folder = folder.resolve()
        self._heap = heap
        self._listeners = listeners
        self._scram = scram
        self._jvm_flags = jvm_flags
        self.port = port or free_port()
        self._may_move = port is None
        self._child: Child | None = None
        self._archive: ClassArchive | None = None

    @property
    def bootstrap(self) -> str:
        """Host and port for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def settings(self) -> KafkaPart:
        """The same, whatever the environment says of another cluster."""
        return loopback(self.bootstrap)

    @property
    def child(self) -> Child:
        """The running process."""
        assert self._child is not None, "not started"
        return self._child

    def start(self) -> None:
        """Start, and return when it answers.

        Raises:
            DevError: no Java, no jars, or the broker ends; its log says why.
        """
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting; the first time formats the folder."""
        java = find_java()
        cache = jars.cache_folder() / f"kafka-{jars.KAFKA}"
        paths = jars.fetch(jars.read_lock(jars.LOCK_FILE.read_text()), cache)
        self._folder.mkdir(parents=True, exist_ok=True)
        properties = self._write_settings()
        self._archive = ClassArchive(cache, java)
        if not (self._folder / "data" / "meta.properties").exists():
            self._format([*self._java(java), *_class_path(paths)], properties)
        flags = [*self._java(java), *self._jvm_flags, *self._archive.flags()]
        command = [*flags, *_class_path(paths), "kafka.Kafka", properties]
        for log in (self._output, self._folder / "broker.log"):
            set_aside(log)
        self._child = Child(command, self._output)

    def wait_ready(self) -> None:
        """Return when it answers; where nobody chose its port and another program has it now, on another."""
        give_up = time.monotonic() + _READY_WITHIN_S
        while not (self.child.running and answers(self.port)):
            if not self.child.running and self._may_move and self._port_was_taken():
                self.port = free_port()
                self.launch()
            elif not self.child.running or time.monotonic() > give_up:
                self.child.kill()
                raise self._failed("Kafka did not start")
            time.sleep(0.05)
        self._may_move = False  # from now on others know it

    def _port_was_taken(self) -> bool:
        logs = [log for log in (self._folder / "broker.log", self._output) if log.exists()]
        return any("Address already in use" in log.read_text(errors="replace") for log in logs)

    def stop(self) -> None:
        """Shut down cleanly; the data stays."""
        if self._child is None:
            return
        clean = self._child.stop()
        self._child = None
        if self._archive is not None:
            self._archive.keep() if clean else self._archive.discard()

    def kill(self) -> None:
        """SIGKILL; `start` brings it back on the same port and data."""
        self.child.kill()
        self._child = None
        if self._archive is not None:
            self._archive.discard()

    def check(self) -> None:
        """Raises DevError when it has ended by itself."""
        if self._child is not None and not self._child.running:
            raise self._failed(f"Kafka ended by itself ({self._child.end})")

    @property
    def _output(self) -> Path:
        """What Java itself has to say; the broker's log is `broker.log`."""
        return self._folder / "output.log"

    def _failed(self, problem: str) -> DevError:
        log = self._folder / "broker.log"
        output = "".join(
            file.read_text(errors="replace")[-800:] for file in (log, self._output) if file.exists()
        )
        return server_error(problem, output, f"read {log}, or begin anew: pointsman dev --fresh")

    def _java(self, java: Java) -> list[str | Path]:
        return [
            java.path, f"-Xmx{self._heap}", "-XX:TieredStopAtLevel=1", GC,
            "-Xlog:disable", f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}",
        ]  # fmt: skip

    def _write_settings(self) -> Path:
        properties = self._folder / "server.properties"
        properties.write_text(
            _PROPERTIES.format(
                host=LOOPBACK,
                port=self.port,
                controller=free_port(),
                data=self._folder / "data",
                more_listeners="".join(
                    f",{listener.name}://{LOOPBACK}:{listener.port}" for listener in self._listeners
                ),
                more_protocols="".join(
                    f",{listener.name}:{listener.protocol}" for listener in self._listeners
                ),
                more="\n".join(line for listener in self._listeners for line in listener.lines),
            )
        )
        (self._folder / "log4j2.properties").write_text(_LOGGING.format(log=self._folder / "broker.log"))
        return properties

    def _format(self, command: list[str | Path], properties: Path) -> None:
        arguments: list[str | Path] = ["format", "--standalone", "-t", new_cluster_id(), "-c", properties]
        for user in self._scram:
            arguments += ["--add-scram", user]
        done = subprocess.run(
            [*command, "kafka.tools.StorageTool", *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            output = (done.stderr or done.stdout)[-800:]
            raise server_error(
                f"Kafka cannot prepare its folder {self._folder}", output, "begin anew: pointsman dev --fresh"
            )


def broker_at(bootstrap: str) -> dict[str, str]:
    """The same for processes."""
    return {"POINTSMAN_KAFKA": bootstrap, "POINTSMAN_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}


def loopback(bootstrap: str) -> KafkaPart:
    """How our clients reach a broker of this machine's own."""
    return KafkaPart(kafka=bootstrap, kafka_security_protocol="PLAINTEXT")


def _class_path(paths: list[Path]) -> list[str]:
    return ["-cp", os.pathsep.join(str(path) for path in paths)]


def new_cluster_id(draw: Callable[[], uuid.UUID] = uuid.uuid4) -> str:
    """A random id as Kafka writes them, and none that its tools would take for a flag: no `-` in front."""
    while True:
        id = base64.urlsafe_b64encode(draw().bytes).decode().rstrip("=")
        if not id.startswith("-"):
            return id


def answers(port: int) -> bool:
    """Whether a broker on the loopback answers an ApiVersions request without an error."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with socket.create_connection((LOOPBACK, port), 1) as connection:
            connection.settimeout(2)
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(10)
    except OSError:
        return False
    return len(answer) == 10 and answer[8:10] == b"\0\0"
