"""What a request of another API asks for and a chat completion cannot be asked for."""


class UntranslatableError(ValueError):
    """`param` says where it stands, such as `tools[1].type`; the text says it too, and what to do."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}")
        self.param = param
