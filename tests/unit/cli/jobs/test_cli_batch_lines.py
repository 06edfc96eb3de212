"""OpenAI batch files are read line by line, and answered in their format."""

import json
from typing import Any
from uuid import UUID

import pytest

from pointsman.cli.jobs.job_input import read_jobs
from pointsman.cli.jobs.send import Sending, _print_outcome
from pointsman.client.batch_lines import result_line
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.outcomes import JobCancelled, JobCompleted, JobExpired, JobFailed
from pointsman_schemas.reasons import FailReason
from tests.unit.cli.jobs.test_cli_job_input import NOW, job, now

BODY = {"model": "gpt-x", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0}
AGENT = {"agent_id": "billing"}
JOB = UUID("01920000-0000-7000-8000-000000000001")


def line(custom_id: object = "r-1", **changes: Any) -> bytes:
    batch = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": BODY}
    return json.dumps(batch | changes).encode()


def test_batch_lines_and_plain_jobs_may_be_mixed() -> None:
    given = {**AGENT, "metadata": {"run": 7}}
    jobs, bad, custom_ids = read_jobs([line("r-1"), job(), line("r-2")], given, now)
    assert not bad
    assert custom_ids == {jobs[0].job_id: "r-1", jobs[2].job_id: "r-2"}
    assert (jobs[0].agent_id, jobs[0].metadata) == ("billing", {"run": 7, "custom_id": "r-1"})
    assert jobs[0].request.model_dump(exclude_unset=True) == BODY


@pytest.mark.parametrize(
    ("bad_line", "says"),
    [
        pytest.param(line(""), "custom_id", id="no id"),
        pytest.param(line(7), "custom_id", id="an id that is no text"),
        pytest.param(line("x" * 513), "custom_id", id="a long id"),
        pytest.param(line(url="/v1/embeddings"), "only POST", id="another route"),
        pytest.param(line(method="GET"), "only POST", id="another method"),
        pytest.param(line(method=None), "only POST", id="no method"),
        pytest.param(line(body=[1]), "body: must", id="no body"),
        pytest.param(line(body={**BODY, "stream": True}), "body.stream", id="a stream"),
        pytest.param(line(body={"model": "m"}), "body.messages: is missing", id="no messages"),
        pytest.param(line(priority=1), "priority", id="more than there is"),
        pytest.param(line("r-0"), "repeats that of line 1", id="twice"),
    ],
)
def test_unsupported_lines_are_reported_by_number(bad_line: bytes, says: str) -> None:
    jobs, bad, custom_ids = read_jobs([line("r-0"), bad_line], AGENT, now)
    assert (len(jobs), len(custom_ids)) == (1, 1)
    assert bad[0].startswith("line 2: ")
    assert says in bad[0]


def test_the_agent_comes_from_a_flag() -> None:
    _, bad, _ = read_jobs([line()], {}, now)
    assert "--agent ID" in bad[0]


def test_the_outcomes_are_lines_of_a_batchs_output() -> None:
    about: dict[str, Any] = {"job_id": JOB, "agent_id": "a", "tier": "small", "attempts": 1, "cost_usd": None}
    answer = {"choices": [{"message": {"content": "Hello"}}]}
    done = JobCompleted(**about, provider="p", model="m", usage=None, response=answer)
    assert result_line("r-1", done) == {
        "id": f"batch_req_{JOB.hex}",
        "custom_id": "r-1",
        "response": {"status_code": 200, "request_id": str(JOB), "body": answer},
        "error": None,
    }
    failed = JobFailed(**about, reason=FailReason.TIMEOUT, message="slow")
    expired = JobExpired(**about, deadline=NOW, message="late")
    cancelled = JobCancelled(**about, cancelled_by="a", message="no")
    assert [result_line("r-1", outcome)["error"] for outcome in (failed, expired, cancelled)] == [
        {"code": "timeout", "message": "slow"},
        {"code": "batch_expired", "message": "late"},
        {"code": "batch_cancelled", "message": "no"},
    ]


def test_results_are_printed_in_any_output_mode(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = JobFailed(
        job_id=JOB,
        agent_id="a",
        tier="small",
        attempts=1,
        cost_usd=None,
        reason=FailReason.TIMEOUT,
        message="slow",
    )
    for custom_ids in ({JOB: "r-1"}, {}):
        sending = Sending(KafkaPart(), wait=True, timeout_s=None, as_json=False, custom_ids=custom_ids)
        _print_outcome(outcome, sending, alone=False)
    batch, plain = map(json.loads, capsys.readouterr().out.splitlines())
    assert batch == result_line("r-1", outcome)
    assert plain["type"] == "job.failed.v1"
