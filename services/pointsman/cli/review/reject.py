"""`pointsman review reject`: the job ends without an answer."""

import typer

from pointsman.cli.options import By, Job, Json, Kafka, Key, Prefix, Reason

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def reject(
    job: Job,
    *,
    reason: Reason = "",
    by: By = "",
    key: Key = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """End the job without an answer; its agent is told why.

    A reason is needed. What you have not claimed is claimed first.
    """
    from pointsman.cli.review.acting import act

    act(
        job,
        lambda reviewer, known: reviewer.decide(known, "reject", reason=reason),
        by=by,
        key=key,
        as_json=as_json,
        kafka=kafka,
        prefix=prefix,
    )
