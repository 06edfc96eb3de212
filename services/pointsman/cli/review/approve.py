"""`pointsman review approve`: what is proposed happens."""

from pointsman.cli.review.case_command import decide_command

approve = decide_command(
    "approve",
    "Let what is proposed happen: the answer counts, or the job goes to its tier.\n\n"
    "What you have not claimed is claimed first.",
)
