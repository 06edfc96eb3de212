"""`pointsman agents key`: what an agent, or who changes the registry, signs with; or an agent's API key."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.cli.command import command


@command
def key(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Where to write the secret, a new file; --api can do without."),
    ] = None,
    *,
    api: Annotated[bool, typer.Option("--api", help="An API key, for who asks through a gateway.")] = False,
    agent: Annotated[
        str | None, typer.Option(metavar="ID", help="With --api: whose it is to be, for the lines to paste.")
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

    The file, of mode 600, is for the agent alone: `pointsman publish --key FILE`, or Client(key=...). Two
    public keys in an entry are good while one replaces the other. Whoever changes the registry signs with
    such a key, too, see POINTSMAN_REGISTRY_KEYS.

    With --api create an API key, by which a gateway knows the agent: it is shown once, alone on stdout or in
    the file of mode 600, and on stderr are the lines for `api_keys` in agents.yaml, which hold its digest.
    """
    from pointsman.cli import screen
    from pointsman.cli.agents.api_key import api_key_lines, expiry
    from pointsman.cli.key_file import new_key, write_new
    from pointsman.identity.api_key import ApiKeyText
    from pointsman.runtime.clock import utc_now

    if not api:
        if agent is not None or expires is not None:
            raise typer.BadParameter("--agent and --expires are for API keys: add --api")
        if file is None:
            raise typer.BadParameter("name the file where the key is to be, or add --api for an API key")
        screen.line(new_key(file).public.text)
        return
    last = None if expires is None else expiry(expires, utc_now().date())
    made = ApiKeyText.make()
    if file is None:
        screen.line(made.text)
    else:
        write_new(file, made.text + "\n")
    for line in api_key_lines(made, agent, last):
        screen.note(line)
