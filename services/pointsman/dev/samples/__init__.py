"""The sample jobs that `pointsman dev` publishes, and what the simulated provider answers to them."""

from importlib.resources import files
from typing import Any

import orjson


def load() -> list[dict[str, Any]]:
    """The jobs as a stranger would publish them: no ids, one object each, in the order of the file."""
    return [orjson.loads(line) for line in _read("jobs.jsonl").splitlines()]


def answers() -> dict[str, Any]:
    """By `metadata.sample`: a text, or an object (a JSON answer, or the arguments of a tool call)."""
    loaded: dict[str, Any] = orjson.loads(_read("answers.json"))
    return loaded


def _read(name: str) -> bytes:
    return files(__name__).joinpath(name).read_bytes()
