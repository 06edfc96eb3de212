"""`pointsman mcp`: serve the audit database's questions as tools for an assistant."""

from typing import Annotated

import typer

from pointsman.cli.options import RecordSettings
from pointsman.runtime.errors import CommandError


async def mcp(
    *,
    no_payloads: Annotated[
        bool,
        typer.Option("--no-payloads", help="Give no prompts, requests or answers, and no SQL of its own."),
    ] = False,
    settings: RecordSettings,
) -> None:
    """Serve the audit database's questions to an assistant, over stdin and stdout (MCP).

    Read only, with the rights of pointsman_auditor. An assistant's settings name the command:
    `pointsman mcp --no-payloads`.
    """
    try:
        from pointsman.mcp.server import build
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        raise CommandError("the MCP library is not installed", 'pip install "pointsman[mcp]"') from error

    server = await build(settings.postgres, payloads=not no_payloads)
    await server.run_stdio_async()
