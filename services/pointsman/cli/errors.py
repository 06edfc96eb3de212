"""What went wrong, in one line, and what to do about it, in another."""

from pointsman.store.address import without_secrets
from pointsman.store.errors import StoreUnavailableError


class CommandError(Exception):
    """Ends a command: `what` happened, `hint` is what to do next, `code` the exit code."""

    def __init__(self, what: str, hint: str = "", *, code: int = 1) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"error: {self.what}\n" + (f" hint: {self.hint}\n" if self.hint else "")


def explain(error: Exception) -> CommandError:
    """The error of a command as its user should read it."""
    if isinstance(error, CommandError):
        return error
    said = without_secrets(str(error).strip() or type(error).__name__)
    if hint := getattr(error, "hint", ""):
        return CommandError(said, without_secrets(hint))
    if isinstance(error, OSError | StoreUnavailableError):
        return CommandError(said, "`pointsman doctor` finds out what cannot be reached")
    if type(error).__module__.startswith("pointsman."):
        return CommandError(said)  # written for people, with what to do next
    if isinstance(error, ModuleNotFoundError):
        return CommandError(said, 'install what is missing: pip install "pointsman[dev,learn]"')
    return CommandError(
        f"{type(error).__name__}: {said}", "POINTSMAN_DEBUG=1 in front of the command shows where it happened"
    )
