"""`pointsman review edit`: the agent gets another answer."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.options import By, Job, Json, Kafka, Key, Prefix, Reason

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def edit(
    job: Job,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The answer's text; - reads stdin.")],
    *,
    reason: Reason = "",
    by: By = "",
    key: Key = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Give the agent the text in FILE instead of the proposed answer.

    The rest of the provider's body stays as it is. A reason is needed. What you have not claimed is claimed
    first.
    """
    from pointsman.cli.review.acting import act
    from pointsman.cli.stdin import read_text
    from pointsman.client.reviews import KnownCase, Reviewer
    from pointsman.review.content import with_text
    from pointsman.runtime.errors import CommandError
    from pointsman_schemas.reviews import ReviewAnswered

    if file == "-":
        text = read_text()
    else:
        try:
            text = Path(file).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise CommandError(
                f"{file} cannot be read: {why}", "name a file with the answer's text", code=2
            ) from None

    async def replace(reviewer: Reviewer, known: KnownCase) -> ReviewAnswered:
        assert known.request is not None
        if known.request.proposed is None:
            raise CommandError(
                "there is no answer yet that could be edited", "approve it, reject it, or send it to a tier"
            )
        response = with_text(known.request.proposed.response, text.removesuffix("\n"))
        return await reviewer.decide(known, "edit", reason=reason, response=response)

    act(job, replace, by=by, key=key, as_json=as_json, kafka=kafka, prefix=prefix)
