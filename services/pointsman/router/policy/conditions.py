"""Compiles a rule's conditions to functions: whether one holds, and its text for the check."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter, ge, le
from typing import NamedTuple

from pointsman.router.policy.facts import JobFacts
from pointsman.router.policy.policy_file import When
from pointsman.router.policy.tier_names import ASKED

Scalar = str | int | float | bool | None


class Condition(NamedTuple):
    """`describe`: returns both sides of the comparison as text, whether it holds or not."""

    holds: Callable[[JobFacts], bool]
    describe: Callable[[JobFacts], str]


def conditions(when: When, tiers: Sequence[str]) -> tuple[Condition, ...]:
    """Return the conditions in `when`, in the order in which they are checked."""
    return tuple(_in_order(when, tiers))


def _in_order(when: When, tiers: Sequence[str]) -> Iterator[Condition]:
    if when.tier:
        yield _tier(tiers if ASKED in when.tier else when.tier)
    if when.kind:
        yield _text("kind", when.kind)
    if when.agent:
        yield _text("agent", when.agent)
    for key, options in sorted(when.metadata.items()):  # sorted, as in the policy's version
        yield _metadata(key, options)
    if when.tools is not None:
        yield _tools(when.tools)
    if when.response_format is not None:
        yield _response_format(when.response_format)
    for bound, unit, measure, is_minimum in (
        (when.min_chars, "characters", "chars", True),
        (when.max_chars, "characters", "chars", False),
        (when.min_turns, "messages", "turns", True),
        (when.max_turns, "messages", "turns", False),
    ):
        if bound is not None:
            yield _bounded(bound, unit, measure, is_minimum)


def _tier(options: Sequence[str]) -> Condition:
    values = frozenset(options)
    listed = " or ".join(options)

    def describe(facts: JobFacts) -> str:
        requested = "no tier is asked for" if facts.tier is None else f"tier {facts.tier} is asked for"
        return f"{requested}, wanted is {listed}"

    return Condition(lambda facts: facts.tier in values, describe)


def _text(field: str, options: Sequence[str]) -> Condition:
    value_of = attrgetter(field)
    values = frozenset(options)
    listed = " or ".join(options)
    describe = lru_cache(maxsize=256)(lambda value: f"{field} is {show(value)}, wanted is {listed}")
    return Condition(lambda facts: value_of(facts) in values, lambda facts: describe(value_of(facts)))


def _metadata(key: str, options: Sequence[Scalar]) -> Condition:
    values = frozenset(_exact(value) for value in options)
    listed = " or ".join(map(show, options))

    def holds(facts: JobFacts) -> bool:
        return key in facts.metadata and _exact(facts.metadata[key]) in values

    def describe(facts: JobFacts) -> str:
        return f"metadata {key} is {show(facts.metadata.get(key))}, wanted is {listed}"

    return Condition(holds, describe)


def _tools(is_wanted: bool) -> Condition:
    side = "some are wanted" if is_wanted else "none is wanted"
    return Condition(
        lambda facts: (facts.tools > 0) is is_wanted, lambda facts: f"{facts.tools} tools given, {side}"
    )


def _response_format(is_wanted: bool) -> Condition:
    side = "one is wanted" if is_wanted else "none is wanted"
    return Condition(
        lambda facts: (facts.response_format is not None) is is_wanted,
        lambda facts: f"response format is {show(facts.response_format)}, {side}",
    )


def _bounded(bound: int, unit: str, measure: str, is_minimum: bool) -> Condition:
    value_of = attrgetter(measure)
    compare, holds, fails = (ge, ">=", "<") if is_minimum else (le, "<=", ">")

    def describe(facts: JobFacts) -> str:
        value = value_of(facts)
        return f"{value} {unit} {holds if compare(value, bound) else fails} {bound}"

    return Condition(lambda facts: compare(value_of(facts), bound), describe)


def _exact(value: Scalar) -> tuple[bool, Scalar]:
    """Tell true from 1, as JSON does."""
    return isinstance(value, bool), value


def show(value: Scalar) -> str:
    """Return a publisher's value for people: in JSON's words, at most 40 characters, all printable."""
    if isinstance(value, str):
        text = value if len(value) <= 40 else f"{value[:39]}…"
        return text if text.isprintable() else ascii(text)
    if value is None:
        return "not given"
    return str(value).lower() if isinstance(value, bool) else str(value)
