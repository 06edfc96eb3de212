"""`pointsman policy`: whether a routing policy is sound, and what it would do."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.options import Json, Policy, Postgres, Providers

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Check a routing policy, and try it on recorded jobs.",
)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy.yaml to check.")],
    *,
    as_json: Json = False,
) -> None:
    """Read a policy and the model it names; print its version and what it asks, in order.

    Exit 1 with file, line and column of every problem if it cannot be used.
    """
    from pointsman.cli import screen
    from pointsman.cli.show.rules import flat, rules
    from pointsman.router.policy_file import load

    found = load(file)
    if as_json:
        screen.print_json(flat(found))
    else:
        screen.show(rules(found))


@app.command()
def simulate(
    *,
    since: Annotated[
        str, typer.Option(metavar="SPAN", help="Jobs routed since then: 90m, 24h, 7d, or a time.")
    ] = "7d",
    policy: Policy = None,
    providers: Providers = None,
    examples: Annotated[
        int, typer.Option(metavar="N", min=0, max=1000, help="Examples of jobs for each move.")
    ] = 3,
    as_json: Json = False,
    postgres: Postgres = None,
) -> None:
    """Show what a policy would change about recorded jobs: tiers, cost, expected quality.

    Each job is decided again with the admission it had, and nothing is sent anywhere. Costs are at the tokens
    on record and the prices of the models in providers.yaml.
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.prices import tier_prices
    from pointsman.cli.replaying import replay_jobs
    from pointsman.cli.settings import CliSettings, load
    from pointsman.cli.show.replay import flat, replayed
    from pointsman.cli.since import since as moment
    from pointsman.router.policy import Policy as Compiled
    from pointsman.router.policy_file import load as load_policy
    from pointsman.router.replay import Replay
    from pointsman.router.settings import RouterSettings
    from pointsman.runtime.clock import utc_now
    from pointsman.worker.settings import WorkerSettings

    now = utc_now()
    start = moment(since, now)
    file = load_policy(load(RouterSettings, policy=policy).policy)
    prices = tier_prices(load(WorkerSettings, tier="any", providers=providers).providers, now)
    replay = Replay(Compiled.compile(file), prices, examples=examples)
    asyncio.run(replay_jobs(replay, load(CliSettings, postgres=postgres).postgres, start, now))
    if as_json:
        screen.print_json(flat(replay, start, now))
    else:
        screen.show(replayed(replay, start))
