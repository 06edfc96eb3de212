"""The commands that act on one case: claim, release, and each choice."""

from collections.abc import Awaitable, Callable
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.cli.options import BusSettings, By, Job, Json, Key, Reason
from pointsman.cli.stdin import read_text
from pointsman.runtime.errors import CommandError

if TYPE_CHECKING:
    from pointsman.cli.review.acting import Act
    from pointsman.client.reviews import KnownCase, Reviewer
    from pointsman_schemas.reviews import ReviewAnswered, ReviewChoice


def case_command(
    doing: "Callable[[str, str], Act]",
    purpose: str,
    *,
    argument: Any = None,
    reasoned: bool = False,
) -> Callable[..., Awaitable[None]]:
    """Return a command that acts on a case; `purpose` is its help.

    `doing` is called before any connection, with the command's second argument, if it has one, and the
    reason, if it takes one. It returns the action.
    """

    async def run(
        job: Job,
        given: str = "",
        *,
        reason: Reason = "",
        by: By = "",
        key: Key = None,
        as_json: Json = False,
        settings: BusSettings,
    ) -> None:
        from pointsman.cli.review.acting import act

        await act(settings, job, doing(given, reason), by=by, key=key, as_json=as_json)

    taken = dict(signature(run).parameters)
    taken["given"] = taken["given"].replace(annotation=argument, default=Parameter.empty)
    absent = {"given": argument is None, "reason": not reasoned}
    shown = [parameter for name, parameter in taken.items() if not absent.get(name)]
    run.__signature__ = signature(run).replace(parameters=shown)  # type: ignore[attr-defined]
    run.__doc__ = purpose
    return run


def decide_command(name: "ReviewChoice", purpose: str) -> Callable[..., Awaitable[None]]:
    """Return the command that decides a case by the choice `name`; `purpose` is its help."""
    return case_command(
        lambda _, reason: lambda reviewer, known: reviewer.decide(known, name, reason=reason),
        purpose,
        reasoned=True,
    )


def _replacing(file: str, reason: str) -> "Act":
    from pointsman.review.content import with_text

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


claim = case_command(
    lambda *_: lambda reviewer, known: reviewer.claim(known.case),
    "Claim a case, so that nobody else decides it meanwhile.\n\n"
    "The claim ends by itself, after the time that its queue says; claiming it again renews it.",
)
release = case_command(
    lambda *_: lambda reviewer, known: reviewer.release(known.case),
    "Give a claimed case back, so that others can take it.",
)
approve = decide_command(
    "approve",
    "Accept the proposal: the agent gets the answer, or the job goes to its tier.\n\n"
    "A case that you have not claimed is claimed first.",
)
reject = decide_command(
    "reject",
    "End the job without an answer; its agent is told why.\n\n"
    "A reason is needed. A case that you have not claimed is claimed first.",
)
edit = case_command(
    _replacing,
    "Give the agent the text in FILE instead of the proposed answer.\n\n"
    "The rest of the provider's body stays as it is. A reason is needed. What you have not claimed is "
    "claimed first.",
    argument=Annotated[str, typer.Argument(metavar="FILE", help="The answer's text; - reads stdin.")],
    reasoned=True,
)
send = case_command(
    lambda tier, reason: lambda reviewer, known: reviewer.decide(known, "send", reason=reason, tier=tier),
    "Send the job to a tier, whose answer counts.\n\n"
    "A reason is needed. A case that you have not claimed is claimed first.",
    argument=Annotated[str, typer.Argument(metavar="TIER", help="A tier that is open to the job.")],
    reasoned=True,
)
