"""Reads compose/ as Docker does: merged files, variables, and Kafka's resulting settings."""

import re
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[3] / "compose"


def merged(*names: str) -> dict[str, Any]:
    """Files merged in order: maps by key, volumes appended, everything else replaced."""
    whole: dict[str, Any] = {}
    for name in names:
        whole = _over(whole, yaml.safe_load((FOLDER / name).read_text()))
    return whole


def image(service: str) -> str:
    """A service's image with its digest."""
    return str(merged("compose.yaml")["services"][service]["image"])


def interpolated(text: str, given: dict[str, str]) -> str:
    """A value with these variables substituted."""
    filled = re.sub(
        r"(?<!\$)\$\{(\w+)(?::[-?]([^}]*))?\}", lambda matched: given.get(matched[1], matched[2] or ""), text
    )
    return filled.replace("$$", "$")


def kafka_settings(environment: dict[str, Any]) -> dict[str, str]:
    """The broker's settings, from its container's environment."""
    left_out = ("KAFKA_HEAP_OPTS", "KAFKA_OPTS")
    return {
        name.removeprefix("KAFKA_").lower().replace("_", ".").replace("...", "-").replace("..", "_"): str(
            value
        )
        for name, value in environment.items()
        if name.startswith("KAFKA_") and name not in left_out
    }


def _over(below: Any, above: Any) -> Any:
    match below, above:
        case dict(), dict():
            return below | {
                key: _added(below[key], value)
                if key == "volumes" and key in below
                else _over(below.get(key), value)
                for key, value in above.items()
            }
        case _:
            return above


def _added(below: Any, above: Any) -> Any:
    return [*below, *above] if isinstance(below, list) else _over(below, above)
