"""Reads a text's features: its distinct words and signs, and its shape; in bounded time.

All digits are read as 0 and capital letters as small ones, so that a number seen in training stands for every
number of its length. Of a long text only the beginning and the end are read.
"""

from collections.abc import Iterable
from typing import NamedTuple

#: Characters read at the beginning and at the end, which bound the cost for a text of any length.
HEAD, TAIL = 1_500, 500

_OPTIONS = b"\na. "
_LETTERS = b"abcdefghijklmnopqrstuvwxyz"
_ALIKE = bytes.maketrans(_LETTERS.upper() + b"123456789", _LETTERS + b"0" * 9)
#: Characters that separate words. The backslash does not, so that TeX commands are words.
SIGNS = bytes(code for code in range(33, 127) if not chr(code).isalnum() and chr(code) != "\\")
_NO_SIGN = bytes(set(range(256)) - set(SIGNS))
_APART = bytes.maketrans(SIGNS + bytes(range(32)) + b"\x7f", b" " * (len(SIGNS) + 33))


#: The kinds of shape, in their order.
KINDS = (
    b"length", b"asked", b"lines", b"digits", b"backslashes", b"dollars", b"brackets", b"sentences",
    b"equals", b"numbers", b"spread",
)  # fmt: skip


class TextFeatures(NamedTuple):
    """Distinct `words`; distinct `signs`, as character codes; `shape`: a step of each kind, in order."""

    words: set[bytes]
    signs: set[int]
    shape: tuple[bytes, ...]

    @property
    def all(self) -> set[bytes]:
        """All features under their names in a model file."""
        return self.words.union((bytes([sign]) for sign in self.signs), self.shape)


def read(text: str) -> TextFeatures:
    """Return a text's features."""
    excerpt = f"{text[:HEAD]}\n{text[-TAIL:]}" if len(text) > HEAD + TAIL else text
    raw = excerpt.encode("utf-8", "surrogatepass").translate(_ALIKE)
    return TextFeatures(
        set(raw.translate(_APART).split()), set(raw.translate(None, _NO_SIGN)), _shape(raw, len(text))
    )


def shape_of(steps: Iterable[int]) -> tuple[bytes, ...]:
    """Return the shape with these steps, one of each kind."""
    return tuple(b"%b %d" % kind_steps for kind_steps in zip(KINDS, steps, strict=True))


def share_read(text: str) -> float:
    """Return the share of the text that is read: unread words must not count as known."""
    return (HEAD + TAIL) / len(text) if len(text) > HEAD + TAIL else 1.0


def _shape(raw: bytes, length: int) -> tuple[bytes, ...]:
    size = len(raw)
    count = raw.count
    options = raw.find(_OPTIONS)
    question_length = options if options >= 0 else length
    return (
        b"length %d" % (length * length).bit_length(),  # in steps of half a doubling
        b"asked %d" % (question_length * question_length).bit_length(),
        b"lines %d" % min(count(b"\n") // 2, 15),
        b"digits %d" % (20 * count(b"0") // (size + 1)),
        b"backslashes %d" % min(count(b"\\"), 8),
        b"dollars %d" % min(count(b"$"), 6),
        b"brackets %d" % min(count(b"(") + count(b"["), 10),
        b"sentences %d" % min(count(b". "), 8),
        b"equals %d" % min(count(b"="), 6),
        b"numbers %d" % min(count(b" 0"), 12),
        b"spread %d" % min(size // (count(b" ") + 1), 12),
    )


def in_words(feature: bytes) -> str:
    """Describe a feature for people."""
    name, _, step = feature.decode("utf-8", "backslashreplace").partition(" ")
    if not step:
        return f"a number of {len(name)} digits" if not name.strip("0") else f"`{name}` in the text"
    number = int(step)
    if name in ("length", "asked"):
        measure = "characters" if name == "length" else "characters before any options"
        return f"about {round(2 ** (number / 2 - 0.25)):,} {measure}"
    if name == "digits":
        return f"{5 * number} to {5 * number + 4} % digits"
    if name == "spread":
        return f"{number} characters to a word"
    if name == "lines":
        return f"{2 * number} to {2 * number + 1} line breaks"
    most = {"numbers": 12, "backslashes": 8, "dollars": 6, "brackets": 10, "sentences": 8, "equals": 6}.get(
        name
    )
    called = {"dollars": "dollar signs", "equals": "equals signs"}.get(name, name)
    return f"{'at least ' if number == most else ''}{number} {called}"
