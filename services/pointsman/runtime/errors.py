"""The error that ends a command: one line for what went wrong, one for what to do."""


class CommandError(Exception):
    """Ends a command: `problem` is what happened, `hint` is what to do next, `code` the exit code."""

    def __init__(self, problem: str, hint: str = "", *, code: int = 1) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"error: {self.problem}\n" + (f" hint: {self.hint}\n" if self.hint else "")
