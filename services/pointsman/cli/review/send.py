"""`pointsman review send`: the job goes to a tier."""

from typing import Annotated

import typer

from pointsman.cli.options import By, Job, Json, Kafka, Key, Prefix, Reason

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def send(
    job: Job,
    tier: Annotated[str, typer.Argument(metavar="TIER", help="A tier that is open to the job.")],
    *,
    reason: Reason = "",
    by: By = "",
    key: Key = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Send the job to a tier, whose answer counts.

    A reason is needed. What you have not claimed is claimed first.
    """
    from pointsman.cli.review.acting import act

    act(
        job,
        lambda reviewer, known: reviewer.decide(known, "send", reason=reason, tier=tier),
        by=by,
        key=key,
        as_json=as_json,
        kafka=kafka,
        prefix=prefix,
    )
