"""`pointsman policy`: check a routing policy, simulate it, and resume its score."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli import stdin
from pointsman.cli.command import group
from pointsman.cli.options import Json, PolicyPath, PolicySettings, ProvidersPath, Reason, RecordSettings
from pointsman.cli.since import since as moment
from pointsman.runtime.clock import utc_now
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

app = group("Check a routing policy, try it on recorded jobs, set a threshold, resume its score.")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy.yaml to check.")],
    *,
    as_json: Json = False,
) -> None:
    """Read a policy and the model it names; print its version and its rules, in order.

    If it is invalid, print file, line and column of every problem, and exit 1.
    """
    from pointsman.cli.show.decisions.rules import flat, rules
    from pointsman.router.policy.policy_file import load

    policy_file = load(file)
    screen.report(flat(policy_file), rules(policy_file), as_json=as_json)


@app.command()
async def simulate(
    *,
    since: Annotated[
        str, typer.Option(metavar="SPAN", help="Jobs routed since then: 90m, 24h, 7d, or a time.")
    ] = "7d",
    examples: Annotated[
        int, typer.Option(metavar="N", min=0, max=1000, help="Example jobs to show for each change of tier.")
    ] = 3,
    as_json: Json = False,
    settings: RecordSettings,
    router: PolicyPath,
    worker: ProvidersPath,
) -> None:
    """Show what a policy would change about recorded jobs: tiers, cost, expected quality.

    Decides each job again with its recorded admission; sends nothing. Costs use the recorded tokens and the
    prices in providers.yaml.
    """
    from pointsman.cli.large_values import on_record
    from pointsman.cli.policy.prices import tier_prices
    from pointsman.cli.show.decisions.replay import flat, replayed
    from pointsman.router.policy.policy import Policy as Compiled
    from pointsman.router.policy.policy_file import load as load_policy
    from pointsman.router.policy.replay import PolicyReplay
    from pointsman.router.recorded.replaying import replay_jobs

    now = utc_now()
    start = moment(since, now)
    file = load_policy(router.policy)
    prices = tier_prices(worker.providers, now)
    replay = PolicyReplay(Compiled.compile(file), prices, examples=examples)
    dsn = settings.postgres
    await replay_jobs(replay, dsn, start, now, messages=on_record(), progress=screen.progress)
    screen.report(flat(replay, start, now), replayed(replay, start), as_json=as_json)


@app.command()
def calibrate(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Judged answers as JSON lines; - reads stdin.")
    ] = "-",
    *,
    error: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the accepted answers that may be wrong.")
    ] = 0.05,
    alpha: Annotated[float, typer.Option(metavar="SHARE", help="Risk that a larger share is wrong.")] = 0.05,
    as_json: Json = False,
) -> None:
    """Find the smallest threshold of a confidence that keeps the error among accepted answers under a bound.

    Each line of FILE is one answer that somebody judged: {"confidence": 0.97, "correct": true}.

    Thresholds 0.99, 0.98, ... are tested from the strict end down (fixed-sequence testing from 5 starts
    that share alpha), each by the exact one-sided Clopper-Pearson bound. With too few answers it names no
    threshold, says how many more are needed, and exits 1.
    """
    from pointsman.cli.policy.judged_answers import judged_answers
    from pointsman.cli.show.decisions.calibration import calibrated, flat, refusal
    from pointsman.confidence.calibrate import JudgedTally, TooFew
    from pointsman.confidence.calibrate import calibrate as search

    if not (0 < error < 0.5 and 0 < alpha < 0.5):
        raise CommandError("--error and --alpha are shares between 0 and 0.5", code=2)
    tally = JudgedTally.of(judged_answers(stdin.read_text(file)))
    result = search(tally, error, alpha)
    if isinstance(result, TooFew):
        raise refusal(result, tally.answers, error, alpha)
    screen.report(flat(result, error, alpha), calibrated(result, error, alpha), as_json=as_json)


@app.command()
async def trust(
    *,
    comment: Reason = "",
    by: Annotated[
        str, typer.Option(metavar="ID", envvar="POINTSMAN_AGENT", help="Who says so: you, or an agent.")
    ] = "",
    as_json: Json = False,
    settings: PolicySettings,
) -> None:
    """Let the policy's score decide again after routers suspended it for missing its predictions.

    Takes effect in all running routers at once; earlier verdicts no longer count. If the score is wrong,
    train a new one instead: pointsman learn.
    """
    from pointsman.cli.judge import judge
    from pointsman.router.policy.policy import Policy as Compiled
    from pointsman.router.policy.policy_file import load as load_policy
    from pointsman.router.trusting import trust as renew

    compiled, person = Compiled.compile(load_policy(settings.policy)), judge(by)
    model = await renew(settings, settings.topics, compiled, person, comment)
    trusted = {"model": model, "by": person, "comment": comment}
    screen.report(trusted, f"{model} is asked again, says {person}", as_json=as_json)
