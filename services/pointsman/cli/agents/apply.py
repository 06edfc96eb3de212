"""`pointsman agents apply`: make the registry match agents.yaml."""

from pointsman.cli.options import AgentsOptions, By, Json, PersonKey, Reason
from pointsman.runtime.terminal import screen


async def apply(
    *,
    by: By = "",
    reason: Reason = "",
    key: PersonKey = None,
    as_json: Json = False,
    settings: AgentsOptions,
) -> None:
    """Update the registry from agents.yaml; takes effect everywhere within 2 s, without a restart.

    An agent that the file no longer names is retired. Each change goes on record with who made it. Where the
    rules ask for two people (`approvals: 2`), it is proposed, and takes effect once another approves it.

    --json gives {changes: [{change, agent, fields}], proposal}; proposal is null where nobody has to approve.
    """
    from pointsman.cli.agents.person import person
    from pointsman.cli.agents.planning import read_file
    from pointsman.cli.show.registry import diff, retired_roles
    from pointsman.registry.follow import read_registry
    from pointsman.registry.publish import apply_file

    read_file(settings)  # errors of the file itself are reported without Kafka
    author = person(by, key, settings.registry_people)
    history = await read_registry(settings, settings.topics, settings.registry_people)
    file = read_file(settings, history)

    screen.note(f"agents: {settings.agents}")
    applied = await apply_file(
        settings,
        settings.topics,
        file,
        by=author.id,
        key=author.key,
        people=settings.registry_people,
        reason=reason,
    )
    done = {"changes": applied.changes, "proposal": applied.proposal}
    notes = [*retired_roles(applied.changes)]
    if applied.proposal is not None:
        notes.append(f"proposed; another person makes it hold: pointsman agents approve {applied.proposal}")
    elif not applied.changes:
        notes.append("nothing to do: the registry is as the file has it")
    lines = diff(applied.changes, done=applied.proposal is None)
    screen.report(done, *lines, notes=notes, as_json=as_json)
