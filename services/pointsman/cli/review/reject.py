"""`pointsman review reject`: the job ends without an answer."""

from pointsman.cli.review.case_command import decide_command

reject = decide_command(
    "reject",
    "End the job without an answer; its agent is told why.\n\n"
    "A reason is needed. What you have not claimed is claimed first.",
)
