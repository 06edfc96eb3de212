"""Files that a policy names, such as models: beside the policy, or shipped with pointsman."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import PlainSerializer, ValidationInfo

from pointsman.router.policy.tier_names import context_of
from pointsman_schemas.base import NamedModel

#: Instead of a path: the one that comes with pointsman.
BUILTIN = "builtin"
#: What fits into one record of the topic `policy`, written in base64.
MAX_BYTES = 5 * 1024 * 1024
#: What of a file counts in a policy's version: what it holds, not where it is.
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
        """`model`, which was read from these bytes."""
        return cls(content, hashlib.sha256(content).hexdigest(), model)

    @property
    def named(self) -> NamedModel:
        """What plans and the record call it."""
        return NamedModel(name=self.model.name, version=self.model.version, sha256=self.sha256)


@dataclass(frozen=True, slots=True)
class FileKind(Generic[M]):
    """A kind of file: its name in errors, how it is read, and the one shipped with pointsman.

    `reader`: the key in a validation's context for another way to find files of this kind.
    """

    name: str
    parse: Callable[[bytes], M]
    package: str
    builtin: str
    reader: str

    def read(self, content: bytes) -> NamedFile[M]:
        """The model that these bytes are.

        Raises:
            ValueError: they are none; of the kind's own class.
        """
        return NamedFile.holding(content, self.parse(content))

    def reader_beside(self, policy: Path) -> Callable[[str], NamedFile[M]]:
        """Reads files by their path relative to the policy's."""

        def read(name: str) -> NamedFile[M]:
            if name == BUILTIN:
                return self.read(files(self.package).joinpath(self.builtin).read_bytes())
            return self.read((policy.parent / name).read_bytes())

        return read

    def named(self, written: Any, info: ValidationInfo) -> NamedFile[M]:
        """The file that a policy names.

        Raises:
            ValueError: it is not there, is something else, or is too large to be put on record.
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
