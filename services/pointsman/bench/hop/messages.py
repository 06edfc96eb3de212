"""Jobs of about 1.1 KB with real questions: the sample jobs, short ones with others as their context."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from uuid import UUID

#: Bytes of a record's value that are aimed at.
AIM = 1_100

_LINES = files("pointsman.dev.samples") / "jobs.jsonl"


@dataclass(frozen=True, slots=True)
class Body:
    """A job's value in two halves, around its id."""

    before: bytes
    after: bytes

    def record(self, number: int) -> tuple[bytes, bytes]:
        """Key and value of job `number`."""
        key = str(UUID(int=7 << 76 | 2 << 62 | number)).encode()  # version 7, as of 1970
        return key, self.before + key + self.after


def bodies() -> list[Body]:
    """One for each sample job that is not much larger than aimed at."""
    jobs = [json.loads(line) for line in _LINES.read_text("utf-8").splitlines()]
    texts = [turn for job in jobs for turn in _turns(job) if turn["role"] == "user"]
    made = []
    for place, job in enumerate(jobs):
        context = texts[place:] + texts[:place]
        turns = _turns(job)
        while len(_dump(job, turns)) < AIM - 150 and context:
            turns = [context.pop(), *turns]
        before, after = _dump(job, turns).split(b"JOB-ID")
        if len(before) + len(after) < 2 * AIM:
            made.append(Body(before, after))
    return made


def records(count: int, first: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of `count` jobs, each with an id of its own."""
    shapes = bodies()
    for number in range(first, first + count):
        yield shapes[number % len(shapes)].record(number)


def _turns(job: dict[str, object]) -> list[dict[str, str]]:
    messages = job.get("messages")
    return list(messages) if isinstance(messages, list) else [{"role": "user", "content": str(job["prompt"])}]


def _dump(job: dict[str, object], turns: list[dict[str, str]]) -> bytes:
    rest = {name: value for name, value in job.items() if name not in ("prompt", "messages", "job_id")}
    return json.dumps({"job_id": "JOB-ID", **rest, "messages": turns}, ensure_ascii=False).encode()
