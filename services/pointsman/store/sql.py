"""Loads the named .sql files of this package."""

from functools import cache
from importlib.resources import files

_PACKAGE = files("pointsman.store")


@cache
def query(name: str) -> str:
    """Return the text of `queries/<name>.sql`."""
    return (_PACKAGE / "queries" / f"{name}.sql").read_text(encoding="utf-8")


def migrations() -> dict[str, str]:
    """Return name and text of every migration, in the order in which they are applied."""
    files = {file.name: file for file in (_PACKAGE / "migrations").iterdir() if file.name.endswith(".sql")}
    return {name: files[name].read_text(encoding="utf-8") for name in sorted(files)}
