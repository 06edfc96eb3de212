"""Reads and writes an accept model's file: JSON with a checksum."""

from collections.abc import Mapping
from typing import Any

from pointsman.cascade.accept import AcceptModel
from pointsman.cascade.accept_evidence import FEATURES
from pointsman.cascade.accept_trees import Forest, Tree
from pointsman.score.estimate import Bar
from pointsman.score.sealed import real, seal, unseal

FORMAT = "pointsman-accept-1"


class AcceptFileError(ValueError):
    """The file is not a usable accept model; the text says why, `hint` what to do."""

    hint = "train it again (`pointsman bench routing --help` names the option), or take `builtin`"


def write(body: Mapping[str, Any]) -> bytes:
    """The file's bytes: `body` is everything that `parse` reads, and what it was trained on."""
    return seal(body, FORMAT)


def parse(content: bytes) -> AcceptModel:
    """The model that a file's bytes are.

    Raises:
        AcceptFileError: they are none, or not as they were written.
    """
    return unseal(content, FORMAT, _model, AcceptFileError)


def _model(body: Mapping[str, Any], version: str) -> AcceptModel:
    checker, answering, strongest = map(str, body["tiers"])
    inputs = tuple(map(str, body["inputs"]))
    if unknown := [name for name in inputs if name not in FEATURES]:
        raise ValueError(f"unknown features: {', '.join(unknown)}")
    typical = tuple(real(value) for value in body["typical"])
    if len(typical) != len(inputs):
        raise ValueError("the typical values do not fit the features")
    return AcceptModel(
        name=str(body["name"]),
        version=version,
        tiers=(checker, answering, strongest),
        inputs=inputs,
        typical=typical,
        kinds=frozenset(map(str, body["kinds"])),
        bars={str(q): Bar(real(bar["rate"]), real(bar["margin"])) for q, bar in body["bars"].items()},
        worse=_forest(body["worse"], len(inputs)),
        better=_forest(body["better"], len(inputs)),
        cost=_forest(body["cost"], len(inputs)),
    )


def _forest(body: Mapping[str, Any], inputs: int) -> Forest:
    trees = []
    for tree in body["trees"]:
        feature = tuple(map(int, tree["feature"]))
        if max(feature) >= inputs:
            raise ValueError("a tree asks for a feature that there is not")
        trees.append(
            Tree(
                feature,
                tuple(real(value) for value in tree["threshold"]),
                tuple(map(int, tree["left"])),
                tuple(map(int, tree["right"])),
                tuple(map(int, tree["leaf"])),
            )
        )
    return Forest(int(body["start"]), tuple(trees), real(body["slope"]), real(body["offset"]))
