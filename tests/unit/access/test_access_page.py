"""The table of rights in docs/access.md is the derived one."""

from collections.abc import Iterator
from pathlib import Path

from pointsman.access.derive import Access, derive
from pointsman.bus.admin.acl import Acl
from pointsman_schemas.topics import Topics
from tests.support.access.agents import entry_of

PAGE = Path(__file__).parents[3] / "docs" / "access.md"
HEAD = "| user | writes | reads | groups, transactional ids | Postgres |"


def test_the_page_has_the_table_that_is_derived() -> None:
    access = derive(Topics("p"), ["TIER"], [entry_of("ID")])
    table = PAGE.read_text("utf-8").partition(f"{HEAD}\n")[2].partition("\n\n")[0]
    rows = [*_rows(access)]
    assert table.splitlines()[1:] == rows, "\n".join(["write this into the page:", *rows])


def _rows(access: Access) -> Iterator[str]:
    for user in access.principals:
        acls = sorted(acl for acl in access.acls if acl.user == user.name)
        topics = {operation: _names(acls, operation) for operation in ("write", "read")}
        beside = [
            f"{_name(acl)}{' (sees it)' if acl.operation == 'describe' else ''}"
            for acl in acls
            if acl.resource in ("group", "transactional id")
        ]
        reads = [topics["read"], *(f"{name} (sees it)" for name in [_names(acls, "describe")] if name)]
        cells = (topics["write"], ", ".join(reads), ", ".join(beside), access.logins.get(user.name, ""))
        yield f"| `{_short(user.name)}` | {' | '.join(cell or 'none' for cell in cells)} |"


def _names(acls: list[Acl], operation: str) -> str:
    return ", ".join(_name(acl) for acl in acls if acl.resource == "topic" and acl.operation == operation)


def _name(acl: Acl) -> str:
    return f"`{_short(acl.name)}{'*' if acl.pattern == 'prefixed' else ''}`"


def _short(name: str) -> str:
    return name.removeprefix("p.")
