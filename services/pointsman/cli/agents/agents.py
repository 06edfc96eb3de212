"""`pointsman agents`: the table of registry commands, each in its own module."""

from pointsman.cli.lazy import lazy_group

COMMANDS = {
    "plan": "Show what `apply` would change in the registry.",
    "apply": "Update the registry from agents.yaml.",
    "list": "List the agents: owner, state, last job, spend.",
    "show": "Show one agent's entry.",
    "approve": "Approve another person's proposal.",
    "key": "Create a key for signing, or an API key.",
    "audit": "Find agents that are unregistered, idle, unowned, expiring or allowed too much.",
    "suspend": "Refuse an agent's jobs from now on.",
    "resume": "End an agent's suspension.",
    "retire": "Take an agent out of the registry; its history stays.",
}

FOLDERS = {"state_commands": ("suspend", "resume", "retire")}

app = lazy_group("pointsman.cli.agents", COMMANDS, FOLDERS)


@app.callback()
def agents() -> None:
    """Register agents, suspend them, and see what they do.

    agents.yaml is the source: edit it, then `pointsman agents plan` and `apply`.
    """
