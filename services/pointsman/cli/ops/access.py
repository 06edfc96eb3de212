"""`pointsman access`: compare the rights in Kafka and Postgres with those derived from the registry."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pointsman.cli.command import SettingsOf, group
from pointsman.cli.options import BusSettings, Json, OwnerSettings, PolicySettings
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.access.changes import AccessChange
    from pointsman.cli.ops.access_derived import AccessScope
    from pointsman.router.settings import RouterSettings
    from pointsman.store.settings import OwnerPart

app = group(
    "Update users, ACLs, quotas and database logins from the registry.\n\n"
    "Run it as the cluster's super user and as the owner of the database."
)

#: Which servers to compare, and which additional rights are accepted.
Looked = Annotated[
    "AccessScope",
    SettingsOf(
        "pointsman.cli.ops.access_derived:AccessScope",
        only=Annotated[Literal["kafka", "postgres"] | None, typer.Option("--only", help="Only this server.")],
        login=Annotated[
            list[str] | None,
            typer.Option(
                "--login", metavar="USER", help="A Postgres user who is meant to have one of our roles."
            ),
        ],
        explained=Annotated[
            Path | None,
            typer.Option(
                "--explained",
                metavar="FILE",
                help="What other users may hold here; each line is `user NAME`, or a line of `plan` without "
                "its sign.",
            ),
        ],
    ),
]


@app.command()
async def plan(
    *, as_json: Json = False, scope: Looked, settings: PolicySettings, owner: OwnerSettings
) -> None:
    """Show what `apply` would do: + add, - remove, ~ change; ! left for you to judge."""
    _show(await _planned(settings, owner, scope), "Plan", as_json)


@app.command()
async def check(
    *, as_json: Json = False, scope: Looked, settings: PolicySettings, owner: OwnerSettings
) -> int:
    """List all that differs from what is derived; exit 1 if anything does."""
    changes = await _planned(settings, owner, scope)
    _show(changes, "Differences", as_json)
    return int(bool(changes))


@app.command()
async def apply(
    *,
    secrets: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write new passwords there, a file for each user; else they are printed.",
        ),
    ] = None,
    rotate: Annotated[
        list[str] | None, typer.Option(metavar="USER", help="Give this user new passwords.")
    ] = None,
    as_json: Json = False,
    scope: Looked,
    settings: PolicySettings,
    owner: OwnerSettings,
) -> None:
    """Carry out the plan. New passwords are shown once and stored nowhere else."""

    from pointsman.access.apply import apply as give_and_take
    from pointsman.access.apply import issue
    from pointsman.access.apply import plan as differences
    from pointsman.cli.ops.access_derived import derived
    from pointsman.cli.ops.access_secrets import renewed, variables_by_user, write

    servers, access = await derived(settings, owner, scope)
    changes = await differences(servers, access)
    passwords = issue(access, servers, changes, renewed(access, rotate or []))
    words = variables_by_user(access, servers, passwords)
    if secrets is not None:
        write(secrets, words)  # before they are in force, so that an interrupted run can be repeated
    done = await give_and_take(servers, access, passwords)
    done += [change for change in changes if change.sign == "!"]
    shown = words if secrets is None else {}
    if as_json:
        screen.print_json({"changes": done, "secrets": shown})
        return
    _show(done, "Applied", as_json=False)
    for user, variables in shown.items():
        screen.line(f"\n# {user}: told once")
        for name, value in variables.items():
            screen.line(f"{name}={value}")
    if secrets is not None and words:
        screen.note(f"new passwords are in {secrets}: {', '.join(words)}")


@app.command()
async def suspend(
    user: Annotated[str, typer.Argument(metavar="USER", help="As `plan` calls it: agent.ID, router...")],
    *,
    as_json: Json = False,
    settings: BusSettings,
) -> None:
    """Revoke all rights of a Kafka user at once: its next write is refused, on an open connection too.

    For an agent run `pointsman agents suspend`, which does this too: `apply` gives back what the registry
    explains.
    """
    from pointsman.access.apply import suspend as suspend_login

    name = user if user.startswith(f"{settings.prefix}.") else f"{settings.prefix}.{user}"
    _show(await suspend_login(settings, name), "Applied", as_json)


async def _planned(
    settings: "RouterSettings", owner: "OwnerPart", scope: "AccessScope"
) -> "Sequence[AccessChange]":
    """Return the differences between the derived rights and those on the servers."""
    from pointsman.access.apply import plan
    from pointsman.cli.ops.access_derived import derived

    return await plan(*await derived(settings, owner, scope))


def _show(changes: "Sequence[AccessChange]", word: str, as_json: bool) -> None:
    if not changes:
        nothing = "nothing to do: everybody may do what is derived, and no more"
        screen.report(changes, notes=[nothing], as_json=as_json)
        return
    count = Counter(change.sign for change in changes)
    added, changed, removed = (
        ("added", "changed", "removed") if word == "Applied" else ("to add", "to change", "to remove")
    )
    judge_note = f", {count['!']} to judge" if count["!"] else ""
    total = f"{word}: {count['+']} {added}, {count['~']} {changed}, {count['-']} {removed}{judge_note}."
    judging = (
        "! may be somebody else's, and `apply` leaves it: take it away on the server, "
        "or put the line into a file and name that by --explained"
    )
    notes = [judging] if judge_note else ()
    screen.report(changes, *map(str, changes), total, notes=notes, as_json=as_json)
