"""Counts the steps of a backtracking search, with a reimplementation of `re` on `re`'s own parse tree.

Each compared character and each tried alternative is a step, so the count is the same on any machine. Its
tests check that it finds what `re` finds.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

# `re`'s parse tree, which has no public interface.
_compiler, _constants, _parser = map(import_module, ("re._compiler", "re._constants", "re._parser"))

#: From a position to the end of the match, or None; a Node also gets its continuation.
Next = Callable[[int], int | None]
Node = Callable[[int, Next], int | None]

_ONE = {_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN}
_REPEATS = {_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT}


def _anywhere_but(refused: int) -> Next:
    return lambda place: None if place == refused else place


def _end(place: int, then: Next) -> int | None:
    return then(place)


class TooManyStepsError(Exception):
    """The search took more steps than allowed."""


class Backtracking:
    """One pattern; `steps` are those since `begin` was called.

    `bound`: the most repetitions tried, unless the pattern demands more or has no maximum of its own. It
    affects how many steps a character takes, not whether that number is bounded.
    """

    def __init__(self, pattern: "re.Pattern[Any]", bound: int = 64) -> None:
        source = pattern.pattern
        self._tree = _parser.parse(source if isinstance(source, str) else source.decode("latin-1"))
        bytes_as_text = 0 if isinstance(source, str) else re.ASCII
        self._flags = (pattern.flags | bytes_as_text) & ~(bytes_as_text and re.UNICODE)
        self._singles: list[re.Pattern[str]] = []
        self._places: list[re.Pattern[str]] = []
        self._kinds: dict[str, tuple[bool, ...]] = {}
        self._text, self._bound = "", bound
        self.steps, self._most = 0, 0
        self._whole = self._sequence(self._tree, self._flags)

    def kind(self, character: str) -> tuple[bool, ...]:
        """The kind of a character; the pattern treats characters of one kind alike."""
        if character not in self._kinds:
            around = (f"{character}a", f"{character} ", f"a{character}", f" {character}", character)
            matches = [single.match(character) for single in self._singles]
            matches += [place.match(text, at) for place in self._places for text in around for at in (0, 1)]
            self._kinds[character] = tuple(match is not None for match in matches)
        return self._kinds[character]

    def begin(self, text: str, most: int) -> None:
        """Resets the counter for this text, with the limit `most`."""
        self._text, self._most, self.steps = text, most, 0

    def full(self) -> tuple[int, int] | None:
        """Like `fullmatch`. Raises TooManyStepsError."""
        end = self._whole(0, lambda place: place if place == len(self._text) else None)
        return None if end is None else (0, end)

    def all(self) -> Iterator[tuple[int, int]]:
        """Like `finditer`: start and end of each match. Raises TooManyStepsError."""
        start, was_empty = 0, False
        while start <= len(self._text):
            end = self._whole(start, _anywhere_but(start if was_empty else -1))  # no second empty match there
            if end is None:
                start, was_empty = start + 1, False
                continue
            yield start, end
            start, was_empty = end, end == start

    def _step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > self._most:
            raise TooManyStepsError

    def _sequence(self, tree: Sequence[tuple[Any, Any]], flags: int) -> Node:
        run: Node = _end
        for code, given in reversed(list(tree)):
            run = self._before(self._node(code, given, flags), run)
        return run

    def _before(self, node: Node, rest: Node) -> Node:
        if rest is _end:
            return node
        return lambda place, then: node(place, lambda next: rest(next, then))

    def _node(self, code: Any, given: Any, flags: int) -> Node:
        if code in _ONE:
            return self._single(code, given, flags)
        if code is _constants.AT:
            return self._at(code, given, flags)
        if code is _constants.BRANCH:
            return self._branch(
                [(self._first(tree, flags), self._sequence(tree, flags)) for tree in given[1]]
            )
        if code is _constants.SUBPATTERN:
            _, more, less, tree = given
            return self._sequence(tree, (flags | more) & ~less)
        if code in _REPEATS:
            least, most, tree = given
            return self._repeat(code, least, most, tree, flags)
        if code is _constants.ATOMIC_GROUP:
            return self._atomic(self._sequence(given, flags))
        if code in (_constants.ASSERT, _constants.ASSERT_NOT):
            direction, tree = given
            return self._look(code is _constants.ASSERT, direction, tree, flags)
        raise NotImplementedError(f"{code} is not counted yet")  # back references and conditionals

    def _single(self, code: Any, given: Any, flags: int) -> Node:
        fits = self._fits(code, given, flags)

        def run(place: int, then: Next) -> int | None:
            self._step()
            return then(place + 1) if fits(place) else None

        return run

    def _fits(self, code: Any, given: Any, flags: int) -> Callable[[int], bool]:
        compiled = self._compiled(code, given, flags)
        self._singles.append(compiled)
        known: dict[str, bool] = {}

        def fits(place: int) -> bool:
            if place >= len(self._text):
                return False
            character = self._text[place]
            if character not in known:
                known[character] = compiled.match(character) is not None
            return known[character]

        return fits

    def _compiled(self, code: Any, given: Any, flags: int) -> "re.Pattern[str]":
        state = _parser.State()
        state.flags, state.str = flags, ""
        compiled: re.Pattern[str] = _compiler.compile(_parser.SubPattern(state, [(code, given)]), flags)
        return compiled

    def _at(self, code: Any, given: Any, flags: int) -> Node:
        compiled = self._compiled(code, given, flags)
        self._places.append(compiled)

        def run(place: int, then: Next) -> int | None:
            self._step()
            return then(place) if compiled.match(self._text, place) else None

        return run

    def _first(self, tree: Sequence[tuple[Any, Any]], flags: int) -> Callable[[int], bool]:
        """Whether an alternative may start here. `re` checks its first character before it tries it."""
        if tree and tree[0][0] in _ONE:
            return self._fits(tree[0][0], tree[0][1], flags)
        return lambda _: True

    def _branch(self, ways: Sequence[tuple[Callable[[int], bool], Node]]) -> Node:
        def run(place: int, then: Next) -> int | None:
            self._step()
            for may_begin, way in ways:
                if may_begin(place) and (end := way(place, then)) is not None:
                    return end
            return None

        return run

    def _atomic(self, inner: Node) -> Node:
        def run(place: int, then: Next) -> int | None:
            end = inner(place, lambda next: next)
            return None if end is None else then(end)

        return run

    def _look(self, wanted: bool, direction: int, tree: Any, flags: int) -> Node:
        inner = self._sequence(tree, flags)
        back = tree.getwidth()[0] if direction < 0 else 0

        def run(place: int, then: Next) -> int | None:
            self._step()
            matched = place >= back and inner(place - back, lambda next: next) is not None
            return then(place) if matched == wanted else None

        return run

    def _repeat(self, code: Any, least: int, most: Any, tree: Any, flags: int) -> Node:
        top = float("inf") if most is _constants.MAXREPEAT else max(least, min(int(most), self._bound))
        if len(tree) == 1 and tree[0][0] in _ONE:
            run = self._many(
                self._fits(tree[0][0], tree[0][1], flags), least, top, lazy=code is _constants.MIN_REPEAT
            )
        else:
            run = self._loop(self._sequence(tree, flags), least, top, lazy=code is _constants.MIN_REPEAT)
        return self._atomic(run) if code is _constants.POSSESSIVE_REPEAT else run

    def _many(self, fits: Callable[[int], bool], least: int, most: float, *, lazy: bool) -> Node:
        """Repeats one character in a loop, as `re` does, without a call for each."""

        def greedy(place: int, then: Next) -> int | None:
            end = place
            while end - place < most and fits(end):
                end += 1
            self._step(end - place + 1)
            while end - place >= least:
                self._step()
                if (matched := then(end)) is not None:
                    return matched
                end -= 1
            return None

        def reluctant(place: int, then: Next) -> int | None:
            end = place
            while True:
                self._step()
                if end - place >= least and (matched := then(end)) is not None:
                    return matched
                if end - place >= most or not fits(end):
                    return None
                end += 1

        return reluctant if lazy else greedy

    def _loop(self, inner: Node, least: int, most: float, *, lazy: bool) -> Node:
        def run(place: int, then: Next, count: int = 0, before: int = -1) -> int | None:
            self._step()

            def more() -> int | None:
                if count >= most or (place == before and count >= least):  # no endless empty repetitions
                    return None
                return inner(place, lambda next: run(next, then, count + 1, place))

            if count < least:
                return more()
            if lazy:
                matched = then(place)
                return more() if matched is None else matched
            matched = more()
            return then(place) if matched is None else matched

        return run
