"""`privacy.yaml`: rules for masking before storage, and the data subjects to seal for (docs/privacy.md)."""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from pointsman.audit.patterns import BUILT_IN, OwnPattern, Pattern, PatternError
from pointsman.runtime import yaml_file
from pointsman.runtime.yaml_file import Loc
from pointsman_schemas.base import Value

if TYPE_CHECKING:
    from jsonpath_rfc9535 import JSONPathQuery  # imported only if a rule has a path: it takes 3 MB

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
#: Functions of JSONPath that run a regular expression on untrusted text.
_SEARCHES = re.compile(r"\b(?:match|search)\s{0,99}\(")
Words = Annotated[tuple[str, ...], Field(min_length=1)]


class Mask(Value):
    """A masking rule: matches of `patterns`, only within `paths` if given; or everything at `paths`."""

    name: Name
    paths: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    topics: Words = Field(default=("*",), description="without the prefix; `*` matches anything")
    types: Words = Field(default=("*",), description="message types, e.g. `job.*`")

    @cached_property
    def queries(self) -> "tuple[JSONPathQuery, ...]":
        from jsonpath_rfc9535 import compile

        return tuple(compile(path) for path in self.paths)


class Subject(Value):
    """Names the data subject of messages: `subject` for those of an agent, else the value at `path`."""

    agent: str | None = Field(default=None, description="`*` matches anything")
    subject: str | None = Field(default=None, min_length=1, max_length=256)
    path: str | None = None

    @cached_property
    def query(self) -> "JSONPathQuery | None":
        if self.path is None:
            return None
        from jsonpath_rfc9535 import compile

        return compile(self.path)


class PrivacyFile(Value):
    """The content of a privacy file."""

    patterns: dict[Name, str] = Field(default={})
    masks: tuple[Mask, ...] = ()
    subjects: tuple[Subject, ...] = ()

    @cached_property
    def known(self) -> dict[str, Pattern | OwnPattern]:
        return {**BUILT_IN, **{name: OwnPattern.compile(name, text) for name, text in self.patterns.items()}}


def load(path: Path) -> PrivacyFile:
    """Read the file.

    Raises:
        FileError: it is invalid; the error lists every problem.
    """
    return yaml_file.load(path, PrivacyFile, check=_problems)


def _problems(file: PrivacyFile) -> Iterable[tuple[Loc, str]]:
    for name, text in file.patterns.items():
        yield from _bad_pattern(("patterns", name), name, text)
    pattern_names = (*BUILT_IN, *file.patterns)
    names: set[str] = set()
    for index, mask in enumerate(file.masks):
        if mask.name in names:
            yield ("masks", index, "name"), f"`{mask.name}` is there twice"
        names.add(mask.name)
        yield from _bad_mask(("masks", index), mask, pattern_names)
    for index, subject in enumerate(file.subjects):
        yield from _bad_subject(("subjects", index), subject)


def _bad_pattern(at: Loc, name: str, text: str) -> Iterable[tuple[Loc, str]]:
    if name in BUILT_IN:
        yield at, "is the name of a built-in pattern; take another"
    try:
        if OwnPattern.compile(name, text).expression.search("") is not None:
            yield at, "finds the empty text, so it would be found everywhere"
    except PatternError as error:
        yield at, str(error)


def _bad_mask(at: Loc, mask: Mask, names: Sequence[str]) -> Iterable[tuple[Loc, str]]:
    if not mask.paths and not mask.patterns:
        yield at, "names neither paths nor patterns"
    for index, pattern in enumerate(mask.patterns):
        if pattern not in names:
            yield (*at, "patterns", index), f"unknown pattern `{pattern}`; known are {', '.join(names)}"
    for index, path in enumerate(mask.paths):
        yield from _bad_path((*at, "paths", index), path)


def _bad_subject(at: Loc, subject: Subject) -> Iterable[tuple[Loc, str]]:
    if (subject.agent is None) == (subject.path is None):
        yield at, "names either an agent or a path"
    elif (subject.agent is None) != (subject.subject is None):
        yield at, "`subject` goes with `agent`: whom that agent's messages are about"
    if subject.path is not None:
        yield from _bad_path((*at, "path"), subject.path)


def _bad_path(at: Loc, path: str) -> Iterable[tuple[Loc, str]]:
    if _SEARCHES.search(path):
        yield at, "`match()` and `search()` in a path have no bound in time; use `patterns` for what is there"
        return
    from jsonpath_rfc9535 import JSONPathError, compile

    try:
        compile(path)
    except JSONPathError as error:
        why = str(error).partition(",")[0]
        yield at, f"is no JSON path (RFC 9535, such as $.request.messages[*].content): {why}"
