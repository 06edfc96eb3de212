"""`pointsman review claim`: nobody else decides the case meanwhile."""

import typer

from pointsman.cli.options import By, Job, Json, Kafka, Key, Prefix

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def claim(
    job: Job,
    *,
    by: By = "",
    key: Key = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Claim a case, so that nobody else decides it meanwhile.

    The claim ends by itself, after the time that its queue says; claiming it again renews it.
    """
    from pointsman.cli.review.acting import act

    act(
        job,
        lambda reviewer, known: reviewer.claim(known.case),
        by=by,
        key=key,
        as_json=as_json,
        kafka=kafka,
        prefix=prefix,
    )
