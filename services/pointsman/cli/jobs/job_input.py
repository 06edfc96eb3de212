"""Make jobs from flags or JSON lines, with the router's own parser."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import DEFAULT_MAX_BYTES
from pointsman.client.batch_lines import as_plain_body, is_batch_line
from pointsman.client.job import read_job as job_of
from pointsman.runtime.clock import Clock
from pointsman_schemas.base import format_time
from pointsman_schemas.jobs import Job
from pointsman_schemas.reasons import Reason

_STORE = "; larger jobs need a store, and a larger one a higher limit: docs/claim-check.md"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class JobLines(NamedTuple):
    """The jobs in JSON lines; `custom_ids`, by job, are those of batch lines.

    `bad` has `line NUMBER: why` for each invalid line, counted from 1.
    """

    jobs: list[Job]
    bad: list[str]
    custom_ids: dict[UUID, str]


def read_jobs(
    lines: Iterable[bytes], defaults: dict[str, Any], clock: Clock, largest: int = DEFAULT_MAX_BYTES
) -> JobLines:
    """Parse JSON lines that are jobs or requests of a batch file; `largest`: most bytes of a job.

    Fields that a line lacks are taken from `defaults`. Empty lines are skipped. A job without an id gets a
    new one.
    """
    jobs, bad, custom_ids = job_lines = JobLines([], [], {})
    seen: dict[UUID | str, int] = {}
    for number, line in enumerate(lines, start=1):
        line = line.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901  # a byte order mark, as Windows writes it
        if not line.strip():
            continue
        try:
            custom_id, body = _filled(line, defaults)
        except ValueError as error:
            bad.append(f"line {number}: {error}")
            continue
        job = read_job(body, clock, largest)
        if isinstance(job, str):
            why = job if custom_id is None else job.replace("request.", "body.", 1)
            bad.append(f"line {number}: {why}")
        elif job.job_id in seen:
            bad.append(f"line {number}: job_id {job.job_id} is that of line {seen[job.job_id]}")
        elif custom_id is not None and custom_id in seen:
            bad.append(f"line {number}: custom_id {custom_id!r} repeats that of line {seen[custom_id]}")
        else:
            seen[job.job_id] = number
            jobs.append(job)
            if custom_id is not None:
                seen[custom_id] = number
                custom_ids[job.job_id] = custom_id
    return job_lines


def read_job(body: bytes, clock: Clock, largest: int = DEFAULT_MAX_BYTES) -> Job | str:
    """Return the job in a JSON object, or the reason why it is none."""
    now = clock()
    job = job_of(body, now, largest)
    if isinstance(job, Malformed):
        return job.message + (_STORE if job.reason is Reason.TOO_LARGE else "")
    if job.deadline is not None and job.deadline <= now:
        return f"deadline: {format_time(job.deadline)} has passed"
    return job


def as_body(fields: dict[str, Any]) -> bytes:
    """Return a job's JSON body, without the fields that are None."""
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def pairs(texts: Sequence[str]) -> dict[str, Any]:
    """Parse `name=value` texts. A value is read as JSON if it is valid JSON, else as text.

    Raises:
        ValueError: there is no `=`, or a value starts like JSON but is not valid.
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ValueError(f"{text!r} is not NAME=VALUE")
        try:
            values[name] = json.loads(value)
        except ValueError:
            if value[:1] in ("{", "[", '"'):
                raise ValueError(f"{name}: {value[:60]!r} is not JSON") from None
            values[name] = value
    return values


def deadline(text: str, now: datetime) -> str:
    """Return a time in RFC 3339, from `30s`, `5m`, `2h` or `1d` after `now` or from an RFC 3339 time.

    Raises:
        ValueError: the text is neither.
    """
    span = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)([smhd])", text)
    if span:
        try:
            return format_time(now + timedelta(seconds=float(span[1]) * _SECONDS[span[2]]))
        except OverflowError:
            raise ValueError(f"{text!r} from now is beyond the year 9999: leave the deadline out") from None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither a span such as 30s, 5m, 2h, 1d nor an RFC 3339 time") from None
    if time.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: add Z for UTC")
    return format_time(time)


def _filled(line: bytes, defaults: dict[str, Any]) -> tuple[str | None, bytes]:
    """Return the custom id of a batch line, if `line` is one, and the job's body completed by `defaults`.

    The line is returned unchanged if there is nothing to add or it is no object.

    Raises:
        ValueError: it is a batch line that cannot be a job.
    """
    if not defaults and b'"custom_id"' not in line:
        return None, line
    try:
        body = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None, line
    if not isinstance(body, dict):
        return None, line
    if not is_batch_line(body):
        return None, as_body({**defaults, **body})
    custom_id, body = as_plain_body(body)
    if "agent_id" not in defaults:
        raise ValueError("a batch's lines name no agent: give --agent ID")
    metadata = {**(defaults.get("metadata") or {}), **body["metadata"]}
    return custom_id, as_body({**defaults, **body, "metadata": metadata})
