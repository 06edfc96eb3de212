"""`pointsman review release`: a claimed case is open again."""

import typer

from pointsman.cli.options import By, Job, Json, Kafka, Key, Prefix

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def release(
    job: Job,
    *,
    by: By = "",
    key: Key = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Give a claimed case back, so that others can take it."""
    from pointsman.cli.review.acting import act

    act(
        job,
        lambda reviewer, known: reviewer.release(known.case),
        by=by,
        key=key,
        as_json=as_json,
        kafka=kafka,
        prefix=prefix,
    )
