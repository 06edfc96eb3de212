"""`pointsman db`: the audit database's schema."""

import typer

from pointsman.cli.options import Json, Postgres

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Look after the audit database."
)


@app.callback()
def db() -> None:
    """Keeps `migrate` a command of its own while it is the only one."""


@app.command()
def migrate(postgres: Postgres = None, as_json: Json = False) -> None:
    """Create the database if it is missing and bring its schema up to date.

    Safe to run twice, and from several processes at once.
    """
    import asyncio

    from pointsman.cli import screen
    from pointsman.cli.settings import CliSettings, load
    from pointsman.store.connect import place
    from pointsman.store.migrate import create_database_if_missing, migrate

    dsn = load(CliSettings, postgres=postgres).postgres

    async def work() -> tuple[bool, list[str]]:
        return await create_database_if_missing(dsn), await migrate(dsn)

    created, applied = asyncio.run(work())
    if as_json:
        screen.print_json({"database": place(dsn), "created": created, "applied": applied})
        return
    if created:
        screen.line(f"created {place(dsn)}")
    for name in applied:
        screen.line(f"applied {name}")
    if not applied:
        screen.line(f"nothing to do: {place(dsn)} is up to date")
