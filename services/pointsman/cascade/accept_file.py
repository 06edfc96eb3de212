"""Reads and writes an accept model's file: JSON with a checksum."""

from collections.abc import Mapping
from typing import Any

from pointsman.cascade.accept import AcceptModel
from pointsman.cascade.accept_evidence import FEATURES
from pointsman.cascade.accept_trees import Forest, Tree
from pointsman.score.sealed import bars_of, real, seal, unseal

FORMAT = "pointsman-accept-1"


def write(body: Mapping[str, Any]) -> bytes:
    """Return the file for `body`, which has everything that `parse` reads and what it was trained on."""
    return seal(body, FORMAT)


def parse(content: bytes) -> AcceptModel:
    """Parse a file.

    Raises:
        ModelFileError: it is not an accept model's file, or was changed.
    """
    return unseal(content, FORMAT, _model)


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
        bars=bars_of(body),
        worse=forest(body["worse"], len(inputs)),
        better=forest(body["better"], len(inputs)),
        cost=forest(body["cost"], len(inputs)),
    )


def forest(body: Mapping[str, Any], inputs: int) -> Forest:
    """Parse a forest over this number of inputs."""
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
