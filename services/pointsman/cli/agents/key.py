"""`pointsman agents key`: what an agent, or who changes the registry, signs with."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def key(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Where to write the private key; must not exist.")
    ],
) -> None:
    """Create a key for signing (Ed25519); print the public key, for `public_keys` in agents.yaml.

    The file, of mode 600, is for the agent alone: `pointsman publish --key FILE`, or Client(key=...). Two
    public keys in an entry are good while one replaces the other. Whoever changes the registry signs with
    such a key, too, see POINTSMAN_REGISTRY_KEYS.
    """
    from pointsman.cli import screen
    from pointsman.cli.key_file import new_key

    screen.line(new_key(file).public.text)
