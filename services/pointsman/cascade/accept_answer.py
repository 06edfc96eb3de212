"""Reduces an answer to a canonical form for comparison: a choice, a number, code or a short text."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Kind = Literal["none", "choice", "number", "code", "text", "long"]

#: Two models never word a longer answer alike.
SHORT = 400
#: Characters read, from the end: the conclusion is there.
_LOOKED_AT = 8_000

_SAID = re.compile(r"(?:final answer|answer)(?:\s++is)?\s*+(?:[:=]\s*+)?(\S[^\n]*)", re.I)
_JSON = re.compile(r'"answer"\s*+:\s*+("(?:[^"\\]|\\.)*"|[^,}\s]+)')
_MARKED = re.compile(r"####\s*+(\S[^\n]*)")
_FENCE = re.compile(r"```\w*\n(.*?)\n?```", re.S)
_CHOICE = re.compile(r"\(?([A-J])(?:\)\.?|[.:](?=\s|$)|$)")
_NUMBER = re.compile(r"[-+]?(?:\d[\d,]{0,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,2})?%?")
_RATIO = re.compile(r"([-+]?\d{1,40})\s*/\s*(\d{1,40})")
_TOO_LONG = 10**40
_QUOTED_OR_SPACE = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|\s+")


@dataclass(frozen=True, slots=True)
class CanonicalAnswer:
    """An answer in canonical form: two answers of a kind agree if their texts are equal."""

    kind: Kind
    text: str

    def agrees(self, other: "CanonicalAnswer") -> bool:
        """Return whether the answers agree; missing and long ones never do."""
        return self.kind not in ("none", "long") and self == other


def read_answer(text: str) -> CanonicalAnswer:
    """Return the answer in a model's text, which may also be the bare answer."""
    conclusion = _conclusion(text[-_LOOKED_AT:]).strip()
    if not conclusion:
        return CanonicalAnswer("none", "")
    if code := _FENCE.fullmatch(conclusion):
        return _code(code[1].strip())
    bare = conclusion.strip("*$` \t\n").rstrip(".").strip("*$` \t\n")
    if choice := _CHOICE.match(bare):
        return CanonicalAnswer("choice", choice[1])
    number = _number(bare)
    if number is not None:
        return CanonicalAnswer("number", str(number))
    if len(bare) > SHORT:
        return CanonicalAnswer("long", bare)
    if bare[:1] in tuple("[{('\"") or "\n" in bare:
        return _code(bare)
    return CanonicalAnswer("text", " ".join(bare.split())) if bare else CanonicalAnswer("none", "")


def _conclusion(text: str) -> str:
    """Return the part that states the answer, or the whole text if none is announced."""
    boxed = text.rfind("\\boxed{")
    if boxed >= 0 and (inside := _braced(text[boxed + len("\\boxed{") :])) is not None:
        return inside
    for mark in (_JSON, _MARKED, _SAID):
        if marked := list(mark.finditer(text)):
            return marked[-1][1].strip().strip('"')
    if fences := list(_FENCE.finditer(text)):
        return fences[-1][0]
    lines = text.strip().splitlines()
    last = lines[-1].strip() if lines else ""
    return last if len(lines) > 1 and (_CHOICE.match(last) or _number(last) is not None) else text


def _braced(text: str) -> str | None:
    depth = 1
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return text[:at]
    return None


def _number(text: str) -> Fraction | None:
    value = _value(text)
    # The canonical text of a longer number could not be parsed again.
    fits = value is not None and max(abs(value.numerator), value.denominator) < _TOO_LONG
    return value if fits else None


def _value(text: str) -> Fraction | None:
    plain = text.replace("\\%", "%").replace("$", "").strip()
    if _NUMBER.fullmatch(plain):
        value = Fraction(plain.rstrip("%").replace(",", "").rstrip(".") or "0")
        return value / 100 if plain.endswith("%") else value
    ratio = _RATIO.fullmatch(plain)
    return Fraction(int(ratio[1]), int(ratio[2])) if ratio and int(ratio[2]) else None


def _code(text: str) -> CanonicalAnswer:
    """Normalize a value: remove blanks outside quotes, and make double quotes single."""
    if len(text) > SHORT:
        return CanonicalAnswer("long", text)

    def tight(match: re.Match[str]) -> str:
        part = match[0]
        return "" if part.isspace() else f"'{part[1:-1]}'"

    return CanonicalAnswer("code", _QUOTED_OR_SPACE.sub(tight, text))
