"""The report of `pointsman dev`: results of the sample jobs, addresses, commands to try next."""

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pointsman.dev.services.trying import CHAT_DESK, Trying
from pointsman.dev.show.board import outcomes_table
from pointsman.dev.show.journey import Journey
from pointsman.dev.show.narrator import Narrator
from pointsman_schemas.ids import short_id

_MOST_LINES = 5


def say_how_they_did(journey: Journey, tell: Narrator) -> None:
    """Print outcomes and cost per tier, and what is missing."""
    if not journey.job_ids:
        return
    tell.say()
    tell.show(outcomes_table(journey.outcomes, journey.costs))
    tell.say()
    for problem in journey.missing[:_MOST_LINES]:
        tell.say(problem, style="red")
    if more := journey.missing[_MOST_LINES:]:
        tell.say(f"and {len(more)} more", style="red")
    waiting = len(journey.waiting)
    whole = len(journey.job_ids) - len(journey.missing) - waiting
    others = f", {waiting} wait for a person" if waiting else ""
    tell.say(f"{whole} of {len(journey.job_ids)} jobs have their outcome and their audit rows{others}")


def document(journey: Journey, places: Mapping[str, str], ready_s: float) -> dict[str, Any]:
    """Return the report as a JSON document. Costs are US dollars, as text."""
    return {
        "ok": not journey.missing,
        "ready_s": round(ready_s, 3),
        "addresses": {name.lower(): place for name, place in places.items()},
        "published": journey.job_ids,
        "missing": journey.missing,
        "waiting": journey.waiting,
        "jobs": journey.states,
        "outcomes": journey.outcomes,
        "costs": journey.costs,
    }


def say_what_next(
    journey: Journey,
    places: Mapping[str, str],
    data: Path,
    tell: Narrator,
    *,
    trying: Trying = CHAT_DESK,
    deciding: str | None = None,
) -> None:
    """Print every address, and commands to try in another terminal.

    `trying` is the agent that they use; `deciding` is a command that approves a case, `{job}` standing for
    the job id.
    """
    width = max(len(name) for name in places)
    tell.say("\n" + "\n".join(f"{name:<{width}}  {place}" for name, place in places.items()))
    tell.say(f"Postgres' passwords are in {data / 'settings.env'}")
    tell.say(f"\nTry next, in another terminal in {Path.cwd()}:")
    if shutil.which("pointsman") is None:  # started by its path, as scripts/dev does
        tell.say(f'  export PATH="{Path(sys.argv[0]).absolute().parent}:$PATH"')
    if data != Path(".pointsman"):  # where the other commands would look by themselves
        tell.say(f"  set -a; . {data}/settings.env; set +a")
    job = short_id(journey.job_ids[0]) if journey.job_ids else "JOB"
    tell.say(f"  pointsman trace {job}")
    tell.say(f"  pointsman why {job}")
    if journey.waiting:
        case = short_id(journey.waiting[0])
        tell.say(f"  pointsman review show {case}   # it waits for a person")
        approve = (deciding or "pointsman doctor").format(job=case)
        tell.say(f"  {approve}   # {'or edit, reject, send' if deciding else 'says who could decide it'}")
    if trying.login:
        others = "others' files are beside it"
        tell.say(f"  set -a; . {trying.login}; set +a   # from here on as {trying.agent}; {others}")
    kind = f" --kind {trying.kind}" if trying.kind else ""
    tell.say(f'  pointsman publish --agent {shlex.quote(trying.agent)}{kind} --prompt "Hello?" --wait')
    if "gateway" in places:
        if trying.api_key is not None:
            api_key = f"$(cat {trying.api_key})"
        else:
            api_key = "API-KEY-OF-YOUR-AGENTS-FILE" if trying.asks_for_key else "any"
        tell.say("\nApplications that speak OpenAI's API need another base URL, and nothing else:")
        tell.say(f'  export OPENAI_BASE_URL={places["gateway"]}/v1 OPENAI_API_KEY="{api_key}"')
        tell.say(
            '  curl "$OPENAI_BASE_URL/chat/completions" -H "Authorization: Bearer $OPENAI_API_KEY" \\\n'
            """    -d '{"model": "auto", "messages": [{"role": "user", "content": "Hello?"}]}'"""
        )
    tell.say("\nCtrl-C stops everything and keeps the data.")
