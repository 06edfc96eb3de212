"""Which jobs can be typed, and the router's own messages for those that cannot."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pointsman.cli.jobs.job_input import as_body, deadline, pairs, read_job, read_jobs
from pointsman_schemas.jobs import Job

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)


def now() -> datetime:
    return NOW


def job(**fields: Any) -> bytes:
    return json.dumps({"agent_id": "billing", "prompt": "Sum this.", **fields}).encode()


def test_a_job_without_an_id_gets_a_new_one_each_time() -> None:
    first, second = read_job(job(), now), read_job(job(), now)
    assert isinstance(first, Job)
    assert isinstance(second, Job)
    assert first.job_id != second.job_id
    assert first.job_id.version == 7


def test_a_given_id_is_kept() -> None:
    wanted = UUID("01920000-0000-7000-8000-000000000001")
    read = read_job(job(job_id=str(wanted)), now)
    assert isinstance(read, Job)
    assert read.job_id == wanted


def test_unknown_parameters_reach_the_request_unchanged() -> None:
    read = read_job(job(temperature=0.2, response_format={"type": "json_object"}), now)
    assert isinstance(read, Job)
    assert read.request.model_extra == {"temperature": 0.2, "response_format": {"type": "json_object"}}


def test_every_bad_line_is_told_by_its_number_and_reason() -> None:
    lines = [
        b"\xef\xbb\xbf" + job(),
        b"",
        b"{not json",
        job(prompt=""),
        job(tier="Not A Tier"),
        job(deadline="2030-01-31T11:59:59Z"),
        b'{"agent_id": "billing", "prompt": "NaN", "temperature": NaN}',
        b"\xff\xfe{}",
    ]
    jobs, bad, _ = read_jobs(lines, {}, now)
    assert len(jobs) == 1
    assert [line.partition(":")[0] for line in bad] == [f"line {number}" for number in range(3, 9)]
    assert bad[1] == "line 4: prompt: must not be empty"
    assert "has passed" in bad[3]
    assert "NaN" in bad[4]
    assert "UTF-8" in bad[5]


def test_a_repeated_id_names_both_lines() -> None:
    same = job(job_id="01920000-0000-7000-8000-000000000001")
    jobs, bad, _ = read_jobs([same, b"\n", same], {}, now)
    assert len(jobs) == 1
    assert bad[0].startswith("line 3: ")
    assert bad[0].endswith("of line 1")


def test_flags_fill_only_what_a_line_leaves_out() -> None:
    lines = [b'{"prompt": "a"}', b'{"prompt": "b", "agent_id": "own", "kind": "sql"}', b"[1]", b"{"]
    jobs, bad, _ = read_jobs(lines, {"agent_id": "from-flag", "kind": "invoice"}, now)
    assert [(job.agent_id, job.kind) for job in jobs] == [("from-flag", "invoice"), ("own", "sql")]
    assert [line.partition(":")[0] for line in bad] == ["line 3", "line 4"]


def test_omitted_options_are_not_in_the_body() -> None:
    assert as_body({"agent_id": "a", "tier": None}) == b'{"agent_id": "a"}'


def test_values_are_json_where_they_are_json() -> None:
    assert pairs(["t=0.2", "s=plain text", "n=null", 'l=["a"]', "q=a=b", 'x="7"']) == {
        "t": 0.2, "s": "plain text", "n": None, "l": ["a"], "q": "a=b", "x": "7",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["novalue", "=x", 'a={"b":', "a=[1"])
def test_values_that_begin_like_json_must_be_json(text: str) -> None:
    with pytest.raises(ValueError, match=r"NAME=VALUE|is not JSON"):
        pairs([text])


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("30s", "2030-01-31T12:00:30.000000Z"),
        ("1.5m", "2030-01-31T12:01:30.000000Z"),
        ("2h", "2030-01-31T14:00:00.000000Z"),
        ("1d", "2030-02-01T12:00:00.000000Z"),
        ("2031-01-01T00:00:00+01:00", "2030-12-31T23:00:00.000000Z"),
    ],
)
def test_a_deadline_is_a_span_or_a_time(text: str, time: str) -> None:
    assert deadline(text, NOW) == time


@pytest.mark.parametrize("text", ["soon", "30", "-5s", "2031-01-01", "9999999d"])
def test_a_deadline_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|time zone"):
        deadline(text, NOW)
