"""A group of commands that imports only the one which is called."""

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
    """A group whose commands are the modules of `package`.

    `purposes`: name -> what it is for. The module has the name's `-` as `_`, and a function of that name or,
    if it is a group itself, an `app`. `folders`: sub-package -> the names in it, where there are any; or a
    module -> the names of the functions in it, where it has several. `completion`: offers to complete
    commands in a shell.
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


def group(purpose: str) -> typer.Typer:
    """A group whose commands are the functions of one module; `purpose`: its help."""
    return typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True, help=purpose)


class LazyGroup(TyperGroup):
    """Knows every command's name and purpose; made by `lazy_group`."""

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
        self.commands = dict.fromkeys(self.purposes)  # type: ignore[assignment]  # what a typo is compared with
        return super().resolve_command(ctx, args)


def loaded(path: str) -> Any:
    """The command in the module `path`, or the command `path` in a module."""
    place, _, name = path.rpartition(".")
    holder = importlib.import_module(place)
    if hasattr(holder, "__path__"):  # a package
        holder = importlib.import_module(path)
    app = getattr(holder, "app", None)
    if app is None:
        app = typer.Typer(rich_markup_mode=None, add_completion=False)
        app.command(name.replace("_", "-"))(getattr(holder, name))
    return typer.main.get_command(app)
