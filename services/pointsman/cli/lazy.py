"""Command groups that import a command only when it is called."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


def lazy_group(
    package: str,
    purposes: Mapping[str, str],
    folders: Mapping[str, Sequence[str]] | None = None,
    *,
    completion: bool = False,
) -> typer.Typer:
    """Return a group whose commands are the modules of `package`.

    `purposes` maps each name to its help. In the module's name `-` is `_`; the module has a function of that
    name, which becomes the command, or an `app` if it is a group. `folders` maps a sub-package to the names
    in it, or a module to the names of several functions in it. `completion` adds shell completion.
    """
    of_this = {"package": package, "purposes": purposes, "folders": folders or {}}
    return typer.Typer(
        cls=type("Commands", (LazyGroup,), of_this),
        rich_markup_mode=None,
        add_completion=completion,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


class LazyGroup(TyperGroup):
    """A group that knows the names and purposes of its commands. Made by `lazy_group`."""

    package: ClassVar[str]
    purposes: ClassVar[Mapping[str, str]]
    folders: ClassVar[Mapping[str, Sequence[str]]]

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.purposes)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.purposes:
            return None
        folder = "".join(f"{folder}." for folder, names in self.folders.items() if cmd_name in names)
        return loaded(f"{self.package}.{folder}{cmd_name.replace('-', '_')}")

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.purposes.items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        self.commands = dict.fromkeys(self.purposes)  # type: ignore[assignment]  # for suggestions on typos
        return super().resolve_command(ctx, args)


def loaded(path: str) -> Any:
    """Import the command at `path`: a module, or a function of a module."""
    place, _, name = path.rpartition(".")
    holder = importlib.import_module(place)
    if hasattr(holder, "__path__"):  # a package
        holder = importlib.import_module(path)
    app = getattr(holder, "app", None)
    if app is None:
        from pointsman.cli.command import CommandGroup

        app = CommandGroup(rich_markup_mode=None, add_completion=False)
        app.command(name.replace("_", "-"))(getattr(holder, name))
    return typer.main.get_command(app)
