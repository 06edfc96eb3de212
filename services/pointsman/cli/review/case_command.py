"""What commands about one case have in common: where they are told what, and that they do one thing to it."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import typer

from pointsman.cli.options import By, Job, Json, Kafka, Key, Prefix, Reason

if TYPE_CHECKING:
    from pointsman.client.reviews import KnownCase, Reviewer
    from pointsman_schemas.reviews import ReviewAnswered, ReviewChoice


def decide_command(name: "ReviewChoice", purpose: str) -> typer.Typer:
    """The command that decides a case by the choice `name`; `purpose`: its help."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)

    @app.command(name, help=purpose)
    def _(
        job: Job,
        *,
        reason: Reason = "",
        by: By = "",
        key: Key = None,
        as_json: Json = False,
        kafka: Kafka = None,
        prefix: Prefix = None,
    ) -> None:
        from pointsman.cli.review.acting import act

        act(
            job,
            lambda reviewer, known: reviewer.decide(known, name, reason=reason),
            by=by,
            key=key,
            as_json=as_json,
            kafka=kafka,
            prefix=prefix,
        )

    return app


def case_command(
    name: str, do: "Callable[[Reviewer, KnownCase], Awaitable[ReviewAnswered]]", purpose: str
) -> typer.Typer:
    """The command that does something to a case without deciding it; `purpose`: its help."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)

    @app.command(name, help=purpose)
    def _(
        job: Job,
        *,
        by: By = "",
        key: Key = None,
        as_json: Json = False,
        kafka: Kafka = None,
        prefix: Prefix = None,
    ) -> None:
        from pointsman.cli.review.acting import act

        act(job, do, by=by, key=key, as_json=as_json, kafka=kafka, prefix=prefix)

    return app
