"""Jobs of about 1.1 KB, all different: in kind like the sample jobs, in runs of words from their texts.

The samples themselves, over and over, would compress to nothing and flatter everybody.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from pointsman.dev import samples

#: Bytes of a record's value that are aimed at, and how many different ones are made before they begin anew.
AIM = 1_100
DIFFERENT = 4_000

_RUN = 5


@dataclass(frozen=True, slots=True)
class Body:
    """A job's value in two halves, around its id."""

    before: bytes
    after: bytes

    def record(self, number: int) -> tuple[bytes, bytes]:
        """Key and value of job `number`."""
        key = job_id(number)
        return key, self.before + key + self.after


def job_id(number: int) -> bytes:
    """Of version 7, as of 1970."""
    return str(UUID(int=7 << 76 | 2 << 62 | number)).encode()


@lru_cache(maxsize=1)
def bodies(count: int = DIFFERENT) -> tuple[Body, ...]:
    """The same ones in every run."""
    jobs = samples.load()
    words = [word for job in jobs for text in _texts(job) for word in text.split()]
    chance = random.Random(1)
    made = []
    for number in range(count):
        job = jobs[number % len(jobs)]
        names = ("agent_id", "kind", "metadata")
        head: dict[str, object] = {name: job[name] for name in names if name in job}
        empty = _dump({"job_id": "JOB-ID", **head, "messages": [_turn("")]})
        text = _text(words, AIM - len(empty) - 30, chance)  # a UUID is longer than its mark
        before, after = _dump({"job_id": "JOB-ID", **head, "messages": [_turn(text)]}).split(b"JOB-ID")
        made.append(Body(before, after))
    return tuple(made)


def records(count: int, first: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of `count` jobs, each with an id of its own."""
    shapes = bodies()
    for number in range(first, first + count):
        yield shapes[number % len(shapes)].record(number)


def _text(words: Sequence[str], length: int, chance: random.Random) -> str:
    """Runs of words that stand together somewhere; half of all texts are shorter, by up to half."""
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
