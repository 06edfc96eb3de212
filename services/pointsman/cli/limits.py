"""`pointsman limits`: what all workers may use together, and what holds them."""

from typing import Annotated

import typer

from pointsman.cli.options import Json, Kafka, Prefix

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def limits(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every second, until Ctrl-C.")] = False,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Show the shared limits: what is used and waits, what is paused or broken.

    --json gives {budgets: [{budget, unit, span_s, limit, used, waiting}], targets: [{target, waiting,
    paused_s, breaker, breaker_s, prober}]}; span_s is null for a UTC day; with --watch one to a line.
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.settings import CliSettings, load
    from pointsman.cli.show.limits import tables
    from pointsman.client.limits_now import LimitsNow, limits_now

    settings = load(CliSettings, kafka=kafka, prefix=prefix)

    def show(found: LimitsNow) -> None:
        if as_json:
            screen.print_json(found, stream=watch)
        else:
            screen.show(tables(found))

    async def keep_looking() -> None:
        with screen.redrawn() as draw:
            while True:
                found = await limits_now(settings.kafka, settings.topics)
                if as_json or draw is None:
                    show(found)
                else:
                    draw(tables(found))
                await asyncio.sleep(1)

    if watch:
        asyncio.run(keep_looking())
    else:
        show(asyncio.run(limits_now(settings.kafka, settings.topics)))
