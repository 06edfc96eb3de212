"""`pointsman why`: the decision about a job, check by check."""

from typing import Annotated

import typer

from pointsman.cli.command import command
from pointsman.cli.options import Job, Json, PolicyPath, RecordSettings


@command
async def why(
    job: Job,
    *,
    recompute: Annotated[
        bool,
        typer.Option("--recompute", help="Decide again with the recorded policy and model, and compare."),
    ] = False,
    as_json: Json = False,
    settings: RecordSettings,
    router: PolicyPath,
) -> None:
    """Show why a job was routed to its tier.

    Lists each check with both sides of its comparison, in the order of evaluation; then the rule, the
    runner-up, the policy and the outcome. If the score was used, shows what in the text counted for and
    against each tier. For a rejected job, shows what rejected it.

    With --recompute, decides the job again with the recorded policy and model. If a byte differs, prints a
    diff and exits 1.
    """
    from pointsman.cli import screen
    from pointsman.cli.jobs.recorded import ask, recompute_job
    from pointsman.cli.show.decisions.recomputed import flat, recomputed
    from pointsman.cli.show.decisions.verdict import verdict

    at_hand = router.policy
    if recompute:
        comparison = await recompute_job(settings, job, at_hand)
        if as_json:
            screen.print_json(flat(comparison))
        else:
            screen.show(recomputed(comparison))
        raise typer.Exit(int(not comparison.same))
    answer = await ask(settings, job, at_hand)
    if as_json:
        screen.print_json(
            {
                "job": answer.state,
                "policy": answer.policy_name,
                "decision": answer.decision,
                "saw": answer.saw,
                "outcome": answer.outcome,
                "dead_letters": answer.dead_letters,
            }
        )
    else:
        screen.show(verdict(answer))
