"""Turn a function into a command: settings from options, coroutines are run, the result is the exit code."""

import asyncio
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from inspect import Parameter, iscoroutine, signature
from typing import Any, get_args

import typer


class SettingsOf:
    """Annotates a parameter whose value is loaded from options and the environment.

    `path` names the settings class, `module:Name`, which is imported when the command is called. `options`
    maps fields to annotations of the options that set them, required unless None is allowed; any other value
    is used as the field's value.
    """

    def __init__(self, path: str, **options: Any) -> None:
        self._path = path
        self.options = {name: option for name, option in options.items() if hasattr(option, "__metadata__")}
        self._fixed = {name: value for name, value in options.items() if name not in self.options}

    def load(self, arguments: dict[str, Any]) -> Any:
        """Return the settings, and remove their options from `arguments`.

        Raises:
            CommandError: a value is invalid.
        """
        from pointsman.cli.settings import load

        module, _, name = self._path.partition(":")
        flags = {option: arguments.pop(option, None) for option in self.options}
        return load(getattr(import_module(module), name), **self._fixed, **flags)


def command(work: Callable[..., Any]) -> Callable[..., None]:
    """Wrap `work` for Typer.

    A parameter annotated with `SettingsOf` is replaced by its options, after all others. A coroutine is run.
    An exit code other than 0 ends the program.
    """
    parameters = signature(work).parameters.values()
    loaded = {
        parameter.name: source
        for parameter in parameters
        for source in getattr(parameter.annotation, "__metadata__", ())
        if isinstance(source, SettingsOf)
    }
    shown = [parameter for parameter in parameters if parameter.name not in loaded]
    shown += [
        Parameter(name, Parameter.KEYWORD_ONLY, default=_default(option), annotation=option)
        for source in loaded.values()
        for name, option in source.options.items()
    ]

    @wraps(work)
    def run(**arguments: Any) -> None:
        settings = {name: source.load(arguments) for name, source in loaded.items()}
        code = work(**arguments, **settings)
        if iscoroutine(code):
            code = asyncio.run(code)
        if code:
            raise typer.Exit(code)

    run.__signature__ = signature(work).replace(parameters=shown, return_annotation=None)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return run


class CommandGroup(typer.Typer):
    """A group whose functions become commands as `command` describes."""

    def command(self, *args: Any, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., None]]:  # type: ignore[override]
        add = super().command(*args, **options)
        return lambda work: add(command(work))


def group(purpose: str) -> CommandGroup:
    """Return a group whose commands are functions of one module; `purpose` is its help."""
    return CommandGroup(rich_markup_mode=None, add_completion=False, no_args_is_help=True, help=purpose)


def _default(option: Any) -> Any:
    return None if type(None) in get_args(option.__origin__) else Parameter.empty
