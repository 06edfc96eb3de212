"""The id of the person who gives a command."""

import getpass
import re

import typer

from pointsman_schemas.base import AGENT_ID


def judge(by: str) -> str:
    """Return `by`, else the user of this machine, as a valid agent id.

    Raises:
        typer.BadParameter: `by` is not a valid id.
    """
    name = by or _user()
    if not AGENT_ID.match(name):
        raise typer.BadParameter("--by: at most 128 letters, digits and . _ : @ / -, no sign first")
    return name


def _user() -> str:
    """Return `user:` and the user's login name, with invalid characters replaced."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = ""
    return "user:" + (re.sub(r"[^A-Za-z0-9._-]", "-", name) or "unknown")
