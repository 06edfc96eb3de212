"""Detects a model's refusal to answer; pure, and in linear time.

A refusal is short, and begins, perhaps after an apology, with the assistant stating that it will not do what
was asked. Statements about others, or later in the text, are not refusals, nor is a text that goes on with an
answer. Texts in unknown languages count as answers.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from pointsman.cascade.declined_words import ANSWERS_YET, BEGINNINGS, CLASSES, OFFERS, OPENERS, PATTERNS

#: A longer text is an answer with a caveat; of a shorter one only the beginning is read.
LONGEST = 700
_WORDS = 80
_STOPS = ".!?;:,"
_SAME = str.maketrans(
    {**dict.fromkeys("‘’ʼ´`", "'"), **dict.fromkeys("。．", "."), "，": ",", "、": ",", "！": "!"}
    | dict.fromkeys("*_#>~()–—…\u00a0\u200b\ufeff", " ")
)

Words = Sequence[str]


def declines(text: str) -> bool:
    """Return whether `text` is a refusal."""
    if len(text) > LONGEST:
        return False
    plain = " ".join(text.translate(_SAME).casefold().split())
    if plain.startswith(BEGINNINGS):  # languages without spaces
        return True
    words = _words(plain)
    start = _after_openers(words)
    return any(_goes_no_further(words, end) for pattern in PATTERNS for end in _ends(words, start, pattern))


def _words(plain: str) -> Words:
    for stop in _STOPS:
        plain = plain.replace(stop, f" {stop} ")
    return plain.split()[:_WORDS]


def _after_openers(words: Words) -> int:
    """Return the position after apologies, thanks and other opening phrases."""
    place, moved = 0, True
    while moved and place < len(words):
        moved = False
        if words[place] in (*_STOPS, "-"):
            place, moved = place + 1, True
            continue
        for opener in OPENERS:
            end = max(_ends(words, place, opener), default=place)
            if end > place:
                place, moved = end, True
                break
    return place


def _goes_no_further(words: Words, end: int) -> bool:
    """Return whether no answer follows: `but` introduces one, unless an offer comes after it."""
    following_words = list(words[end:])
    for place, word in enumerate(following_words):
        if word in ANSWERS_YET:
            return any(_ends(following_words, place + 1, offer) for offer in OFFERS)
    return True


def _ends(words: Words, start: int, pattern: Iterable[str]) -> set[int]:
    """Return the positions where a match from `start` can end; see `declined_words` for patterns."""
    places = {start}
    for item in pattern:
        places = {end for place in places for end in _after(words, place, item)}
    return places


def _after(words: Words, place: int, item: str) -> Iterator[int]:
    if item.startswith("~"):
        for end in range(place, min(place + int(item[1:]), len(words)) + 1):
            yield end
            if end < len(words) and words[end] in ".!?;":
                return
    elif item.startswith("<"):
        for length, phrases in CLASSES[item].items():
            if tuple(words[place : place + length]) in phrases:
                yield place + length
    elif item == "|":
        if place >= len(words) or words[place] in _STOPS:
            yield place
    elif place < len(words) and words[place] in _one_of(item):
        yield place + 1


@cache
def _one_of(item: str) -> frozenset[str]:
    return frozenset(item.split("|"))
