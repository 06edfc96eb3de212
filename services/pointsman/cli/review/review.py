"""`pointsman review`: the table of review commands, each in its own module."""

from pointsman.cli.lazy import lazy_group

COMMANDS = {
    "list": "List the waiting cases, the earliest deadline first.",
    "inbox": "Decide cases on a full screen, by keys.",
    "watch": "Print a line, and post a webhook, for each case that comes to wait.",
    "next": "Claim the next open case and show it.",
    "show": "Show a case: question, proposal, why it stopped, what each choice does.",
    "claim": "Claim a case, so that nobody else decides it meanwhile.",
    "approve": "Accept the proposal.",
    "edit": "Give the agent another answer.",
    "reject": "End the job without an answer.",
    "send": "Send the job to a tier.",
    "release": "Give a claimed case back.",
}

FOLDERS = {"case_commands": ("claim", "approve", "edit", "reject", "send", "release")}

app = lazy_group("pointsman.cli.review", COMMANDS, FOLDERS)


@app.callback()
def review() -> None:
    """Decide the cases that wait for a person.

    agents.yaml says who may: an entry with `reviews: [QUEUE]`. If the entry has a key, decisions must be
    signed with it (--key). Exit 1: refused, with the reason.
    """
