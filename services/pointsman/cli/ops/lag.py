"""`pointsman lag`: what waits."""

from typing import Annotated, Any

import typer

from pointsman.cli.options import Json, Kafka, Policy, Prefix

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def lag(
    *,
    partitions: Annotated[bool, typer.Option("--partitions", help="A row for each partition.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every second until Ctrl-C.")] = False,
    serve: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Answer GET /lag with that JSON, until Ctrl-C."),
    ] = None,
    host: Annotated[str, typer.Option(metavar="HOST", help="With --serve: where it listens.")] = "127.0.0.1",
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
    policy: Policy = None,
) -> None:
    """Show how many jobs wait for each tier, and for how long.

    --json gives a flat list, [{group, topic, tier, waiting, exact, oldest_seconds}], as a scaler reads it;
    with --watch one list to a line. `waiting` is an upper bound where `exact` is false. --serve answers a
    scaler over HTTP: docs/scaling.md. Without --policy the tiers are those that have a topic.
    """
    import asyncio

    from pointsman.bus.admin.lag import LaneLag, WatchedTopic, lag, lanes
    from pointsman.bus.admin.topics import tiers_there
    from pointsman.cli import screen
    from pointsman.cli.settings import load
    from pointsman.cli.show.queues import flat, table
    from pointsman.router.policy.policy_file import load as load_policy
    from pointsman.router.settings import RouterSettings

    settings = load(RouterSettings, kafka=kafka, prefix=prefix, policy=policy)
    topics, named = settings.topics, "policy" in settings.model_fields_set
    file = load_policy(settings.policy) if named or settings.policy.exists() else None

    async def watched() -> list[WatchedTopic]:
        """Asked anew each time: whoever serves may begin before Kafka or a tier is there."""
        tiers = () if file is None else file.tiers
        if not named:  # nobody said which: then whatever tiers there are
            there = await tiers_there(settings, topics)
            tiers = tiers if not there or set(there) == set(tiers) else tuple(there)
        passed = lanes(topics, tiers)
        if file and file.score and file.score.opinion is not None:
            passed.insert(1, WatchedTopic(topics.opinion.name, settings.opinion_group))
        return [
            *passed,
            *(
                WatchedTopic(topic.name, f"{topics.prefix}.audit")
                for topic in topics.all(tiers)
                if "audit" in topic.readers
            ),
        ]

    async def look() -> list[LaneLag]:
        return await lag(settings, await watched())

    def show(lags: list[LaneLag]) -> None:
        if as_json:
            screen.print_json(flat(lags, by_partition=partitions), stream=watch)
        else:
            screen.show(table(lags, topics, by_partition=partitions))

    async def keep_looking() -> None:
        with screen.redrawn() as draw:
            while True:
                lags = await look()
                if as_json or draw is None:
                    show(lags)
                else:
                    draw(table(lags, topics, by_partition=partitions))
                await asyncio.sleep(1)

    async def rows() -> list[dict[str, Any]]:
        return flat(await look(), by_partition=partitions)

    if serve is not None:
        from pointsman.cli.ops import lag_server

        lag_server.serve(rows, host, serve, screen.note)
    elif watch:
        asyncio.run(keep_looking())
    else:
        show(asyncio.run(look()))
