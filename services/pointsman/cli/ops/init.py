"""`pointsman init`: write the starter files of an installation."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen


def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Created if missing.")] = Path(),
) -> None:
    """Write policy.yaml, agents.yaml and providers.yaml, with comments, into a folder.

    Existing files are left alone. The router reads the first two, a worker the third.
    """
    from pointsman import starter

    files = {folder / file.name: file for file in (starter.POLICY, starter.AGENTS, starter.PROVIDERS)}
    if existing := [str(target) for target in files if target.exists()]:
        raise CommandError(
            f"already there, nothing was written: {', '.join(existing)}",
            "write into another folder: pointsman init FOLDER",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for target, file in files.items():
        target.write_bytes(file.read_bytes())
        screen.line(str(target))
    screen.note("providers.yaml names the simulated provider: put yours in, and its key into the environment")
    screen.note(f"check the rules after a change: pointsman policy check {folder / 'policy.yaml'}")
