"""How `publish` reads flags, files and stdin before it sends anything."""

import asyncio
import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pointsman.bus.errors import KafkaUnavailableError
from pointsman.cli.jobs import publish as command
from pointsman.cli.jobs import send as sender
from pointsman.cli.jobs.send import Sending, send
from pointsman.cli.main import app
from pointsman.runtime.errors import CommandError
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.jobs import Job


class Sent:
    """A double of Kafka that keeps what would be sent."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.sending: Sending | None = None
        self.completes = True

    async def send(self, jobs: Sequence[Job], sending: Sending) -> bool:
        self.jobs, self.sending = list(jobs), sending
        return self.completes


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sent:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POINTSMAN_AGENT", raising=False)
    recorded = Sent()
    monkeypatch.setattr(sender, "send", recorded.send)
    return recorded


def publish(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["publish", *arguments], input=stdin)


def lines(*jobs: Any) -> str:
    return "".join(f"{job if isinstance(job, str) else json.dumps(job)}\n" for job in jobs)


GOOD = {"agent_id": "a", "prompt": "Why?"}


def test_flags_become_one_job(sent: Sent) -> None:
    done = publish(
        "--agent", "billing", "--prompt", "Sum this.", "--kind", "extract", "--tier", "small",
        "--metadata", "customer=42", "--metadata", "note=two words", "--order-key", "k", "--deadline", "1h",
        "--param", "temperature=0.2", "--param", 'stop=["x"]',
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (job,) = sent.jobs
    assert (job.agent_id, job.kind, job.tier, job.order_key) == ("billing", "extract", "small", "k")
    assert job.metadata == {"customer": 42, "note": "two words"}
    assert job.request.messages[0].content == "Sum this."
    assert job.request.model_extra == {"temperature": 0.2, "stop": ["x"]}
    assert job.deadline is not None


def test_a_prompt_may_come_from_stdin_or_be_a_whole_conversation(sent: Sent) -> None:
    assert publish("--agent", "a", "--prompt", "-", stdin="Two\nlines\n").exit_code == 0
    assert sent.jobs[0].request.messages[0].content == "Two\nlines\n"
    messages = 'messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]'
    assert publish("--agent", "a", "--param", messages).exit_code == 0
    assert [message.role for message in sent.jobs[0].request.messages] == ["system", "user"]


def test_the_agent_may_come_from_the_environment(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_AGENT", "from-shell")
    assert publish("--prompt", "Hi").exit_code == 0
    assert sent.jobs[0].agent_id == "from-shell"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--prompt", "x"], "--agent"),
        (["--agent", "a"], "--prompt"),
        (["--agent", "a", "--prompt", " "], "prompt: must not be empty"),
        (["--agent", "a b", "--prompt", "x"], "agent_id"),
        (["--agent", "a", "--prompt", "x", "--tier", "No Such"], "tier"),
        (["--agent", "a", "--prompt", "x", "--deadline", "soon"], "30s, 5m"),
        (["--agent", "a", "--prompt", "x", "--param", "t"], "NAME=VALUE"),
        (["--agent", "a", "--prompt", "x", "--timeout", "5"], "--wait"),
        (["jobs.jsonl", "--prompt", "x"], "single job"),
    ],
)
def test_wrong_usage_is_reported_and_nothing_is_sent(arguments: list[str], expected: str, sent: Sent) -> None:
    done = publish(*arguments)
    assert done.exit_code == 2
    assert expected in done.output
    assert sent.sending is None


@pytest.mark.parametrize("arguments", [["jobs.jsonl"], ["--jsonl", "jobs.jsonl"], ["-"], ["--jsonl", "-"]])
def test_lines_come_from_a_file_or_from_stdin(arguments: list[str], sent: Sent, tmp_path: Path) -> None:
    text = lines(GOOD, "", {"prompt": "Who?"})
    (tmp_path / "jobs.jsonl").write_text(text)
    assert publish(*arguments, "--agent", "flag", stdin=text).exit_code == 0
    assert [job.agent_id for job in sent.jobs] == ["a", "flag"]


def test_nothing_is_sent_if_one_line_is_bad(sent: Sent) -> None:
    done = publish("-", stdin=lines(GOOD, "{", {"agent_id": "a"}))
    assert isinstance(done.exception, CommandError)
    assert done.exception.code == 1
    assert "2 of 3 lines are not jobs; nothing was sent" in done.exception.problem
    assert "--skip-bad" in done.exception.hint
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["line 2", "line 3"]
    assert sent.sending is None


def test_good_lines_can_be_sent_despite_bad_ones_with_a_failing_exit_code(sent: Sent) -> None:
    done = publish("-", "--skip-bad", stdin=lines(GOOD, "{", GOOD))
    assert (done.exit_code, len(sent.jobs)) == (1, 2)
    assert "line 2: " in done.stderr


def test_many_bad_lines_are_summarised(sent: Sent) -> None:
    done = publish("-", stdin="{\n" * 100)
    assert len(done.stderr.splitlines()) == command.SHOWN + 1
    assert done.stderr.endswith("... and 80 more\n")
    assert sent.sending is None


@pytest.mark.parametrize(("source", "code"), [("-", 1), ("missing.jsonl", 2)])
def test_no_jobs_is_an_error(source: str, code: int, sent: Sent) -> None:
    done = publish(source)
    assert isinstance(done.exception, CommandError)
    assert done.exception.code == code
    assert sent.sending is None


@pytest.mark.parametrize(("completes", "code"), [(True, 0), (False, 1)])
def test_a_job_that_did_not_complete_fails_the_command(completes: bool, code: int, sent: Sent) -> None:
    sent.completes = completes
    assert publish("--agent", "a", "--prompt", "x", "--wait", "--timeout", "5").exit_code == code
    assert sent.sending is not None
    assert (sent.sending.wait, sent.sending.timeout_s) == (True, 5)


async def test_the_time_limit_covers_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kafka = KafkaPart(kafka=f"127.0.0.1:{silent.getsockname()[1]}")
        async with asyncio.timeout(5):
            with pytest.raises(KafkaUnavailableError, match=r"within 0\.05 s: nothing was published"):
                await send([], Sending(kafka, wait=True, timeout_s=0.05, as_json=False))
