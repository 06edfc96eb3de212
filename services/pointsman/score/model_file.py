"""Reads and writes a score model's file: JSON with a checksum.

`words`: one text, a line each. `weights`: signed bytes, one per word and hidden unit, to be multiplied by
that unit's step. `rarity`: the square of each word's rarity.
"""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.score.net import NetScore, OutputHead, key_of, pack
from pointsman.score.sealed import bars_of, real, seal, unseal

FORMAT = "pointsman-score-1"


def write(body: Mapping[str, Any], words: Sequence[bytes], weights: bytes, rarity: Sequence[int]) -> bytes:
    """Return the file's bytes. `weights`: signed bytes, hidden units x words.

    `body`: all other fields of `parse`.
    """
    document = {
        **body,
        "words": b64encode(b"\n".join(words)).decode(),
        "weights": b64encode(weights).decode(),
        "rarity": list(rarity),
    }
    return seal(document, FORMAT)


def parse(content: bytes) -> NetScore:
    """Parse a model file.

    Raises:
        ModelFileError: the bytes are no model file, or damaged.
    """
    return unseal(content, FORMAT, _model)


def _model(body: Mapping[str, Any], version: str) -> NetScore:
    tiers = tuple(map(str, body["tiers"]))
    biases = tuple(map(int, body["biases"]))
    steps = [int(step) for step in body["steps"]]
    words = b64decode(body["words"], validate=True).split(b"\n")
    weights = array("b", b64decode(body["weights"], validate=True))
    rarity = body["rarity"]
    hidden = len(biases)
    if not (len(steps) == hidden and len(weights) == hidden * len(words) and len(rarity) == len(words)):
        raise ValueError("the weights do not fit the words")
    heads = tuple(
        OutputHead(
            tuple(map(int, head["weights"])), int(head["bias"]), real(head["slope"]), real(head["offset"])
        )
        for head in body["heads"]
    )
    if len(tiers) < 2 or len(heads) != 3 * len(tiers) - 2 or any(len(h.weights) != hidden for h in heads):
        raise ValueError("the heads do not fit the tiers")
    features = {}
    for at, word in enumerate(words):
        row = weights[at * hidden : (at + 1) * hidden]
        features[key_of(word)] = pack(
            [*(value * step for value, step in zip(row, steps, strict=True)), int(rarity[at])]
        )
    return NetScore(
        name=str(body["name"]),
        version=version,
        tiers=tiers,
        bars=bars_of(body),
        floor=real(body["floor"]),
        features=features,
        biases=biases,
        heads=heads,
        profile={str(step): real(share) for step, share in body["profile"].items()},
    )
