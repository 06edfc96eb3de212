"""`pointsman review send`: the job goes to a tier."""

from typing import Annotated

import typer

from pointsman.cli.review.case_command import case_command

send = case_command(
    lambda tier, reason: lambda reviewer, known: reviewer.decide(known, "send", reason=reason, tier=tier),
    "Send the job to a tier, whose answer counts.\n\n"
    "A reason is needed. What you have not claimed is claimed first.",
    argument=Annotated[str, typer.Argument(metavar="TIER", help="A tier that is open to the job.")],
    reasoned=True,
)
