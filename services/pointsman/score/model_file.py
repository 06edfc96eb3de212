"""A score model's file: from its bytes to the model, and back.

JSON with a checksum over the rest of it. Words stand in one text, a line each; their weights are signed
bytes, one for each hidden unit, times that unit's own step; `rarity` is the square of each word's.
"""

import base64
import hashlib
import json
from array import array
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from pointsman.score.estimate import Bar
from pointsman.score.model import ScoreModel
from pointsman.score.net import Head, NetScore, key_of, pack

FORMAT = "pointsman-score-1"
_HINT = "train it again (`pointsman bench routing --help` names the command), or take `builtin`"


class ModelFileError(ValueError):
    """These bytes are no model that can be used; the text says why, `hint` what to do."""

    hint = _HINT


def write(body: Mapping[str, Any], words: Sequence[bytes], weights: bytes, rarity: Sequence[int]) -> bytes:
    """The file's bytes. `body`: everything else that `parse` reads; `weights` hidden x words signed bytes."""
    whole = {
        **body,
        "format": FORMAT,
        "words": _encode(b"\n".join(words)),
        "weights": _encode(weights),
        "rarity": list(rarity),
    }
    return _canonical({**whole, "sha256": _sum(whole)}) + b"\n"


def parse(content: bytes) -> ScoreModel:
    """The model that a file's bytes are.

    Raises:
        ModelFileError: they are none, or not as they were written.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{len(content)} bytes that are not JSON") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        said = body.get("format") if isinstance(body, dict) else None
        raise ModelFileError(f"its form is {str(said)[:40]!r}, what is read here is {FORMAT!r}")
    said = body.pop("sha256", None)
    if said != _sum(body):
        raise ModelFileError("it is damaged: its checksum is not that of its content")
    try:
        return _model(body, hashlib.sha256(content).hexdigest()[:12])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"a part is missing or wrong: {type(error).__name__} {error}") from error


def _model(body: Mapping[str, Any], version: str) -> NetScore:
    tiers = tuple(map(str, body["tiers"]))
    biases = tuple(map(int, body["biases"]))
    steps = [int(each) for each in body["steps"]]
    words = _decode(body["words"]).split(b"\n")
    weights = array("b", _decode(body["weights"]))
    rarity = body["rarity"]
    hidden = len(biases)
    if not (len(steps) == hidden and len(weights) == hidden * len(words) and len(rarity) == len(words)):
        raise ValueError("the weights do not fit the words")
    heads = tuple(
        Head(tuple(map(int, each["weights"])), int(each["bias"]), _real(each["slope"]), _real(each["offset"]))
        for each in body["heads"]
    )
    if len(tiers) < 2 or len(heads) != 3 * len(tiers) - 2 or any(len(h.weights) != hidden for h in heads):
        raise ValueError("the heads do not fit the tiers")
    features = {}
    for at, word in enumerate(words):
        row = weights[at * hidden : (at + 1) * hidden]
        features[key_of(word)] = pack(
            [*(each * step for each, step in zip(row, steps, strict=True)), int(rarity[at])]
        )
    bars = {str(q): Bar(_real(bar["rate"]), _real(bar["margin"])) for q, bar in body["bars"].items()}
    return NetScore(
        name=str(body["name"]),
        version=version,
        tiers=tiers,
        bars=bars,
        floor=_real(body["floor"]),
        features=features,
        biases=biases,
        heads=heads,
        profile={str(step): _real(share) for step, share in body["profile"].items()},
    )


def _real(value: Any) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _sum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body)).hexdigest()


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
