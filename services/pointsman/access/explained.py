"""The file of `--explained`: rights on the servers that are expected although not derived."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pointsman.access.changes import AccessChange
from pointsman.runtime.errors import CommandError

_USER = "user "


@dataclass(frozen=True, slots=True)
class Explained:
    """Expected rights. `lines`: of `access plan`, without the sign. `users`: names, or `PREFIX*`."""

    lines: frozenset[str] = frozenset()
    users: tuple[str, ...] = ()

    def covers(self, change: AccessChange) -> bool:
        """Return whether the file explains it; missing rights and changes are never explained."""
        if change.sign not in ("-", "!"):
            return False
        return str(change)[2:] in self.lines or any(_is(name, change.name) for name in self.users)

    def without(self, changes: Iterable[AccessChange]) -> list[AccessChange]:
        return [change for change in changes if not self.covers(change)]


NOTHING = Explained()


def load(file: Path | None, prefix: str) -> Explained:
    """Read `file`: on each line `user NAME`, or a line of `access plan` without its sign, or a `#` comment.

    Raises:
        CommandError: it cannot be read, or explains all users or a user of this installation.
    """
    if file is None:
        return NOTHING
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    lines = set()
    users = []
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        if not line.startswith(_USER):
            lines.add(line.removeprefix("- ").removeprefix("! "))
            continue
        user = line.removeprefix(_USER).strip()
        if _is(user, f"{prefix}.") or user.startswith(f"{prefix}.") or user in ("*", ""):
            raise CommandError(
                f"{file}:{number}: `{line}` would explain any right of our own users",
                "name only users of other systems; explain a right of ours by its line of `access plan`",
            )
        users.append(user)
    return Explained(frozenset(lines), tuple(users))


def _is(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
