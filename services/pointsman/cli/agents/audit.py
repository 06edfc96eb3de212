"""`pointsman agents audit`: find agents that nobody owns or uses, or that may do too much."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.options import Json, PolicySettings, RecordSettings
from pointsman.runtime.clock import utc_now
from pointsman.runtime.terminal import screen


async def audit(
    *,
    access: Annotated[
        bool,
        typer.Option("--access", help="Also check Kafka's users and ACLs; needs the cluster's super user."),
    ] = False,
    explained: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --access: as `pointsman access check` takes it."),
    ] = None,
    as_json: Json = False,
    settings: PolicySettings,
    record: RecordSettings,
) -> int:
    """Find agents that are unregistered, idle, unowned, expiring or allowed too much. Exit 1 if any is.

    unregistered: seen in 30 days, not in the registry, or retired. idle: no job in 30 days, or suspended for
    so long. no owner: no contact, or an owner that is nobody. expiring: within 14 days, or expired. no
    expiry: registered for ever, or for more than 90 days. too wide: more than it used in 30 days, with the
    entry that would be enough. expired key: an API key that is over and still listed. unexplained: a user or
    an ACL in Kafka that does not follow from the registry (--access).

    --json gives [{finding, agent_id, owner, detail, narrower}]; narrower is an entry, or null.
    """
    from pointsman.access.apply import plan
    from pointsman.cli.ops.access_derived import AccessScope, derived
    from pointsman.cli.show.registry import findings_table, narrower_entries
    from pointsman.client.agents_audit import audit_agents, unexplained

    people = settings.registry_people
    findings = await audit_agents(settings, settings.topics, record.postgres, utc_now(), people)
    if access:
        servers, derived_access = await derived(settings, None, AccessScope("kafka", explained=explained))
        findings += unexplained(await plan(servers, derived_access))
    if as_json:
        screen.print_json(findings)
    elif findings:
        screen.show(findings_table(findings))
        entries = list(narrower_entries(findings))
        if entries:
            screen.note("entries with no more than what was used, for agents.yaml:")
        for entry in entries:
            screen.line(entry)
    else:
        screen.note("nothing found: every agent is registered, owned, used and held to what it uses")
    return int(bool(findings))
