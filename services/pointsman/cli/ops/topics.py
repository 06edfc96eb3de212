"""`pointsman topics`: compare the cluster's topics with the declared ones."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.command import group
from pointsman.cli.options import ExitCode, Json, PolicySettings
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pointsman.router.settings import RouterSettings
    from pointsman_schemas.topic import Topic

app = group("Make the cluster's topics match the declared ones.\n\nThe policy names the tiers.")

Replication = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Replicas of a new topic; default: 3, or one per broker if fewer."),
]
_NOTHING = "nothing to do: the topics are as declared"


@app.command()
async def plan(
    *,
    replication: Replication = None,
    exit_code: ExitCode = False,
    as_json: Json = False,
    settings: PolicySettings,
) -> int:
    """Show what `apply` would do."""

    from pointsman.bus.admin.topics import plan as plan_topics

    changes = await plan_topics(settings, declared(settings), replication=replication)
    to_do = any(change.to_do for change in changes)
    details = (change.detail for change in changes if change.kind != "none")
    note = "do it: pointsman topics apply" if to_do else _NOTHING
    screen.report(changes, *details, notes=[note], as_json=as_json)
    return int(exit_code and to_do)


@app.command()
async def apply(
    *,
    replication: Replication = None,
    as_json: Json = False,
    settings: PolicySettings,
) -> None:
    """Create missing topics and adjust different ones; never delete anything."""

    from pointsman.bus.admin.topics import apply as apply_topics

    done = await apply_topics(settings, declared(settings), replication=replication)
    details = (change.detail for change in done)
    screen.report(done, *details, notes=() if done else [_NOTHING], as_json=as_json)


def declared(settings: "RouterSettings") -> "list[Topic]":
    """Return every topic of this installation, with the tier topics that the policy names."""
    from pointsman.router.policy.policy_file import load

    return list(settings.topics.all(load(settings.policy).tiers))
