"""`pointsman limits`: what all workers may use together, what holds them, and how to lift that."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.options import Json, Kafka, Prefix, Providers, Workers

if TYPE_CHECKING:
    from pointsman.client.held import HeldTarget

app = typer.Typer(rich_markup_mode=None, add_completion=False, invoke_without_command=True)


@app.callback()
def limits(
    context: typer.Context,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every second until Ctrl-C.")] = False,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
    workers: Workers = "",
) -> None:
    """Show the shared limits: what is used, waiting, paused or broken, and what holds each tier.

    --json gives {budgets: [{budget, unit, span_s, limit, used, waiting}], targets: [{target, waiting,
    paused_s, breaker, breaker_s, prober}], tiers: [{tier, by, jobs}]}; span_s is null for a UTC day, by is
    null where no job waits; with --watch one to a line.
    """
    if context.invoked_subcommand is not None:
        return
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.settings import CliSettings, load
    from pointsman.cli.show.limits import tables
    from pointsman.client.limits_now import LimitsNow, limits_now

    settings = load(CliSettings, kafka=kafka, prefix=prefix)
    urls = [url for url in workers.split(",") if url.strip()]

    def show(limits_state: LimitsNow) -> None:
        if as_json:
            screen.print_json(limits_state, stream=watch)
        else:
            screen.show(tables(limits_state))

    async def keep_looking() -> None:
        with screen.redrawn() as draw:
            while True:
                limits_state = await limits_now(settings, settings.topics, urls)
                if as_json or draw is None:
                    show(limits_state)
                else:
                    draw(tables(limits_state))
                await asyncio.sleep(1)

    if watch:
        asyncio.run(keep_looking())
    else:
        show(asyncio.run(limits_now(settings, settings.topics, urls)))


@app.command()
def resume(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A provider/model, a provider, or a tier.")
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that is paused or broken.")] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it goes on record.")] = "",
    agent: Annotated[
        str, typer.Option(metavar="ID", envvar="POINTSMAN_AGENT", help="Who asks for it.")
    ] = "unknown",
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
    providers: Providers = None,
) -> None:
    """Lift the pause of a model for all workers, and let its open circuit breaker be tried at once.

    What a provider asks for anew pauses it again. --json gives {resumed: [{target, state, since, until,
    seconds}], by, reason}, as they stood before. Exit 1 where nothing of that name is paused or broken.
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.formats import duration, moment
    from pointsman.cli.settings import CliSettings, load
    from pointsman.client import held
    from pointsman.runtime.errors import CommandError

    if (name is None) == (not everything):
        raise typer.BadParameter("give a NAME or --all: `pointsman limits` shows what is paused")
    if len(reason) > 500:
        raise typer.BadParameter("--reason: at most 500 characters")
    above = context.parent.params if context.parent else {}
    settings = load(CliSettings, kafka=kafka or above.get("kafka"), prefix=prefix or above.get("prefix"))

    async def work() -> "list[HeldTarget]":
        now = await held.held_now(settings, settings.topics)
        meant = now if name is None else held.named(name, now, {})
        if not meant and name is not None and "/" not in name:
            meant = held.named(name, now, _tiers(providers, name))
        if not meant:
            others = ", ".join(sorted({target.target for target in now}))
            raise CommandError(
                f"no {name} is paused or broken" if name else "nothing is paused or broken",
                f"there is {others}" if others else "`pointsman limits` shows what holds calls up otherwise",
            )
        targets = sorted({target.target for target in meant})
        await held.resume(settings, settings.topics, targets, by=agent, reason=reason)
        return meant

    resumed = asyncio.run(work())
    if as_json or above.get("as_json"):
        screen.print_json({"resumed": resumed, "by": agent, "reason": reason})
        return
    for target in resumed:
        since = "" if target.since is None else f" since {moment(target.since)}"
        screen.line(
            f"{target.target} may be called: it was {target.state}{since}, "
            f"for {duration(target.seconds)} more"
        )


def _tiers(path: Path | None, tier: str) -> dict[str, list[str]]:
    """The models of a tier in the providers file; none where there is no such tier."""
    from pointsman.cli.settings import load
    from pointsman.worker.limits.limits_file import target_of
    from pointsman.worker.providers_file import load as load_file
    from pointsman.worker.settings import WorkerSettings

    file = load_file(load(WorkerSettings, tier="any", providers=path).providers)
    row = file.tiers.get(tier)
    return {} if row is None else {tier: [target_of(model.provider, model.model) for model in row.models]}
