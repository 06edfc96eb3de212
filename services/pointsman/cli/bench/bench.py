"""`pointsman bench`: a table of measurements, each a module of its own."""

import typer

from pointsman.cli.lazy import LazyGroup

COMMANDS = {
    "routing": "What the learned score saves, and what quality it keeps.",
    "hop": "How near the router comes to what the wire allows.",
    "worker": "How many slow calls a worker keeps in flight, and what each job costs.",
    "tiers": "Whether a tier that hangs disturbs the others, and a second worker doubles one.",
    "journey": "How long a job's whole way takes, and what it costs in processor time.",
    "whole": "The whole way of a job at the limit and at steady rates, beside what others do.",
    "soak": "Steady load with random kills and freezes: nothing lost, nothing twice, memory flat.",
    "audit": "How fast the audit stores, beside a plain COPY of the same rows.",
    "audit-load": "Fill an audit database with messages of realistic size, to see how fast it answers.",
    "audit-query": "Ask every question that the audit database lists, and say how long each took.",
}


class _Commands(LazyGroup):
    COMMANDS = COMMANDS
    MODULE = "pointsman.cli.bench."


app = typer.Typer(cls=_Commands, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure what this machine can do, each figure beside the raw limit or a peer.

    Leave the machine alone meanwhile: what else runs is in the figures.
    """
