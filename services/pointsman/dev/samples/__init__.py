"""The sample jobs that `pointsman dev` publishes, and what the simulated provider answers to them."""

from importlib.resources import files
from typing import Any

import orjson


def load() -> list[dict[str, Any]]:
    """Return the sample jobs as an outside client would publish them: without ids, in the file's order."""
    return [orjson.loads(line) for line in _read("jobs.jsonl").splitlines()]


def answers() -> dict[str, Any]:
    """Return the canned answers by `metadata.sample`: a text, or an object (JSON, or a tool's arguments)."""
    loaded: dict[str, Any] = orjson.loads(_read("answers.json"))
    return loaded


def _read(name: str) -> bytes:
    return files(__name__).joinpath(name).read_bytes()
