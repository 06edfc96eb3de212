"""Features of a text that an embedding does not show: its length and form."""

import re

import numpy as np
import numpy.typing as npt

SIZE = 6
_LOOKED_AT = 20_000
_OPTION = re.compile(r"\n[A-J]\. ")
_DIGIT = re.compile(r"\d")
_MATHS = re.compile(r"[$\\^_{}=]")


def surface(text: str) -> npt.NDArray[np.float64]:
    """[SIZE] length, answer options, shares of digits and of maths, lines, whether it ends in `?`."""
    head = text[:_LOOKED_AT]
    length = max(len(head), 1)
    return np.array(
        [
            np.log1p(len(head)),
            len(_OPTION.findall(head)),
            np.sqrt(len(_DIGIT.findall(head)) / length),
            np.sqrt(len(_MATHS.findall(head)) / length),
            np.log1p(head.count("\n")),
            head.rstrip().endswith("?"),
        ],
        dtype=np.float64,
    )
