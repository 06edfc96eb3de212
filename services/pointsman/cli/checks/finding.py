"""What a check found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`ok` is None for what could not be looked at; `fix` is something to paste, in a line or two."""

    check: str
    ok: bool | None
    said: str
    fix: str = ""
