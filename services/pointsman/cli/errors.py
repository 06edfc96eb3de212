"""What went wrong, in one line, and what to do about it, in another."""

from pointsman.runtime.errors import CommandError
from pointsman.store.address import without_secrets
from pointsman.store.errors import StoreUnavailableError


def explain(error: Exception) -> CommandError:
    """The error of a command as its user should read it."""
    if isinstance(error, CommandError):
        return error
    text = without_secrets(str(error).strip() or type(error).__name__)
    if hint := getattr(error, "hint", ""):
        return CommandError(text, without_secrets(hint))
    if isinstance(error, OSError | StoreUnavailableError):
        return CommandError(text, "`pointsman doctor` finds out what cannot be reached")
    if type(error).__module__.startswith("pointsman."):
        return CommandError(text)  # written for people, with what to do next
    if isinstance(error, ModuleNotFoundError):
        return CommandError(text, 'install what is missing: pip install "pointsman[dev,learn]"')
    return CommandError(
        f"{type(error).__name__}: {text}", "POINTSMAN_DEBUG=1 in front of the command shows where it happened"
    )
