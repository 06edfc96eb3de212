"""`pointsman review release`: a claimed case is open again."""

from pointsman.cli.review.case_command import case_command

release = case_command(
    lambda *_: lambda reviewer, known: reviewer.release(known.case),
    "Give a claimed case back, so that others can take it.",
)
