"""`pointsman limits`: show the limits that all workers share, and lift pauses."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.command import CommandGroup, command
from pointsman.cli.formats import duration, moment
from pointsman.cli.options import BusSettings, Json, Kafka, Prefix, ProvidersPath, Reason, Workers
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

app = CommandGroup(rich_markup_mode=None, add_completion=False, invoke_without_command=True)


@app.callback()
@command
async def limits(
    context: typer.Context,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every second until Ctrl-C.")] = False,
    as_json: Json = False,
    settings: BusSettings,
    workers: Workers = "",
) -> None:
    """Show the shared limits: what is used, waiting, paused or broken, and what holds each tier.

    --json gives {budgets: [{budget, unit, span_s, limit, used, waiting}], targets: [{target, waiting,
    paused_s, breaker, breaker_s, prober}], tiers: [{tier, by, jobs}]}; span_s is null for a UTC day, by is
    null where no job waits; with --watch one to a line.
    """
    if context.invoked_subcommand is not None:
        return
    from pointsman.cli.show.limits import tables
    from pointsman.client.limits_now import LimitsNow, limits_now

    urls = [url for url in workers.split(",") if url.strip()]

    async def look() -> LimitsNow:
        return await limits_now(settings, settings.topics, urls)

    await screen.keep_showing(look, tables, as_json=as_json, watch=watch, server=f"Kafka at {settings.kafka}")


@app.command()
async def resume(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A provider/model, a provider, or a tier.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every model that is paused or broken.")] = False,
    reason: Reason = "",
    agent: Annotated[
        str, typer.Option(metavar="ID", envvar="POINTSMAN_AGENT", help="Your id, or the agent's.")
    ] = "unknown",
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
    workers: ProvidersPath,
) -> None:
    """Lift the pause of a model for all workers, and let its open circuit breaker be tried at once.

    A provider that asks for another pause gets it. --json gives {resumed: [{target, state, since, until,
    seconds}], by, reason}, as they were before. Exit 1 if nothing of that name is paused or broken.
    """
    from pointsman.cli.settings import CliSettings, load
    from pointsman.client import held

    if (name is None) == (not everything):
        raise typer.BadParameter("give a NAME or --all: `pointsman limits` shows what is paused")
    if len(reason) > 500:
        raise typer.BadParameter("--reason: at most 500 characters")
    above = context.parent.params if context.parent else {}
    settings = load(CliSettings, kafka=kafka or above.get("kafka"), prefix=prefix or above.get("prefix"))

    now = await held.held_now(settings, settings.topics)
    resumed = now if name is None else held.named(name, now, {})
    if not resumed and name is not None and "/" not in name:
        resumed = held.named(name, now, _tiers(workers.providers, name))
    if not resumed:
        others = ", ".join(sorted({target.target for target in now}))
        raise CommandError(
            f"no {name} is paused or broken" if name else "nothing is paused or broken",
            f"there is {others}" if others else "`pointsman limits` shows what holds calls up otherwise",
        )
    targets = sorted({target.target for target in resumed})
    await held.resume(settings, settings.topics, targets, by=agent, reason=reason)
    if as_json or above.get("as_json"):
        screen.print_json({"resumed": resumed, "by": agent, "reason": reason})
        return
    for target in resumed:
        since = "" if target.since is None else f" since {moment(target.since)}"
        screen.line(
            f"{target.target} may be called: it was {target.state}{since}, "
            f"for {duration(target.seconds)} more"
        )


def _tiers(path: Path, tier: str) -> dict[str, list[str]]:
    """Return the models of a tier, by tier, from the providers file; empty if there is no such tier."""
    from pointsman.worker.limits.limits_file import target_of
    from pointsman.worker.providers_file import load

    file = load(path)
    row = file.tiers.get(tier)
    if row is None:
        return {}
    models = [(model.provider, model.model) for model in row.models]
    models += [(row.provider, row.embeddings)] if row.embeddings else []
    return {tier: [target_of(*model) for model in models]}
