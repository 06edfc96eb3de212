"""`pointsman review show`: one case."""

from pointsman.cli.options import By, Job, Json, Settings
from pointsman.runtime.clock import utc_now
from pointsman.runtime.terminal import screen


async def show(job: Job, *, by: By = "", as_json: Json = False, settings: Settings) -> None:
    """Show a case: question, proposal, why it stopped, what each choice does, what was decided before.

    The last comes from the audit database; without it that part is left out.
    --json gives {case, request, seen, similar}: the case as it stands, what opened it, its SHA-256, and the
    latest decisions about cases of the same rule and agent.
    """
    from pointsman.cli.review.acting import find
    from pointsman.cli.show.case import case_lines, similar_lines
    from pointsman.client.reviews import read_cases
    from pointsman.store.ask.similar_reviews import SimilarReview, similar_reviews
    from pointsman.store.errors import StoreError, StoreUnavailableError

    known = find(await read_cases(settings, settings.topics), job)
    case, similar, problem = known.case, list[SimilarReview](), None
    try:
        similar = await similar_reviews(settings.postgres, case.stop.rule, case.agent_id, case.job_id)
    except (StoreError, StoreUnavailableError) as error:
        problem = error
    shown = {"case": known.case, "request": known.request, "seen": known.seen or None, "similar": similar}
    lines = case_lines(known, utc_now(), f" --by {by or 'ID'}")
    screen.report(shown, *lines, *similar_lines(similar), as_json=as_json)
    if problem is not None:
        screen.note(f"the audit database does not say how such cases were decided: {problem}")
