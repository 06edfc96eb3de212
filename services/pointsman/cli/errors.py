"""Explain an error in one line, with a hint in another."""

from errno import EADDRINUSE

from pointsman.runtime.errors import CommandError
from pointsman.store.address import without_secrets
from pointsman.store.errors import StoreUnavailableError


def explain(error: Exception) -> CommandError:
    """Return the error as the command's user should read it."""
    if isinstance(error, CommandError):
        return error
    text = without_secrets(str(error).strip() or type(error).__name__)
    if hint := getattr(error, "hint", ""):
        return CommandError(text, without_secrets(hint))
    if isinstance(error, OSError) and error.errno == EADDRINUSE:
        return CommandError(text, "stop the program that listens there, or choose another port")
    if isinstance(error, OSError | StoreUnavailableError):
        return CommandError(text, "`pointsman doctor` finds out what cannot be reached")
    if type(error).__module__.startswith("pointsman."):
        return CommandError(text)  # its text is for users
    if isinstance(error, ModuleNotFoundError):
        return CommandError(text, 'install what is missing: pip install "pointsman[dev,learn]"')
    return CommandError(
        f"{type(error).__name__}: {text}", "POINTSMAN_DEBUG=1 in front of the command shows where it happened"
    )
