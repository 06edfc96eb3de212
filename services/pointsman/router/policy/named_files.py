"""Reads files that a policy names, such as models: beside the policy, or shipped with pointsman."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import PlainSerializer, ValidationInfo

from pointsman.router.policy.tier_names import context_of
from pointsman_schemas.base import NamedModel

#: In place of a path: the file that is shipped with pointsman.
BUILTIN = "builtin"
#: The largest file that fits one record of the topic `policy` in base64.
MAX_BYTES = 5 * 1024 * 1024
#: A policy's version includes a file's content, not its path.
BY_CONTENT = PlainSerializer(lambda file: file.sha256, str)


class _Named(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...


M = TypeVar("M", bound=_Named)


@dataclass(frozen=True)
class NamedFile(Generic[M]):
    """A model and the bytes it was read from."""

    content: bytes
    sha256: str
    model: M

    @classmethod
    def holding(cls, content: bytes, model: M) -> "NamedFile[M]":
        """Return the file with these bytes, from which `model` was read."""
        return cls(content, hashlib.sha256(content).hexdigest(), model)

    @property
    def named(self) -> NamedModel:
        """The name, version and SHA-256 in plans and on record."""
        return NamedModel(name=self.model.name, version=self.model.version, sha256=self.sha256)


@dataclass(frozen=True, slots=True)
class FileKind(Generic[M]):
    """A kind of file: its name in errors, how it is read, and the one shipped with pointsman.

    `reader`: the key in a validation's context for another way to read files of this kind.
    """

    name: str
    parse: Callable[[bytes], M]
    package: str
    builtin: str
    reader: str

    def read(self, content: bytes) -> NamedFile[M]:
        """Parse a file.

        Raises:
            ValueError: it is invalid; a subclass of this kind's parser.
        """
        return NamedFile.holding(content, self.parse(content))

    def reader_beside(self, policy: Path) -> Callable[[str], NamedFile[M]]:
        """Return a reader of files by path relative to the policy's."""

        def read(name: str) -> NamedFile[M]:
            if name == BUILTIN:
                return self.read(files(self.package).joinpath(self.builtin).read_bytes())
            return self.read((policy.parent / name).read_bytes())

        return read

    def named(self, written: Any, info: ValidationInfo) -> NamedFile[M]:
        """Return the file that a policy names.

        Raises:
            ValueError: it does not exist, is invalid, or is too large to be recorded.
        """
        kind = self.name
        if not isinstance(written, str) or not written:
            a = "an" if kind[0] in "aeiou" else "a"
            raise ValueError(f"must be the path of {a} {kind} file, relative to this one, or `{BUILTIN}`")
        read: Callable[[str], NamedFile[M]] = context_of(info).get(self.reader) or self.reader_beside(Path())
        try:
            file = read(written)
        except OSError as error:
            raise ValueError(f"`{written}` cannot be read: {error.strerror or error}") from None
        except ValueError as error:
            raise ValueError(f"`{written}` is not a usable {kind}: {error}") from None
        if len(file.content) > MAX_BYTES:
            raise ValueError(
                f"`{written}` has {len(file.content):,} bytes; what fits on record is {MAX_BYTES:,}"
            )
        return file
