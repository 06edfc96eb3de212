"""`pointsman learn`: train a score on recorded jobs, and write a policy that uses it."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.options import Json, PolicyPath, ProvidersPath, RecordSettings
from pointsman.cli.since import since as moment
from pointsman.runtime.clock import utc_now
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen


async def learn(
    *,
    since: Annotated[
        str, typer.Option(metavar="SPAN", help="Learn from jobs since then: 24h, 90d, or a time.")
    ] = "90d",
    quality: Annotated[
        str, typer.Option(metavar="SHARE", help="Share of the strongest tier's quality to keep.")
    ] = "0.99",
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Count only this judge's verdicts; may be given several times."),
    ] = None,
    tried: Annotated[
        str, typer.Option(metavar="SPAN", help="Show what would change for jobs since then.")
    ] = "7d",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write; default: beside the policy."),
    ] = None,
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Train the cascade's accept model instead.")
    ] = False,
    as_json: Json = False,
    settings: RecordSettings,
    router: PolicyPath,
    worker: ProvidersPath,
) -> None:
    """Train a score on your own jobs, and write a policy that uses it.

    Learns from verdicts (pointsman feedback) and from shadows (the policy's `shadow` section). The policy in
    force does not change: review what would change, then start the router with the new policy. Writes
    nothing if fewer than 300 jobs can be learned from. With --cascade, trains the accept model of the
    policy's cascade on jobs that all of its tiers answered.
    """
    try:
        from pointsman.learn import learning, learning_cascade, lesson
    except ModuleNotFoundError as error:
        raise CommandError(
            f"learning needs the extra `learn`: {error}", 'pip install "pointsman[learn]"'
        ) from error
    from pointsman.cli.large_values import on_record
    from pointsman.cli.policy.prices import tier_prices
    from pointsman.cli.show.decisions.learned import flat, learned

    now = utc_now()
    path = router.policy
    request = lesson.LessonRequest(
        policy=path,
        out=out or output_folder(path, type(router).model_fields["policy"].default),
        since=moment(since, now),
        tried=moment(tried, now),
        now=now,
        quality=quality,
        judges=by,
        price=tier_prices(worker.providers, now),
    )
    work = learning_cascade.work if cascade else learning.work
    dsn = settings.postgres
    outcome = await work(dsn, request, on_record(), screen.progress)
    screen.report(flat(outcome), learned(outcome), as_json=as_json)


def output_folder(policy: Path, shipped: Path) -> Path:
    """Return the folder of `policy`; for the shipped policy the current folder, not the package."""
    return Path() if policy.resolve() == shipped.resolve() else policy.parent
