"""The error that ends a command: one line for the problem, one for the hint."""


class CommandError(Exception):
    """Ends a command: `problem` says what happened, `hint` what to do next; `code` is the exit code."""

    def __init__(self, problem: str, hint: str = "", *, code: int = 1) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"error: {self.problem}\n" + (f" hint: {self.hint}\n" if self.hint else "")
