"""What commands about one case have in common: where they are told what, and that they do one thing to it."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from pointsman.cli.command import command
from pointsman.cli.options import BusSettings, By, Job, Json, Key, Reason

if TYPE_CHECKING:
    from pointsman.cli.review.acting import Act
    from pointsman_schemas.reviews import ReviewChoice


def case_command(
    doing: "Callable[[str, str], Act]",
    purpose: str,
    *,
    argument: Any = None,
    reasoned: bool = False,
) -> Callable[..., None]:
    """The command that does something to a case; `purpose`: its help.

    `doing` is given the argument, if the command has one beside the job, and the reason, if it takes one; it
    is called before anything is connected.
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
    return command(run)


def decide_command(name: "ReviewChoice", purpose: str) -> Callable[..., None]:
    """The command that decides a case by the choice `name`; `purpose`: its help."""
    return case_command(
        lambda _, reason: lambda reviewer, known: reviewer.decide(known, name, reason=reason),
        purpose,
        reasoned=True,
    )
