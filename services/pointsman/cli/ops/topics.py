"""`pointsman topics`: what is declared against what the cluster has."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.options import Json, Kafka, Policy, Prefix

if TYPE_CHECKING:
    from pathlib import Path

    from pointsman.runtime.settings import KafkaPart
    from pointsman_schemas.topic import Topic

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Make the cluster's topics match the declared ones.\n\nThe policy names the tiers.",
)

Replication = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Copies of a new topic; 3 or as many as there are brokers."),
]


@app.command()
def plan(
    *,
    policy: Policy = None,
    replication: Replication = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 if there is something to do.")
    ] = False,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Show what `apply` would do."""
    import asyncio

    from pointsman.bus.admin.topics import plan
    from pointsman.cli import screen

    settings, topics = declared(policy, kafka, prefix)
    changes = asyncio.run(plan(settings, topics, replication=replication))
    to_do = any(change.to_do for change in changes)
    if as_json:
        screen.print_json([change.to_json() for change in changes])
    else:
        for change in changes:
            if change.kind != "none":
                screen.line(change.detail)
        screen.note("do it: pointsman topics apply" if to_do else "nothing to do: the topics are as declared")
    raise typer.Exit(int(exit_code and to_do))


@app.command()
def apply(
    *,
    policy: Policy = None,
    replication: Replication = None,
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Create missing topics and adjust different ones; never delete anything."""
    import asyncio

    from pointsman.bus.admin.topics import apply
    from pointsman.cli import screen

    settings, topics = declared(policy, kafka, prefix)
    done = asyncio.run(apply(settings, topics, replication=replication))
    if as_json:
        screen.print_json([change.to_json() for change in done])
        return
    for change in done:
        screen.line(change.detail)
    if not done:
        screen.note("nothing to do: the topics are as declared")


def declared(policy: "Path | None", kafka: str | None, prefix: str | None) -> "tuple[KafkaPart, list[Topic]]":
    """Where the cluster is, and every topic of this installation with a tier for each of the policy's."""
    from pointsman.cli.settings import load
    from pointsman.router.policy.policy_file import load as load_policy
    from pointsman.router.settings import RouterSettings

    settings = load(RouterSettings, kafka=kafka, prefix=prefix, policy=policy)
    return settings, list(settings.topics.all(load_policy(settings.policy).tiers))
