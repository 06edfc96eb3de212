"""`pointsman review approve`: what is proposed happens."""

import typer

from pointsman.cli.options import By, Job, Json, Kafka, Key, Prefix, Reason

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def approve(
    job: Job,
    *,
    reason: Reason = "",
    by: By = "",
    key: Key = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Let what is proposed happen: the answer counts, or the job goes to its tier.

    What you have not claimed is claimed first.
    """
    from pointsman.cli.review.acting import act

    act(
        job,
        lambda reviewer, known: reviewer.decide(known, "approve", reason=reason),
        by=by,
        key=key,
        as_json=as_json,
        kafka=kafka,
        prefix=prefix,
    )
