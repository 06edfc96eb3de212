"""An accept model's file: from its bytes to the model, and back; JSON with a checksum over the rest of it."""

import hashlib
import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from pointsman.score.accept import AcceptModel
from pointsman.score.accept_evidence import FEATURES
from pointsman.score.accept_trees import Forest, Tree
from pointsman.score.estimate import Bar

FORMAT = "pointsman-accept-1"


class AcceptFileError(ValueError):
    """These bytes are no accept model that can be used; the text says why, `hint` what to do."""

    hint = "train it again: `pointsman bench routing --help` names the option"


def write(body: Mapping[str, Any]) -> bytes:
    """The file's bytes: `body` is everything that `parse` reads, and what it was trained on."""
    whole = {**body, "format": FORMAT}
    return _canonical({**whole, "sha256": _sum(whole)}) + b"\n"


def parse(content: bytes) -> AcceptModel:
    """The model that a file's bytes are.

    Raises:
        AcceptFileError: they are none, or not as they were written.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise AcceptFileError(f"{len(content)} bytes that are not JSON") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        said = body.get("format") if isinstance(body, dict) else None
        raise AcceptFileError(f"its form is {str(said)[:40]!r}, what is read here is {FORMAT!r}")
    if body.pop("sha256", None) != _sum(body):
        raise AcceptFileError("it is damaged: its checksum is not that of its content")
    try:
        return _model(body, hashlib.sha256(content).hexdigest()[:12])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise AcceptFileError(f"a part is missing or wrong: {type(error).__name__} {error}") from error


def _model(body: Mapping[str, Any], version: str) -> AcceptModel:
    checker, answering, strongest = map(str, body["tiers"])
    inputs = tuple(map(str, body["inputs"]))
    if unknown := [each for each in inputs if each not in FEATURES]:
        raise ValueError(f"unknown features: {', '.join(unknown)}")
    typical = tuple(_real(each) for each in body["typical"])
    if len(typical) != len(inputs):
        raise ValueError("the typical values do not fit the features")
    return AcceptModel(
        name=str(body["name"]),
        version=version,
        tiers=(checker, answering, strongest),
        inputs=inputs,
        typical=typical,
        kinds=frozenset(map(str, body["kinds"])),
        bars={str(q): Bar(_real(bar["rate"]), _real(bar["margin"])) for q, bar in body["bars"].items()},
        worse=_forest(body["worse"], len(inputs)),
        better=_forest(body["better"], len(inputs)),
        cost=_forest(body["cost"], len(inputs)),
    )


def _forest(body: Mapping[str, Any], inputs: int) -> Forest:
    trees = []
    for each in body["trees"]:
        feature = tuple(map(int, each["feature"]))
        if max(feature) >= inputs:
            raise ValueError("a tree asks for a feature that there is not")
        trees.append(
            Tree(
                feature,
                tuple(_real(value) for value in each["threshold"]),
                tuple(map(int, each["left"])),
                tuple(map(int, each["right"])),
                tuple(map(int, each["leaf"])),
            )
        )
    return Forest(int(body["start"]), tuple(trees), _real(body["slope"]), _real(body["offset"]))


def _real(value: Any) -> float:
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"{value} is not a finite number")
    return number


def _canonical(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _sum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body)).hexdigest()
