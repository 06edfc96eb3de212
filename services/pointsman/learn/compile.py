"""Converts trained networks to the integers of a score model's file."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import numpy as np

from pointsman.learn.network import Net
from pointsman.learn.vocabulary import PARTS, Vocabulary
from pointsman.score.estimate import Bar
from pointsman.score.model_file import write
from pointsman.score.net import LENGTH, UNIT

#: Units per 1.0 of an output weight.
_OUT = 1 << 16


def compiled(
    vocabulary: Vocabulary,
    nets: Sequence[Net],
    heads: Sequence[int],
    *,
    calibration: Sequence[tuple[float, float]] | None = None,
    bars: Mapping[str, Bar] = MappingProxyType({}),
    **fields: Any,
) -> bytes:
    """Return the file for the mean of `nets`.

    `heads`: the outputs to keep; `calibration`: (slope, offset) of each in log-odds, by default none.
    `fields`: further fields of the file.
    """
    into = np.concatenate([net.into for net in nets], axis=1) * vocabulary.rarity[:, None]
    bias = np.concatenate([net.bias for net in nets])
    out = np.concatenate([net.out[:, list(heads)] for net in nets]) / len(nets)
    base = np.mean([net.base[list(heads)] for net in nets], axis=0)
    scale = float(np.sqrt(PARTS << LENGTH))  # cancels the scale of a text's length in `NetScore`
    steps = np.maximum(np.rint(np.abs(into).max(axis=0) / 127 * scale), 1)
    weights = np.clip(np.rint(into * scale / steps), -127, 127).astype(np.int8)
    unit = _OUT * 2**UNIT
    body = {
        "floor": 0.0,
        "profile": {},
        "trained_on": {},
        **fields,
        "biases": _whole(bias * 2**UNIT),
        "steps": _whole(steps),
        "heads": [
            {
                "weights": _whole(out[:, at] * _OUT),
                "bias": int(np.rint(base[at] * unit)),
                "slope": slope / unit,
                "offset": offset,
            }
            for at, (slope, offset) in enumerate(calibration or [(1.0, 0.0)] * len(heads))
        ],
        "bars": {quality: asdict(bar) for quality, bar in bars.items()},
    }
    rarity = _whole(vocabulary.rarity**2 * PARTS)
    return write(body, vocabulary.words, weights.tobytes(), rarity)


def _whole(values: Any) -> list[int]:
    return [int(value) for value in np.rint(values)]
