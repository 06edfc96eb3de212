"""A group of commands that imports only the one which is called."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperGroup


class LazyGroup(TyperGroup):
    """Knows every command's name and purpose.

    `COMMANDS`: name to purpose; the module `MODULE` + name, with `_` for `-`, has an `app`.
    `FOLDERS`: sub-package of `MODULE` to the names in it, where there are any.
    """

    COMMANDS: Mapping[str, str]
    MODULE: str
    FOLDERS: Mapping[str, Sequence[str]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.COMMANDS:
            return None
        folder = "".join(f"{folder}." for folder, names in self.FOLDERS.items() if cmd_name in names)
        module = importlib.import_module(self.MODULE + folder + cmd_name.replace("-", "_"))
        return typer.main.get_command(module.app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.COMMANDS.items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self.commands = dict.fromkeys(self.COMMANDS)  # type: ignore[assignment]  # what a typo is compared with
        return super().resolve_command(ctx, args)
