"""`pointsman audit`: a table of commands about the record as a whole, each a module of its own."""

import typer

from pointsman.cli.lazy import LazyGroup

COMMANDS = {
    "verify": "Check every row against its hash chain and the signed checkpoints.",
    "key": "Make a key that checkpoints are signed with.",
    "retain": "Drop the days that are old enough, whole.",
    "adopt": "Begin a new chapter for topics that were made anew.",
    "erase": "Make what is stored about one subject unreadable, for good.",
    "privacy": "Check the file that says what is masked or sealed, make its key.",
    "export": "Write the rows of a time into a file, as they are on record.",
}


class _Commands(LazyGroup):
    COMMANDS = COMMANDS
    MODULE = "pointsman.cli.audit."


app = typer.Typer(cls=_Commands, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def audit() -> None:
    """See that the record is whole, and keep it so."""
