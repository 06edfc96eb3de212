"""`pointsman review edit`: the agent gets another answer."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.review.case_command import case_command

if TYPE_CHECKING:
    from pointsman.cli.review.acting import Act
    from pointsman.client.reviews import KnownCase, Reviewer
    from pointsman_schemas.reviews import ReviewAnswered


def _replacing(file: str, reason: str) -> "Act":
    from pointsman.cli.stdin import read_text
    from pointsman.review.content import with_text
    from pointsman.runtime.errors import CommandError

    text = read_text(file)

    async def replace(reviewer: "Reviewer", known: "KnownCase") -> "ReviewAnswered":
        assert known.request is not None
        if known.request.proposed is None:
            raise CommandError(
                "there is no answer yet that could be edited", "approve it, reject it, or send it to a tier"
            )
        response = with_text(known.request.proposed.response, text.removesuffix("\n"))
        return await reviewer.decide(known, "edit", reason=reason, response=response)

    return replace


edit = case_command(
    _replacing,
    "Give the agent the text in FILE instead of the proposed answer.\n\n"
    "The rest of the provider's body stays as it is. A reason is needed. What you have not claimed is "
    "claimed first.",
    argument=Annotated[str, typer.Argument(metavar="FILE", help="The answer's text; - reads stdin.")],
    reasoned=True,
)
