"""`pointsman agents apply`: the registry becomes what agents.yaml says."""

import typer

from pointsman.cli.options import Agents, By, Json, Kafka, Policy, Prefix, Reason

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def apply(
    *,
    agents: Agents = None,
    policy: Policy = None,
    by: By = "",
    reason: Reason = "",
    as_json: Json = False,
    kafka: Kafka = None,
    prefix: Prefix = None,
) -> None:
    """Make the registry as agents.yaml has it; in force everywhere within 2 s, without a restart.

    An agent that the file no longer names is retired. Each change goes on record with who made it.
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.agents.planning import read_file, settings_of
    from pointsman.cli.judge import judge
    from pointsman.cli.show.registry import diff
    from pointsman.registry.publish import apply_file

    settings = settings_of(agents, policy, kafka, prefix)
    file, who = read_file(settings), judge(by)

    done = asyncio.run(apply_file(settings, settings.topics, file, by=who, reason=reason))
    if as_json:
        screen.print_json([change.to_json() for change in done])
        return
    for line in diff(done):
        screen.line(line)
    if not done:
        screen.note("nothing to do: the registry is as the file has it")
