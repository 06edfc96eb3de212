"""Masks a record by the rules that apply to it: masked text is replaced by a marker.

Invariants:
- A value that cannot be searched (it is not plain JSON, and a rule has paths) is masked as a whole.
- Text masked at a path is masked wherever the record repeats it: as a whole text always; as part of a text if
  it has at least four characters and is among the 256 longest.
- Nothing here raises.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from heapq import nlargest
from json import loads
from typing import Any, TypeAlias

import orjson

from pointsman.audit.privacy_file import Mask, PrivacyFile
from pointsman.bus.codec.records import Incoming
from pointsman.store.privacy.sealing import MasterKey

Leaf: TypeAlias = str | int | float | bool | None


def plain_json(value: bytes) -> Any:
    """Parse a JSON document.

    Raises:
        ValueError: it is not JSON, or an object repeats a key: only the last value would be searched.
        RecursionError: it is nested too deeply.
    """
    document = orjson.loads(value)
    loads(value, object_pairs_hook=_once)
    return document


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is there twice")


def changed(document: Any, change: Callable[[Leaf], Leaf]) -> Any:
    """Return the document with `change` applied to every key and to every value but objects and lists."""
    match document:
        case dict():
            return {str(change(key)): changed(value, change) for key, value in document.items()}
        case list():
            return [changed(value, change) for value in document]
        case _:
            return change(document)


def leaves(document: Any) -> Iterator[Leaf]:
    """Yield every value that is not an object or list."""
    match document:
        case dict():
            for value in document.values():
                yield from leaves(value)
        case list():
            for value in document:
                yield from leaves(value)
        case _:
            yield document


def put(document: Any, location: Sequence[str | int], value: Any) -> Any:
    """Return the document with `value` at an existing location, given as keys and indices from the top."""
    if not location:
        return value
    inner = document
    for step in location[:-1]:
        inner = inner[step]
    inner[location[-1]] = value
    return document


_MARKER = "[masked"
_ESCAPED = re.compile(r"(?<!\\)\\++u([0-9a-fA-F]{4})")
#: A shorter text occurs in others by chance.
_LEAST = 4
#: Limits the time for a record with a great many masked texts.
_MOST = 256
#: The header with a dead letter's reason, which may quote part of the record.
_QUOTES = "ce_detail"
#: Topics that are masked only by rules that name them: a changed policy or checkpoint would be useless.
_OUR_OWN = frozenset(("policy", "audit.checkpoints"))


@dataclass(frozen=True, slots=True)
class Masked:
    """A masked record and the `rules` that masked something; `clean` masks other text about the record."""

    record: Incoming
    rules: tuple[str, ...]
    clean: Callable[[str], str]


class Masking:
    """Applies the masks of a privacy file; `master`: the key for the digests in markers."""

    def __init__(self, file: PrivacyFile, master: MasterKey, prefix: str) -> None:
        self._file = file
        self._master = master
        self._prefix = f"{prefix}."
        self.rules = lru_cache(maxsize=1024)(self._rules)

    def mask(self, record: Incoming, rules: Sequence[Mask], names: Set[str]) -> Masked | None:
        """Return the record masked by these rules; None if they match nothing.

        `names`: the row's column values; one inside an object or list at a path is not masked elsewhere.
        """
        work = _Work(self._file, self._master, record, rules, names)
        masked = work.record()
        return Masked(masked, tuple(work.fired), work.clean) if work.fired else None

    def _rules(self, topic: str, kind: str | None) -> tuple[Mask, ...]:
        """Return the rules for messages of this topic and kind; None matches every kind."""
        return tuple(rule for rule in self._file.masks if self._applies(rule, topic, kind))

    def _applies(self, rule: Mask, topic: str, kind: str | None) -> bool:
        name = topic.removeprefix(self._prefix)
        if name in _OUR_OWN:
            return name in rule.topics
        return any(fnmatchcase(name, topic) for topic in rule.topics) and (
            kind is None or any(fnmatchcase(kind, pattern) for pattern in rule.types)
        )


class _Work:
    """Masks one record: keeps the rules that `fired` and the text that they removed."""

    def __init__(
        self,
        file: PrivacyFile,
        master: MasterKey,
        record: Incoming,
        rules: Sequence[Mask],
        names: Set[str],
    ) -> None:
        self._patterns = file.known
        self._master = master
        self._record = record
        self._rules = rules
        self._everywhere = [rule for rule in rules if not rule.paths]
        self._names = names
        self._taken: set[str] = set()
        self._longest: list[str] = []
        self._sorted_of = 0
        self.fired: dict[str, None] = {}

    def record(self) -> Incoming:
        """Return the record without what the rules match."""
        record = self._record
        value = None if record.value is None else self._value(record.value)
        key = record.key and self._bytes(record.key)
        headers = [
            (self.clean(name), self._bytes(content) if content else content)
            for name, content in record.headers
        ]
        if not self.fired:
            return record
        masked = tuple((name, b"[masked]" if name == _QUOTES else content) for name, content in headers)
        return replace(record, key=key, value=value, headers=masked)

    def clean(self, text: str) -> str:
        """Return the text without matches of patterns and without text that was removed elsewhere."""
        return self._scrubbed(self._searched(text))

    def _value(self, value: bytes) -> bytes:
        try:
            document = plain_json(value)
        except (ValueError, RecursionError):
            if blind := next((rule for rule in self._rules if rule.paths), None):
                return orjson.dumps(self._mark(blind, value))
            return self._bytes(value)
        try:
            for rule in self._rules:
                document = self._by(rule, document)
            if self._taken:
                document = changed(document, self._scrubbed_leaf)
            return orjson.dumps(document) if self.fired else value
        except Exception:
            # For example nested too deeply, or a number that is not JSON: what was not searched is not kept.
            return orjson.dumps(self._mark(self._rules[0], value))

    def _by(self, rule: Mask, document: Any) -> Any:
        def leaf(leaf_value: Leaf) -> Leaf:
            if isinstance(leaf_value, bool) or leaf_value is None:
                return leaf_value
            text = str(leaf_value)
            masked = self._searched(text, [rule])
            return leaf_value if masked == text else masked

        if not rule.paths:
            return changed(document, leaf)
        for query in rule.queries:
            # The deepest first: an enclosing value is masked after the values in it.
            for node in sorted(query.find(document), key=lambda place: -len(place.location)):
                masked = changed(node.value, leaf) if rule.patterns else self._at_path(rule, node.value)
                document = put(document, node.location, masked)
        return document

    def _at_path(self, rule: Mask, node: Any) -> Any:
        if node is None or (isinstance(node, str) and node.startswith(_MARKER)):
            return node
        texts = {str(leaf) for leaf in leaves(node) if not isinstance(leaf, bool) and leaf not in (None, "")}
        self._taken |= texts - self._names if isinstance(node, dict | list) else texts
        return self._mark(rule, orjson.dumps(node))

    def _searched(self, text: str, rules: Iterable[Mask] | None = None) -> str:
        """Return the text without matches of the patterns of `rules`; default: all rules without paths."""
        plain = _ESCAPED.sub(_unescaped, text) if "\\" in text else text
        masked = plain
        for rule in self._everywhere if rules is None else rules:
            for name in rule.patterns:
                masked = self._patterns[name].replace(masked, partial(self._found, rule))
        return text if masked == plain else masked

    def _found(self, rule: Mask, text: str) -> str:
        if rule.paths:  # rules without paths search every text anyway
            self._taken.add(text)
        return self._mark(rule, _raw(text))

    def _bytes(self, raw: bytes) -> bytes:
        text = raw.decode("utf-8", "surrogateescape")
        cleaned = self.clean(text)
        return raw if cleaned == text else _raw(cleaned)

    def _scrubbed(self, text: str) -> str:
        if text in self._taken:
            return "[masked]"
        if self._sorted_of != len(self._taken):  # the set only grows, so its size shows a change
            self._sorted_of = len(self._taken)
            self._longest = nlargest(
                _MOST, (secret for secret in self._taken if len(secret) >= _LEAST), key=len
            )
        for secret in self._longest:
            if secret in text:
                text = text.replace(secret, "[masked]")
        return text

    def _scrubbed_leaf(self, leaf: Leaf) -> Leaf:
        if isinstance(leaf, str):
            return self._scrubbed(leaf)
        # Null instead of a marker: views compute with some numbers, and a text would fail the whole query.
        return None if len(str(leaf)) >= _LEAST and str(leaf) in self._taken else leaf

    def _mark(self, rule: Mask, original: bytes) -> str:
        self.fired[rule.name] = None
        return f"{_MARKER} {rule.name} {self._master.mark(self._record.origin, rule.name, original)}]"


def _raw(text: str) -> bytes:
    """Encode as bytes and restore those that were not UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def _unescaped(escape: re.Match[str]) -> str:
    """Return the escaped character, except control characters and surrogates."""
    code = int(escape[1], 16)
    return escape[0] if code < 0x20 or 0xD800 <= code < 0xE000 else chr(code)
