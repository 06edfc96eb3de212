"""`pointsman bench reviews`: decisions of people, replayed."""

from typing import Annotated

import typer

from pointsman.cli.command import command
from pointsman.cli.options import Json


@command
def reviews(
    *,
    decisions: Annotated[int, typer.Option(metavar="N", min=1, help="So many are carried out.")] = 100_000,
    seed: Annotated[int, typer.Option(metavar="N", help="Other people, other commands.")] = 1,
    as_json: Json = False,
) -> None:
    """Record what people decide, replay it, and compare all that is made of it, byte for byte.

    People claim, release and decide at random, some too late, twice, or about what has changed. The replay
    takes the state over anew now and then, as another process would. Needs no server. Exit 1: a difference.
    """
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from pointsman.bench.reviews import run
    from pointsman.cli import screen

    with TemporaryDirectory() as folder:
        done = run(decisions, seed, Path(folder) / "decisions.jsonl")
    if as_json:
        screen.print_json(done)
    else:
        screen.line(
            f"{done.decisions:,} decisions of {done.commands:,} commands about {done.cases:,} cases, "
            f"{done.tests:,} tests among them: {done.record_s:g} s"
        )
        screen.line(
            f"replayed with {done.restarts:,} restarts: {done.differences:,} differences, {done.replay_s:g} s"
        )
    if done.differences:
        raise typer.Exit(1)
