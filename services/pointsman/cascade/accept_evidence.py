"""Computes the features of the accept model from the cheap answers, each with its description.

Invariants:
- Only lengths, counts, shares and ratios: no logarithm, no sum whose order could differ between machines.
- An unknown feature is `MISSING`, a value that it cannot have otherwise; never NaN.
- Time is bounded for any length of prompt or answer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import isnan

from pointsman.cascade.accept_answer import CanonicalAnswer, read_answer

MISSING = -9.0
_MOST = 1e6
_LOOKED_AT = 20_000
_OPTION = re.compile(r"\n[A-J]\. ")
_DIGIT = re.compile(r"\d")
_MATHS = re.compile(r"[$\\^_{}=]")


@dataclass(frozen=True, slots=True)
class CheapAnswer:
    """A cheap tier's answer.

    `tokens`: its characters / 4, whatever the provider counts. `logprob`: mean natural logarithm of its
    tokens' probabilities, if the provider reports them.
    """

    tier: str
    said: str
    tokens: float
    logprob: float | None = None


@dataclass(frozen=True)
class AcceptanceEvidence:
    """`checker`: the weaker tier's answer, for comparison; `answer`: the one that may be accepted."""

    prompt: str
    checker: CheapAnswer
    answer: CheapAnswer

    @cached_property
    def read(self) -> tuple[CanonicalAnswer, CanonicalAnswer]:
        """The canonical forms of the checker's and the tier's answer."""
        return read_answer(self.checker.said), read_answer(self.answer.said)

    @property
    def agree(self) -> bool:
        """Whether both answers agree."""
        return self.read[0].agrees(self.read[1])

    @cached_property
    def head(self) -> str:
        """The part of the prompt that is read."""
        return self.prompt[:_LOOKED_AT]

    @cached_property
    def options(self) -> int:
        """The number of options that the prompt offers."""
        return len(_OPTION.findall(self.head))

    def values(self, names: tuple[str, ...]) -> tuple[float, ...]:
        """Return the features with these names, in order."""
        return tuple(_bounded(FEATURES[name].value(self)) for name in names)


@dataclass(frozen=True, slots=True)
class Feature:
    """`words` completes "because of ..."."""

    words: str
    value: Callable[[AcceptanceEvidence], float]


def _bounded(value: float) -> float:
    return MISSING if isnan(value) else round(max(MISSING, min(value, _MOST)), 3)


def _is(kind: str) -> Callable[[AcceptanceEvidence], float]:
    return lambda of: of.read[1].kind == kind


def _share(pattern: re.Pattern[str]) -> Callable[[AcceptanceEvidence], float]:
    return lambda of: len(pattern.findall(of.head)) / max(len(of.head), 1)


def _size(of: AcceptanceEvidence) -> float:
    """Return the magnitude of an answer that is a number."""
    if of.read[1].kind != "number":
        return MISSING
    top, _, bottom = of.read[1].text.partition("/")
    digits = len(top.lstrip("-"))
    return min(abs(int(top)) / int(bottom or 1), _MOST) if digits < 40 else _MOST


def _quoted(of: AcceptanceEvidence) -> float:
    text = of.read[1].text
    return of.read[1].kind in ("number", "code", "text") and text.lower() in of.head.lower()


def _surer(of: AcceptanceEvidence) -> float:
    a, b = of.answer.logprob, of.checker.logprob
    return MISSING if a is None or b is None else a - b


FEATURES: dict[str, Feature] = {
    "agree": Feature("whether the two answers agree", lambda of: of.agree),
    "checker_none": Feature("whether the checker gave an answer", lambda of: of.read[0].kind == "none"),
    "same_kind": Feature(
        "whether both answers are of one kind", lambda of: of.read[0].kind == of.read[1].kind
    ),
    "choice": Feature("the answer being a choice", _is("choice")),
    "number": Feature("the answer being a number", _is("number")),
    "code": Feature("the answer being code", _is("code")),
    "answer_tokens": Feature("the answer's length", lambda of: of.answer.tokens),
    "checker_tokens": Feature("the checker's length", lambda of: of.checker.tokens),
    "tokens_ratio": Feature(
        "the answer's length against the checker's", lambda of: of.answer.tokens / max(of.checker.tokens, 1.0)
    ),
    "short_text": Feature("how much the answer comes down to", lambda of: len(of.read[1].text)),
    "quoted": Feature("the answer standing in the prompt", _quoted),
    "size": Feature("the size of the number", _size),
    "whole": Feature("the number being whole", lambda of: "/" not in of.read[1].text),
    "negative": Feature("the number being negative", lambda of: of.read[1].text.startswith("-")),
    "last_option": Feature(
        "the answer being the last option",
        lambda of: of.read[1].kind == "choice" and ord(of.read[1].text) - 64 == of.options,
    ),
    "prompt_chars": Feature("the prompt's length", lambda of: min(len(of.prompt), _LOOKED_AT)),
    "options": Feature("the number of options offered", lambda of: of.options),
    "digits": Feature("the share of digits in the prompt", _share(_DIGIT)),
    "maths": Feature("the share of mathematical signs in the prompt", _share(_MATHS)),
    "lines": Feature("the number of lines in the prompt", lambda of: of.head.count("\n")),
    "asks": Feature("the prompt ending with a question mark", lambda of: of.head.rstrip().endswith("?")),
    "answer_logprob": Feature(
        "the answer's own certainty",
        lambda of: MISSING if of.answer.logprob is None else of.answer.logprob,
    ),
    "surer": Feature("how much surer the answer is than the checker", _surer),
}
