"""Different jobs of about 1.1 KB, of the sample jobs' kinds, with text assembled from runs of their words.

The samples themselves, repeated, would compress to almost nothing and make every hop look better.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from pointsman.dev import samples

#: Target size of a value in bytes, and the number of different values before they repeat.
AIM = 1_100
DIFFERENT = 4_000

_RUN = 5


@dataclass(frozen=True, slots=True)
class Body:
    """A job's value in two parts, before and after its id."""

    before: bytes
    after: bytes

    def record(self, number: int) -> tuple[bytes, bytes]:
        """Return key and value of job `number`."""
        key = job_id(number)
        return key, self.before + key + self.after


def job_id(number: int) -> bytes:
    """Return a UUIDv7 made from `number`, with a timestamp in 1970."""
    return str(UUID(int=7 << 76 | 2 << 62 | number)).encode()


@lru_cache(maxsize=1)
def bodies(count: int = DIFFERENT) -> tuple[Body, ...]:
    """Return the job values; they are the same in every run."""
    jobs = samples.load()
    words = [word for job in jobs for text in _texts(job) for word in text.split()]
    chance = random.Random(1)
    made = []
    for number in range(count):
        job = jobs[number % len(jobs)]
        names = ("agent_id", "kind", "metadata")
        head: dict[str, object] = {name: job[name] for name in names if name in job}
        empty = _dump({"job_id": "JOB-ID", **head, "messages": [_turn("")]})
        text = _text(words, AIM - len(empty) - 30, chance)  # a UUID is longer than its placeholder
        before, after = _dump({"job_id": "JOB-ID", **head, "messages": [_turn(text)]}).split(b"JOB-ID")
        made.append(Body(before, after))
    return tuple(made)


def records(count: int, first: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and value of `count` jobs, each with its own id."""
    shapes = bodies()
    for number in range(first, first + count):
        yield shapes[number % len(shapes)].record(number)


def _text(words: Sequence[str], length: int, chance: random.Random) -> str:
    """Join runs of consecutive words. Half of all texts are shorter than `length`, by up to half."""
    aim = length if chance.random() < 0.5 else int(length * chance.uniform(0.5, 1))
    runs: list[str] = []
    size = 0
    while size < aim:
        at = chance.randrange(len(words) - _RUN)
        runs += words[at : at + _RUN]
        size += sum(map(len, runs[-_RUN:])) + _RUN
    return " ".join(runs)


def _texts(job: dict[str, object]) -> list[str]:
    messages = job.get("messages")
    if isinstance(messages, list):
        return [str(turn["content"]) for turn in messages]
    return [str(job["prompt"])]


def _turn(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _dump(job: dict[str, object]) -> bytes:
    return json.dumps(job, ensure_ascii=False).encode()
