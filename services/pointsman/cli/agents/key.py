"""`pointsman agents key`: create a signing key for an agent or a person, or an agent's API key."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.key_file import new_key, write_new
from pointsman.runtime.clock import utc_now
from pointsman.runtime.terminal import screen


def key(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="New file for the secret; optional with --api."),
    ] = None,
    *,
    api: Annotated[bool, typer.Option("--api", help="Create an API key, for calls to a gateway.")] = False,
    agent: Annotated[
        str | None, typer.Option(metavar="ID", help="With --api: the agent's id, for the lines to paste.")
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="DATE|DAYS",
            help="With --api: the first day on which it is refused, or days from now.",
        ),
    ] = None,
) -> None:
    """Create a key for signing (Ed25519); print the public key, for `public_keys` in agents.yaml.

    The file (mode 600) is for the agent alone: `pointsman publish --key FILE`, or Client(key=...). To replace
    a key, list both public keys in the entry for a while. People who change the registry sign with such a
    key, too: see POINTSMAN_REGISTRY_KEYS.

    With --api, create an API key, by which a gateway recognises the agent. It is shown once, on stdout or in
    the file (mode 600); stderr has the lines for `api_keys` in agents.yaml, with the key's digest only.
    """
    from pointsman.cli.agents.api_key import api_key_lines, expiry
    from pointsman.identity.api_key import ApiKeyText

    if not api:
        if agent is not None or expires is not None:
            raise typer.BadParameter("--agent and --expires are for API keys: add --api")
        if file is None:
            raise typer.BadParameter("name the file where the key is to be, or add --api for an API key")
        screen.line(new_key(file).public.text)
        return
    last = None if expires is None else expiry(expires, utc_now().date())
    api_key = ApiKeyText.make()
    if file is None:
        screen.line(api_key.text)
    else:
        write_new(file, api_key.text + "\n")
    for line in api_key_lines(api_key, agent, last):
        screen.note(line)
