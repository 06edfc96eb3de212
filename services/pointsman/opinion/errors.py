"""Why no second opinion can be given."""


class OpinionMissingError(Exception):
    """What embeds the texts is not there, or not what it should be; `hint` says what to do."""

    def __init__(self, problem: str, hint: str = "install it: pip install 'pointsman[opinion]'") -> None:
        super().__init__(problem)
        self.hint = hint
