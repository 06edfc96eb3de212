"""Who says so: the id that is given, else who sits here."""

import getpass
import re

import typer

from pointsman_schemas.base import AGENT_ID


def judge(by: str) -> str:
    """`by`, else the user of this machine, as an id that a message may carry.

    Raises:
        typer.BadParameter: `by` is no id.
    """
    name = by or _user()
    if not AGENT_ID.match(name):
        raise typer.BadParameter("--by: at most 128 letters, digits and . _ : @ / -, no sign first")
    return name


def _user() -> str:
    """Who sits here, as far as the machine can tell, in the letters that an id may have."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = ""
    return "user:" + (re.sub(r"[^A-Za-z0-9._-]", "-", name) or "unknown")
