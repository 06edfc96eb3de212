"""`pointsman review claim`: nobody else decides the case meanwhile."""

from pointsman.cli.review.case_command import case_command

claim = case_command(
    lambda *_: lambda reviewer, known: reviewer.claim(known.case),
    "Claim a case, so that nobody else decides it meanwhile.\n\n"
    "The claim ends by itself, after the time that its queue says; claiming it again renews it.",
)
