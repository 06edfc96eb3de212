"""New passwords as environment variables, and the files that hold them."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from pointsman.access.apply import Passwords, Servers
from pointsman.access.derive import Access
from pointsman.bus.admin.users import MECHANISM
from pointsman.runtime.errors import CommandError
from pointsman.runtime.private_file import write_private
from pointsman.store.roles import AUDITOR, CLAIMS, WRITER, as_login

#: The variable for a login's address, by role.
_POSTGRES = {WRITER: "POINTSMAN_POSTGRES_WRITER", AUDITOR: "POINTSMAN_POSTGRES", CLAIMS: "POINTSMAN_CLAIMS"}

_PASSWORD = "POINTSMAN_KAFKA_PASSWORD"

Variables = dict[str, str]


def renewed(access: Access, named: Iterable[str]) -> list[str]:
    """Return full user names; `named` may leave out the prefix.

    Raises:
        CommandError: there is no such user.
    """
    full_names = []
    for name in named:
        user = name if name in access.users else f"{access.prefix}.{name}"
        if user not in access.users:
            near = get_close_matches(user, access.users, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(access.users)}"
            raise CommandError(f"there is no user {name}", hint, code=2)
        full_names.append(user)
    return full_names


def variables_by_user(
    access: Access, servers: Servers, passwords: Mapping[str, Passwords]
) -> dict[str, Variables]:
    return {user: dict(_variables(access, servers, user, new)) for user, new in passwords.items()}


def _variables(access: Access, servers: Servers, user: str, new: Passwords) -> Iterable[tuple[str, str]]:
    if new.kafka is not None:
        yield "POINTSMAN_KAFKA_SASL_MECHANISM", MECHANISM
        yield "POINTSMAN_KAFKA_USERNAME", user
        yield _PASSWORD, new.kafka
    if new.postgres is not None and servers.postgres is not None:
        yield _POSTGRES[access.logins[user]], as_login(servers.postgres, user, new.postgres)


def write(folder: Path, secrets: Mapping[str, Variables]) -> None:
    """Write `USER.env` for each user, mode 600. New variables replace old ones; the others are kept.

    `USER.password` holds only the Kafka password: a process that reads this file needs no restart after a
    change.

    Raises:
        OSError: a file cannot be written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for user, variables in secrets.items():
        file = folder / f"{user}.env"
        lines = file.read_text().splitlines() if file.exists() else []
        existing = dict(line.split("=", 1) for line in lines if "=" in line)
        write_private(file, "".join(f"{name}={value}\n" for name, value in (existing | variables).items()))
        if (password := variables.get(_PASSWORD)) is not None:
            write_private(folder / f"{user}.password", password)
