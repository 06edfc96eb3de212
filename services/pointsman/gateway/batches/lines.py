"""Parses the lines of a batch file and derives their job ids; pure."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid5

from pointsman.bus.codec.json import parse_object
from pointsman.bus.codec.refused import RefusedError
from pointsman.client.batch_lines import as_plain_body, is_batch_line
from pointsman_schemas.base import Json

MOST_LINES = 10_000
#: The number of problems reported for one file.
_MOST_PROBLEMS = 20
_JOBS = UUID("9d1c8a3e-52c4-5a0f-8a6b-3f1f5a3f0d77")


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One request of a batch. `job_id` is derived from batch and line number, so a repeat is the same job."""

    custom_id: str
    text: bytes
    job_id: UUID

    @property
    def request(self) -> Json:
        """The request, parsed at each access: ten thousand parsed ones take too much memory."""
        return _read(self.text)[1]


def lines_of(batch_id: str, content: bytes, most_bytes: int) -> tuple[list[BatchLine], list[str]]:
    """Return the lines, and the problems of the file. `most_bytes`: the largest size of a line."""
    lines: list[BatchLine] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for number, text in _numbered(content):
        try:
            if len(lines) >= MOST_LINES:
                raise ValueError(f"a batch has {MOST_LINES:,} requests at most")
            if len(text) > most_bytes:
                raise ValueError(f"is larger than {most_bytes:,} bytes")
            custom_id, _ = _read(text)
            if custom_id in seen:
                raise ValueError(f"custom_id {custom_id!r} repeats that of line {seen[custom_id]}")
        except ValueError as error:
            problems.append(f"line {number}: {error}"[:500])
            if len(problems) >= _MOST_PROBLEMS or len(lines) >= MOST_LINES:
                break
            continue
        seen[custom_id] = number
        lines.append(BatchLine(custom_id, text, uuid5(_JOBS, f"{batch_id}\n{number}")))
    if not lines and not problems:
        problems.append("line 1: there is none")
    return lines, problems


def _numbered(content: bytes) -> Iterator[tuple[int, bytes]]:
    for number, text in enumerate(content.removeprefix(BOM_UTF8).split(b"\n"), 1):
        if text.strip():
            yield number, text


def _read(text: bytes) -> tuple[str, Json]:
    try:
        line = parse_object(text)
    except RefusedError as error:
        raise ValueError(str(error)) from error
    if not is_batch_line(line):
        raise ValueError("must have custom_id and body")
    custom_id, job = as_plain_body(line)
    return custom_id, job["request"]
