"""`pointsman dev --secure` as a process: jobs are done, each service has a login, secrets stay private."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pointsman.dev import samples
from pointsman.dev.ports import free_port
from pointsman.dev.servers.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.stack, pytest.mark.slow]

DEV = [sys.executable, "-m", "pointsman.cli.main", "dev"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("dev")
    yield folder
    EmbeddedPostgres(folder / ".pointsman" / "postgres").remove()


def command(*flags: str) -> list[str]:
    ports = {name: str(free_port()) for name in ("--kafka-port", "--postgres-port", "--simulator-port")}
    return [*DEV, *(word for pair in ports.items() for word in pair), *flags]


#: The arguments of a process, which every local user can read, and its environment.
Seen = dict[str, dict[str, str]]
Ended = tuple[int, str, str, Seen]


def look(process: psutil.Process) -> Seen:
    """Records the arguments and environment of a process and its descendants."""
    seen = {}
    for member in (process, *process.children(recursive=True)):
        try:
            seen["\0".join(member.cmdline())] = member.environ()
        except psutil.Error:
            continue
    return seen


def run(place: Path, *flags: str) -> Ended:
    """Returns how the command ended, its output, and its processes while it ran."""
    with (place / "out").open("w+") as out, (place / "err").open("w+") as err:
        with subprocess.Popen(command(*flags), cwd=place, stdout=out, stderr=err) as process:
            seen: Seen = {}
            watched = psutil.Process(process.pid)
            while process.poll() is None:
                seen |= look(watched)
                time.sleep(0.02)  # leaves the processor to the stack
        out.seek(0)
        err.seek(0)
        return process.returncode, out.read(), err.read(), seen


@pytest.fixture(scope="module")
def ended(place: Path) -> Ended:
    return run(place, "--secure", "--once", "--json", "--fresh")


def secrets_of(data: Path) -> set[str]:
    """Every password and key."""
    all_secrets = {file.read_text() for file in (data / "secure").glob("*.password")}
    all_secrets |= {(data / "postgres" / "password").read_text()}
    all_secrets |= {file.read_text().strip() for file in (data / "secure").glob("*.key")}
    for file in (data / "secure").glob("*.env"):
        all_secrets |= set(re.findall(r"postgresql://[^:]+:(\w+)@", file.read_text()))
    for file in (data / "secure").glob("*.pem"):
        key = re.search(r"PRIVATE KEY-+\n([^-]+)\n-", file.read_text())
        all_secrets |= {key[1]} if key else set()
    return all_secrets


def test_the_sample_jobs_end_with_minimal_rights(ended: Ended, place: Path) -> None:
    code, out, err, _ = ended
    assert code == 0, err
    report = json.loads(out)
    assert report["ok"] is True and report["missing"] == []
    waiting = report["waiting"]
    assert len(waiting) == 5, "for a person to decide"
    assert {job["state"] for job in report["jobs"] if job["job_id"] not in waiting} == {"completed"}
    assert len(report["published"]) == len(samples.load())
    assert "Denied" not in (place / ".pointsman" / "kafka" / "broker.log").read_text()


def test_each_process_gets_only_its_own_login(ended: Ended) -> None:
    own = {
        words.partition("\0run\0")[2]: environment
        for words, environment in ended[3].items()
        if "\0run\0" in words
    }
    services = {"router": "router", "review": "review", "gateway": "gateway", "audit": "audit"}
    addresses = {"audit": ["POINTSMAN_POSTGRES_WRITER"], "gateway": ["POINTSMAN_POSTGRES"]}
    services |= {f"worker\0--tier\0{tier}": f"worker.{tier}" for tier in ("small", "medium", "frontier")}
    assert services.keys() < own.keys(), "and the provider"
    for name, user in services.items():
        variables = {key: value for key, value in own[name].items() if key.startswith("POINTSMAN_")}
        assert variables["POINTSMAN_KAFKA_USERNAME"] == f"pointsman.{user}"
        assert variables["POINTSMAN_KAFKA_PASSWORD_FILE"].endswith(f"/secure/pointsman.{user}.password")
        in_postgres = [key for key, value in variables.items() if value.startswith("postgresql://")]
        assert in_postgres == addresses.get(user, []), name
    (provider,) = own.keys() - services.keys()
    assert not {"POINTSMAN_KAFKA_USERNAME", "POINTSMAN_KAFKA_PASSWORD_FILE"} & own[provider].keys()


def test_no_secret_is_in_a_log_or_a_command_line(ended: Ended, place: Path) -> None:
    _, out, err, seen = ended
    data = place / ".pointsman"
    hidden = secrets_of(data)
    assert len(hidden) > 25 and all(len(secret) >= 32 for secret in hidden)
    assert any("StorageTool" in words for words in seen) and any("worker" in words for words in seen)
    texts = {"output": out + err, "arguments": "\n".join(seen)}
    texts |= {str(log): log.read_bytes().decode(errors="replace") for log in data.rglob("*.log*")}
    texts |= {str(file): file.read_text() for file in data.rglob("*.properties")}
    assert len(texts) > 8
    for where, text in texts.items():
        assert not [secret for secret in hidden if secret in text], where


def test_files_with_secrets_are_private(ended: Ended, place: Path) -> None:
    data = place / ".pointsman"
    hidden = secrets_of(data)
    holders = {
        file
        for folder in (data, data / "secure", data / "postgres")
        for file in folder.iterdir()
        if file.is_file() and any(secret in file.read_text(errors="replace") for secret in hidden)
    }
    assert len(holders) > 20
    assert {oct(file.stat().st_mode & 0o777) for file in holders} == {"0o600"}
    assert {oct((data / name).stat().st_mode & 0o777) for name in ("secure", "kafka", "postgres")} == {
        "0o700"
    }
    settings = (data / "settings.env").read_text()
    assert "POINTSMAN_KAFKA_USERNAME=pointsman.operator\n" in settings
    assert "//pointsman.operator:" in settings and "//pointsman:" not in settings, "not the owner"


def test_a_service_has_a_login_in_postgres_only_where_it_needs_one(ended: Ended, place: Path) -> None:
    secure = place / ".pointsman" / "secure"
    with_login = {
        file.name.removesuffix(".env") for file in secure.glob("*.env") if "postgresql://" in file.read_text()
    }
    assert with_login == {
        f"pointsman.{name}" for name in ("audit", "auditor", "operator", "gateway", "admin")
    }


def test_a_secure_folder_is_not_started_without_security(ended: Ended, place: Path) -> None:
    code, out, err, _ = run(place, "--once")
    assert (code, out) == (1, "")
    assert re.fullmatch(
        r"error: the data in .*\.pointsman was made with --secure; without it everybody could read it\n"
        r" hint: start it as it was: .*\n",
        err,
    )
