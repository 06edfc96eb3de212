"""Read a YAML file into a frozen model, and report all its errors at once, as a compiler does.

Values are read as in YAML 1.2: `no`, `off`, `2026-01-31` and `12:30` are strings.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)

#: The path of a value in the document: keys and list indices from the top.
Loc = tuple[str | int, ...]

#: A check beyond the model's own validation: yields pairs of a place and a problem.
Check = Callable[[M], Iterable[tuple[Loc, str]]]


class FileError(Exception):
    """The file is invalid; `str()` has one line `path:line:column: message` per problem."""

    def __init__(self, path: str, problems: Iterable[tuple[int | None, int, str]], *, hint: str = "") -> None:
        self.hint = hint
        self.problems = tuple(
            path + (f": {message}" if line is None else f":{line}:{column}: {message}")
            for line, column, message in sorted(problems, key=lambda problem: (problem[0] or 0, problem[1:]))
        )
        super().__init__("\n".join(self.problems))


def load(
    path: Path, model: type[M], *, context: Mapping[str, Any] | None = None, check: Check[M] | None = None
) -> M:
    """Read `path` into a `model`. `context` is passed to its validators; `check` examines the result.

    Raises:
        FileError: the file is unreadable or invalid; it has every problem found.
    """
    return parse(read_text(path), str(path), model, context=context, check=check)


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        FileError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FileError(str(path), [(None, 0, f"not UTF-8 at byte {error.start}")]) from None
    except OSError as error:
        raise FileError(
            str(path),
            [(None, 0, f"cannot be read: {error.strerror}")],
            hint="" if path.exists() else "name a file that exists, or make one: pointsman init",
        ) from error


def parse(
    text: str,
    path: str,
    model: type[M],
    *,
    context: Mapping[str, Any] | None = None,
    check: Check[M] | None = None,
) -> M:
    """Parse a text as `load` does; errors name `path`."""
    document = _Document()
    try:
        data = document.read(text)
    except yaml.YAMLError as error:
        raise FileError(path, [_syntax(error)]) from None
    try:
        parsed = model.model_validate({} if data is None else data, context=dict(context or {}))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        document.problems += [
            document.explain(model, problem) for problem in problems if not _follows(problem, problems)
        ]
    else:
        document.problems += [
            (*document.place(loc), _at(loc) + problem) for loc, problem in (check(parsed) if check else ())
        ]
        if not document.problems:
            return parsed
    raise FileError(path, document.problems)


class LongNumber(float):
    """A number with more digits than a float holds. `str` returns all of them, for a decimal."""

    written: str

    def __str__(self) -> str:
        return self.written

    @classmethod
    def read(cls, value: float, written: str) -> float:
        """Return `value`, as a LongNumber if a float cannot represent what was written."""
        try:
            is_whole = not isfinite(value) or Decimal(written) == Decimal(repr(value))
        except InvalidOperation:
            return value
        if is_whole:
            return value
        number = cls(value)
        number.written = written
        return number


class _Loader(yaml.SafeLoader):
    """Loads plain data only: no aliases, and no types that JSON lacks."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  # typed in the class above; empty, so that none is inherited

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                None, None, "aliases (*name) are not supported: write the value out", mark
            )
        return super().compose_node(parent, index)


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", [*"~nN", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", [*"tTfF"]),
    ("int", r"^[-+]?(?:0|[1-9][0-9_]*)$", [*"-+0123456789"]),
    ("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$", [*"-+.0123456789"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


@dataclass
class _Document:
    """The positions of a document's keys and values, and the problems found in it."""

    keys: dict[Loc, yaml.Mark] = field(default_factory=dict)
    values: dict[Loc, yaml.Mark] = field(default_factory=dict)
    problems: list[tuple[int | None, int, str]] = field(default_factory=list)

    def read(self, text: str) -> Any:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            return None if node is None else self._data(loader, node, ())
        finally:
            loader.dispose()

    def _data(self, loader: _Loader, node: yaml.Node, loc: Loc) -> Any:
        self.values[loc] = node.start_mark
        if isinstance(node, yaml.SequenceNode):
            return [self._data(loader, item, (*loc, index)) for index, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self._scalar(loader, node, loc)
        data: dict[str, Any] = {}
        for key, value in node.value:
            where = (key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append((*where, f"{_at(loc)}a key must be a plain text"))
            elif key.value in data:
                first = self.keys[*loc, key.value].line + 1
                self.problems.append(
                    (*where, f"{_at(loc)}`{key.value}` is there twice, first in line {first}")
                )
            else:
                self.keys[*loc, key.value] = key.start_mark
                data[key.value] = self._data(loader, value, (*loc, key.value))
        return data

    def _scalar(self, loader: _Loader, node: yaml.Node, loc: Loc) -> Any:
        try:
            value = loader.construct_object(node)
        except ValueError:  # such as `!!int abc`
            self.problems.append((*self.place(loc), f"{_at(loc)}is not what its tag {node.tag} says"))
            return None
        return LongNumber.read(value, node.value) if type(value) is float else value

    def place(self, loc: Loc, *, of_key: bool = False) -> tuple[int, int]:
        """Return line and column, from 1, of the value at `loc`, or of the nearest enclosing one."""
        marks = self.keys if of_key and loc in self.keys else self.values
        while loc and loc not in marks:
            loc = loc[:-1]
        mark = marks.get(loc)
        return (mark.line + 1, mark.column + 1) if mark else (1, 1)

    def explain(self, model: type[BaseModel], problem: Mapping[str, Any]) -> tuple[int, int, str]:
        """Return place and message of an error of pydantic's."""
        loc: Loc = ()
        for part in problem["loc"]:  # a part that is not in the document names a branch of a union
            loc = (*loc, part) if (*loc, part) in self.values else loc
        last = problem["loc"][-1] if problem["loc"] else ""
        match problem["type"]:
            case "missing":
                return (*self.place(loc), f"{_at(loc)}`{last}` is missing")
            case "extra_forbidden":
                fields = _fields_at(model, loc[:-1])
                return (
                    *self.place(loc, of_key=True),
                    f"{_at(loc[:-1])}unknown key `{last}`{_nearest(str(last), fields)}",
                )
            case "model_type" | "dict_type":
                text = "must be a mapping (lines of `key: value`)"
            case "list_type" | "tuple_type":
                text = "must be a list (lines that begin with `- `)"
            case "value_error":
                text = str(problem["ctx"]["error"])
            case "too_short":
                text = f"must have at least {problem['ctx']['min_length']}"
            case "string_pattern_mismatch":
                text = f"must match {problem['ctx']['pattern']}"
            case _:
                text = problem["msg"].replace("Input should be", "must be")
        return (*self.place(loc, of_key=last == "[key]"), _at(loc) + text)


def _at(loc: Loc) -> str:
    """Format a path, as in `tiers.small.attempts: `; empty at the top."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
    return text and f"{text}: "


def _follows(problem: Mapping[str, Any], problems: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether the problem follows from others: a list seems too short if its items are invalid."""
    loc = problem["loc"]
    below = (other["loc"] for other in problems if len(other["loc"]) > len(loc))
    return problem["type"] == "too_short" and any(other[: len(loc)] == loc for other in below)


def _nearest(key: str, keys: list[str]) -> str:
    if near := get_close_matches(key, keys, n=1, cutoff=0.5):
        return f", did you mean `{near[0]}`?"
    return f"; known are {', '.join(keys)}" if keys else ""


def _fields_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """Return the keys that the model at `loc` accepts."""
    models = [model]
    for part in loc:
        inner = [
            m
            for outer in models
            if part in outer.model_fields
            for m in _models(outer.model_fields[str(part)].annotation)
        ]
        models = inner or models
    return list(dict.fromkeys(f.alias or name for m in models for name, f in m.model_fields.items()))


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models in an annotation such as `dict[str, Tier] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _syntax(error: yaml.YAMLError) -> tuple[int | None, int, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return (None, 0, f"is not YAML: {error}".replace("\n", " "))
    context = getattr(error, "context", None)
    text = getattr(error, "problem", None) or "is not YAML"
    return (mark.line + 1, mark.column + 1, f"{text} ({context})" if context else text)
