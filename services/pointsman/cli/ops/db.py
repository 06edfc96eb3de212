"""`pointsman db`: set up the audit database."""

import os
from typing import Annotated, Literal

import typer

from pointsman.cli.command import group
from pointsman.cli.options import Json, OwnerSettings, RecordSettings
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

app = group("Set up the audit database and its users.")


@app.command()
async def migrate(*, as_json: Json = False, owner: OwnerSettings) -> None:
    """Create the database if it is missing and bring its schema up to date.

    Safe to run twice, and from several processes at once. Its user becomes the owner of the schema; the audit
    process and the commands that read need only the roles that `db roles` shows.
    """
    from pointsman.store.connect import place
    from pointsman.store.migrate import create_database_if_missing
    from pointsman.store.migrate import migrate as apply_migrations

    dsn = owner.owner_dsn
    created, applied = await create_database_if_missing(dsn), await apply_migrations(dsn)
    lines = [f"created {place(dsn)}"] if created else []
    lines += [f"applied {name}" for name in applied] or [f"nothing to do: {place(dsn)} is up to date"]
    done = {"database": place(dsn), "created": created, "applied": applied}
    screen.report(done, *lines, as_json=as_json)


@app.command()
async def roles(
    *,
    as_sql: Annotated[
        bool, typer.Option("--print", help="Print the grants as the statements that make them.")
    ] = False,
    as_json: Json = False,
    settings: RecordSettings,
) -> None:
    """Show what each role may do, as the database reports it.

    pointsman_audit_writer adds rows and moves positions forward; pointsman_auditor reads;
    pointsman_audit_opener also reads the keys of sealed rows; pointsman_claims stores large values. None of
    them may update, delete or truncate. pointsman_audit_eraser may delete a subject's key; that is recorded.
    """
    from pointsman.cli.show.integrity import grants_table
    from pointsman.store.connect import place
    from pointsman.store.roles import grants

    dsn = settings.postgres
    roles_now = await grants(dsn)
    if not roles_now:
        raise CommandError(f"{place(dsn)} grants pointsman's roles nothing", "run: pointsman db migrate")
    drawn = [grant.statement for grant in roles_now] if as_sql else [grants_table(roles_now)]
    screen.report(roles_now, *drawn, as_json=as_json)


@app.command()
async def login(
    name: Annotated[str, typer.Argument(metavar="USER", help="The user to make, or to give a new password.")],
    *,
    role: Annotated[
        Literal["writer", "auditor", "opener", "eraser", "claims"],
        typer.Option(
            "--as",
            help="writer: for `run audit`; auditor: for whoever reads; opener: for who reads what is sealed, "
            "too; eraser: for `audit erase`; claims: for POINTSMAN_CLAIMS, where large values are kept here.",
        ),
    ],
    password_from: Annotated[
        str, typer.Option(metavar="VARIABLE", help="The environment variable that holds the password.")
    ] = "POINTSMAN_LOGIN_PASSWORD",
    owner: OwnerSettings,
) -> None:
    """Create a database user with the rights of one role and no others.

    The password comes from the environment, so that no list of processes shows it; where the variable is not
    set the user has none. Repeat it to change the password.
    """
    from pointsman.store.roles import AUDITOR, CLAIMS, ERASER, OPENER, WRITER, ensure_login

    dsn = owner.owner_dsn
    roles = {"writer": WRITER, "auditor": AUDITOR, "opener": OPENER, "eraser": ERASER, "claims": CLAIMS}
    granted = roles[role]
    await ensure_login(dsn, name, granted, os.environ.get(password_from) or None)
    screen.line(f"{name} may do what {granted} may")
