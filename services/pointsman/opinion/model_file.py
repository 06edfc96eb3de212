"""Read and write an opinion's file: JSON with a checksum."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from pointsman.opinion.card import FORMAT, card_of
from pointsman.opinion.estimator import Floats, Opinion, TextSpace
from pointsman.score.sealed import seal, unseal


def write(body: Mapping[str, Any], landmarks: Floats, weights: Floats) -> bytes:
    """Return the file's bytes. `landmarks` are stored as 16-bit floats, `weights` as 64-bit floats."""
    document = {
        **body,
        "landmarks": {"shape": list(landmarks.shape), "data": _encode(landmarks.astype("<f2").tobytes())},
        "weights": {"shape": list(weights.shape), "data": _encode(weights.astype("<f8").tobytes())},
    }
    return seal(document, FORMAT)


def parse(content: bytes) -> Opinion:
    """Return the opinion in a file's bytes.

    Raises:
        ModelFileError: the bytes are no opinion file, or were changed.
    """
    return unseal(content, FORMAT, _opinion)


def _opinion(body: Mapping[str, Any], version: str) -> Opinion:
    landmarks, weights = _array(body["landmarks"], "<f2"), _array(body["weights"], "<f8")
    card, base = card_of(body, version), _list(body["base"])
    lines = tuple((float(slope), float(offset)) for slope, offset in body["lines"])
    outputs = 3 * len(card.tiers) - 2
    if not (len(card.tiers) >= 2 and weights.shape == (len(landmarks), outputs) and len(base) == outputs):
        raise ValueError("the weights do not fit the landmarks and tiers")
    if len(lines) != outputs or not np.isfinite(lines).all():
        raise ValueError("the calibration does not fit the tiers")
    place = body["place"]
    return Opinion(
        **vars(card),
        place=TextSpace(
            _list(place["middle"]),
            _list(place["spread"]),
            float(place["of_vector"]),
            float(place["of_surface"]),
        ),
        landmarks=landmarks,
        weights=weights,
        base=base,
        lines=lines,
    )


def _array(part: Mapping[str, Any], kind: str) -> Floats:
    numbers = np.frombuffer(base64.b64decode(part["data"], validate=True), dtype=kind).astype(np.float64)
    return _finite(numbers.reshape([int(size) for size in part["shape"]]))


def _list(values: Any) -> Floats:
    return _finite(np.array([float(value) for value in values]))


def _finite(numbers: Floats) -> Floats:
    if not np.isfinite(numbers).all():
        raise ValueError("not all numbers are finite")
    return numbers


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
