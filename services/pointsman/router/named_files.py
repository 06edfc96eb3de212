"""Files that a policy names, such as models: found beside it, or among those that come with pointsman."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, TypeVar

#: Instead of a path: the one that comes with pointsman.
BUILTIN = "builtin"
#: What fits into one record of the topic `policy`, written in base64.
MAX_BYTES = 5 * 1024 * 1024


class Named(Protocol):
    """What was read, with the bytes it was read from."""

    @property
    def content(self) -> bytes: ...


N = TypeVar("N", bound=Named)
T = TypeVar("T")


def beside(policy: Path, of: Callable[[bytes], T], package: str, builtin: str) -> Callable[[str], T]:
    """Reads files by their path relative to the policy's; `builtin` is a file of `package`."""

    def read(name: str) -> T:
        if name == BUILTIN:
            return of(files(package).joinpath(builtin).read_bytes())
        return of((policy.parent / name).read_bytes())

    return read


def read_named(written: Any, read: Callable[[str], N], what: str) -> N:
    """The file that a policy names; `what` it should be, such as `model`.

    Raises:
        ValueError: it is not there, is something else, or is too large to be put on record.
    """
    if not isinstance(written, str) or not written:
        a = "an" if what[0] in "aeiou" else "a"
        raise ValueError(f"must be the path of {a} {what} file, relative to this one, or `{BUILTIN}`")
    try:
        file = read(written)
    except OSError as error:
        raise ValueError(f"`{written}` cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ValueError(f"`{written}` is no {what}: {error}") from None
    if len(file.content) > MAX_BYTES:
        raise ValueError(f"`{written}` has {len(file.content):,} bytes; what fits on record is {MAX_BYTES:,}")
    return file
