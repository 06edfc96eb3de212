"""`pointsman lag`: show the waiting jobs."""

import asyncio
from functools import partial
from typing import Annotated, Any

import typer

from pointsman.cli.options import Json, PolicySettings
from pointsman.runtime.terminal import screen


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
    settings: PolicySettings,
) -> None:
    """Show how many jobs wait for each tier, and for how long.

    --json gives a flat list, [{group, topic, tier, waiting, exact, oldest_seconds}], as a scaler reads it;
    with --watch one list to a line. `waiting` is an upper bound where `exact` is false. --serve answers a
    scaler over HTTP: docs/scaling.md. Without --policy the tiers are those that have a topic.
    """
    from pointsman.bus.admin.lag import LaneLag, WatchedTopic, lanes
    from pointsman.bus.admin.lag import lag as lane_lags
    from pointsman.bus.admin.topics import tiers_there
    from pointsman.cli.show.queues import flat, table
    from pointsman.router.policy.policy_file import load as load_policy

    kafka = f"Kafka at {settings.kafka}"
    topics, named = settings.topics, "policy" in settings.model_fields_set
    file = load_policy(settings.policy) if named or settings.policy.exists() else None

    async def watched() -> list[WatchedTopic]:
        """Ask each time: with --serve, Kafka or a tier may appear later."""
        tiers = () if file is None else file.tiers
        if not named:  # no policy given: use the tiers that exist
            existing = await tiers_there(settings, topics)
            tiers = tiers if not existing or set(existing) == set(tiers) else tuple(existing)
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
        return await lane_lags(settings, await watched())

    async def rows() -> list[dict[str, Any]]:
        return flat(await look(), by_partition=partitions)

    if serve is not None:
        from pointsman.cli.ops import lag_server

        lag_server.serve(rows, host, serve, screen.note)
    elif as_json:
        asyncio.run(screen.keep_showing(rows, str, as_json=True, watch=watch, server=kafka))
    else:
        draw = partial(table, topics=topics, by_partition=partitions)
        asyncio.run(screen.keep_showing(look, draw, as_json=False, watch=watch, server=kafka))
