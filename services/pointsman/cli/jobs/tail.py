"""`pointsman tail`: print messages as they arrive."""

import re
from dataclasses import replace
from typing import Annotated

import typer

from pointsman.cli.options import BusSettings, Json
from pointsman.runtime.terminal import screen

#: The topics' short names. They are repeated here because `--help` must not import the messages.
TOPICS = (
    "intake", "tier.<tier>", "opinion", "results", "chunks", "calls", "dead", "control", "limits", "review",
    "reviews.decided", "reviews.state", "reviews.answers", "feedback", "policy", "agents.registry",
    "audit.checkpoints", "gateway.requests", "gateway.batches",
)  # fmt: skip
#: Width of a line if stdout is no terminal.
GIST_IN_PIPE = 240


async def tail(
    topic: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TOPIC",
            help=f"{', '.join(TOPICS)}; all that are audited when left out.",
        ),
    ] = None,
    *,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Start with the oldest message that Kafka still has.")
    ] = False,
    to_end: Annotated[bool, typer.Option("--to-end", help="Stop at the current end of the topics.")] = False,
    number: Annotated[
        int | None, typer.Option("--number", "-n", metavar="N", min=1, help="Stop after this many messages.")
    ] = None,
    as_json: Json = False,
    settings: BusSettings,
) -> None:
    """Follow messages as they arrive.

    One line per message: time, topic, kind, agent, job, summary. With --json: the whole record, one per line.
    """
    from pointsman.bus.admin.topic_seed import seed_of
    from pointsman.bus.codec.records import Incoming
    from pointsman.bus.partition import Start
    from pointsman.bus.read.follow import Follower
    from pointsman.cli.show.passing import draw, long_topic, read, whole

    topics = settings.topics
    try:
        subscription = {long_topic(name, topics) for name in topic or ()} or re.compile(topics.pattern)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    out = screen.console()

    def show(record: Incoming) -> None:
        if as_json:
            screen.print_json(whole(record), stream=True)
        elif screen.on_terminal():
            out.print(draw(read(record, topics), out.width))
        else:
            screen.line(draw(read(record, topics), GIST_IN_PIPE).plain)

    records_left = number
    start: Start = "beginning" if from_beginning else "end"
    intake = topics.intake.name
    seed = await seed_of(settings, f"{topics.prefix}.router", intake)
    async with Follower(settings, subscription, start=start, until_end=to_end) as follower:
        while not follower.ended and records_left != 0:
            records = sorted(await follower.read(), key=lambda record: record.timestamp_ms)
            for record in records[:records_left]:
                show(replace(record, seed=seed) if record.topic == intake else record)
            records_left = None if records_left is None else max(0, records_left - len(records))
