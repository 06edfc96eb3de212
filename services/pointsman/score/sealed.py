"""The format of model files: JSON with a checksum over the other fields."""

import hashlib
import json
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, TypeVar

from pointsman.score.estimate import Bar

Model = TypeVar("Model")

#: Errors of building a model if a part of an undamaged file is missing or wrong.
_WRONG = (KeyError, TypeError, ValueError, OverflowError)


def seal(body: Mapping[str, Any], form: str) -> bytes:
    """Return the file's bytes: always the same for the same content."""
    document = {**body, "format": form}
    return _canonical({**document, "sha256": _sum(document)}) + b"\n"


class ModelFileError(ValueError):
    """The file is not a usable model; the text says why, `hint` what to do."""

    hint = "train it again (`pointsman bench routing --help` says how), or take `builtin`"


def unseal(content: bytes, form: str, make: Callable[[dict[str, Any], str], Model]) -> Model:
    """Return `make(content, version)`; the version is the first 12 hex digits of the file's SHA-256.

    Raises:
        ModelFileError: the bytes are no such file, or damaged.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as cause:
        raise ModelFileError(f"{len(content)} bytes that are not JSON") from cause
    if not isinstance(body, dict) or body.get("format") != form:
        named_format = body.get("format") if isinstance(body, dict) else None
        raise ModelFileError(f"its form is {str(named_format)[:40]!r}, what is read here is {form!r}")
    if body.pop("sha256", None) != _sum(body):
        raise ModelFileError("it is damaged: its checksum is not that of its content")
    try:
        return make(body, hashlib.sha256(content).hexdigest()[:12])
    except _WRONG as cause:
        raise ModelFileError(f"a part is missing or wrong: {type(cause).__name__} {cause}") from cause


def real(value: Any) -> float:
    """Convert to a finite number.

    Raises:
        ValueError, TypeError: it is none.
    """
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _sum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body)).hexdigest()


def bars_of(body: Mapping[str, Any]) -> dict[str, Bar]:
    """Return the bars by required quality as written."""
    return {str(q): Bar(real(bar["rate"]), real(bar["margin"])) for q, bar in body["bars"].items()}
