"""A real Kafka broker without Docker: one KRaft node from its published jars."""

import base64
import contextlib
import os
import socket
import ssl
import struct
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from pointsman.dev import jars
from pointsman.dev.errors import server_error
from pointsman.dev.ports import LOOPBACK
from pointsman.dev.servers.broker_security import BrokerSecurity
from pointsman.dev.servers.child import Child, set_aside
from pointsman.dev.servers.java import find_java
from pointsman.dev.servers.listeners import Listener, Listeners
from pointsman.dev.servers.server import EmbeddedServer
from pointsman.runtime.private_file import write_private
from pointsman.runtime.settings import KafkaPart

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
{listeners}
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
add.partitions.to.txn.retry.backoff.ms=2
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
auto.create.topics.enable=false
log.cleaner.dedupe.buffer.size=4194304
message.max.bytes=8388608
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=1000
metadata.max.idle.interval.ms=0
num.io.threads={io_threads}
num.network.threads={network_threads}
group.coordinator.threads=1
share.coordinator.threads=1
"""
#: Kafka's defaults are the upper limit. With fewer processors there are fewer threads, as each one polls.
_IO_THREADS, _NETWORK_THREADS = 8, 3

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
logger.denied.name=kafka.authorizer.logger
logger.denied.level=info
rootLogger.level=warn
rootLogger.appenderRef.file.ref=file
"""


class EmbeddedKafka(EmbeddedServer):
    """A broker on the loopback interface. Its data stays in `folder`.

    With `security`, clients need TLS and a password; without it every local client has access. `listeners`
    are additional ones. `scram` lists users in the syntax of `kafka-storage format --add-scram`. `jvm_flags`
    follow the default flags, so they override them.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        *,
        security: BrokerSecurity | None = None,
        listeners: Sequence[Listener] = (),
        scram: Sequence[str] = (),
        jvm_flags: Sequence[str] = (),
    ) -> None:
        super().__init__("Kafka", folder, port, ("broker.log", "output.log"))
        self._security = security
        self._more = listeners
        self._scram = scram
        self._jvm_flags = jvm_flags

    @property
    def bootstrap(self) -> str:
        """The broker's host and port for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def settings(self) -> KafkaPart:
        """Client settings for this broker, as super user if it has one, whatever the environment."""
        return self._security.settings(self.bootstrap) if self._security else loopback(self.bootstrap)

    @property
    def formatted(self) -> bool:
        """Whether the folder holds a broker's data."""
        return (self._folder / "data" / "meta.properties").exists()

    @property
    def formatted_secure(self) -> bool:
        """Whether the data was written by a broker that requires a login."""
        return "authorizer.class.name=" in (self._folder / "server.properties").read_text()

    def start(self) -> None:
        """Start the broker and wait until it answers.

        Raises:
            DevError: there is no Java, a jar is unavailable, or the broker ended; then its log is quoted.
        """
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the broker without waiting. The first start formats the folder."""
        java = find_java()
        cache = jars.cache_folder() / f"kafka-{jars.KAFKA}"
        paths = jars.fetch(jars.read_lock(jars.LOCK_FILE.read_text()), cache)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)  # it holds job contents and credentials
        if self._security:
            self._security.prepare()
        properties = self._write_settings()
        if not self.formatted:
            self._format([*self._java(java), *_class_path(paths)], properties)
        command = [*self._java(java), *self._jvm_flags, *_class_path(paths), "kafka.Kafka", properties]
        for log in self._logs:
            set_aside(log)
        self._child = Child(command, self._logs[1])  # the output of the Java VM itself

    def wait_ready(self) -> None:
        """Wait until the broker answers."""
        tls = self._security.tls if self._security else None
        self._wait(lambda port: answers(port, tls), self.launch)

    def _java(self, java: Path) -> list[str | Path]:
        return [
            java, "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
            "-XX:-UsePerfData", "-Xlog:disable", f"-XX:ErrorFile={self._folder / 'java-crash.log'}",
            f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}",
        ]  # fmt: skip

    @property
    def _listeners(self) -> Listeners:
        if self._security:
            return self._security.listeners(self.port)
        plain = Listener("PLAINTEXT", "PLAINTEXT", port=self.port)
        return Listeners([plain, *self._more], plain, Listener("CONTROLLER", "PLAINTEXT"))

    def _write_settings(self) -> Path:
        properties = self._folder / "server.properties"
        listeners = "\n".join(self._listeners.lines + (self._security.lines if self._security else []))
        processors = os.cpu_count() or 1
        properties.write_text(
            _PROPERTIES.format(
                listeners=listeners,
                data=self._folder / "data",
                io_threads=min(_IO_THREADS, max(2, processors)),
                network_threads=min(_NETWORK_THREADS, max(1, processors // 2)),
            )
        )
        (self._folder / "log4j2.properties").write_text(_LOGGING.format(log=self._folder / "broker.log"))
        return properties

    def _format(self, command: list[str | Path], properties: Path) -> None:
        tool: list[str | Path] = [*command, "kafka.tools.StorageTool", "format", "--standalone"]
        tool += ["-t", new_cluster_id(), "-c", properties]
        users = [*self._scram, *(self._security.users if self._security else ())]
        file = self._folder / "users"  # not as arguments, which every local user can read
        if users:
            write_private(file, "".join(f"--add-scram\n{user}\n" for user in users))
            tool.append(f"@{file}")
        done = subprocess.run(tool, capture_output=True, text=True, check=False)
        file.unlink(missing_ok=True)
        if done.returncode != 0:
            output = (done.stderr or done.stdout)[-800:]
            raise server_error(
                f"Kafka cannot prepare its folder {self._folder}", output, "begin anew: pointsman dev --fresh"
            )


def broker_at(bootstrap: str) -> dict[str, str]:
    """Return the environment of a process that connects to a broker of this machine, without a login."""
    return environment(loopback(bootstrap))


def environment(part: KafkaPart) -> dict[str, str]:
    """Return environment variables that connect a process as `part` says and override inherited ones."""
    fields = part.model_dump(exclude={"prefix", "kafka_client_id", "kafka_password", "kafka_key_password"})
    fields |= {"kafka_password": None, "kafka_key_password": None}  # others can read an environment
    return {
        f"POINTSMAN_{name.upper()}": "" if value is None else str(value) for name, value in fields.items()
    }


def loopback(bootstrap: str) -> KafkaPart:
    """Return client settings for a broker of this machine, without TLS or a login."""
    return KafkaPart(kafka=bootstrap, kafka_security_protocol="PLAINTEXT")


def _class_path(paths: list[Path]) -> list[str]:
    return ["-cp", os.pathsep.join(str(path) for path in paths)]


def new_cluster_id() -> str:
    """Return a random id in Kafka's format; never with a leading `-`, which tools would take for a flag."""
    while True:
        id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not id.startswith("-"):
            return id


def answers(port: int, tls: ssl.SSLContext | None = None) -> bool:
    """Return whether the broker at `port` answers an ApiVersions request, which needs no login."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with contextlib.ExitStack() as opened:
            connection = opened.enter_context(socket.create_connection((LOOPBACK, port), 1))
            connection.settimeout(2)
            if tls is not None:
                connection = opened.enter_context(tls.wrap_socket(connection, server_hostname=LOOPBACK))
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(10)
    except OSError:
        return False
    return len(answer) == 10 and answer[8:10] == b"\0\0"
