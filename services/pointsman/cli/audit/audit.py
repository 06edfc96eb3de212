"""`pointsman audit`: the table of audit commands, each in its own module."""

from pointsman.cli.lazy import lazy_group

COMMANDS = {
    "verify": "Check every row against its hash chain and the signed checkpoints.",
    "key": "Create the key that signs checkpoints.",
    "retain": "Drop the partitions of old days.",
    "adopt": "Start a new chapter for topics that were recreated.",
    "erase": "Make what is stored about one subject unreadable for ever.",
    "privacy": "Check what is masked or sealed before it is stored; create its key.",
    "export": "Export the rows of a period to a file, as recorded.",
}

app = lazy_group("pointsman.cli.audit", COMMANDS)


@app.callback()
def audit() -> None:
    """Verify, sign, retain, erase and export the audit record."""
