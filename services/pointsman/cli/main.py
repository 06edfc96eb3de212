"""The `pointsman` program: a table of commands, each imported when it is called."""

import os
import sys
from typing import Annotated

import typer

from pointsman.cli.lazy import lazy_group
from pointsman.cli.streams import not_utf8, open_closed
from pointsman.runtime.loopback import keep_off_proxies

#: Purpose by name, in the order in which a new user needs them. FOLDERS says where the modules are.
COMMANDS = {
    "dev": "Start everything on this machine and watch sample jobs pass through it.",
    "init": "Write policy.yaml, agents.yaml and providers.yaml, with comments, into a folder.",
    "publish": "Publish one job from flags, or many from JSON lines.",
    "queue": "Show a job's place in the queue, and which limit holds it up.",
    "cancel": "Stop a job that has no outcome yet.",
    "replay": "Replay recorded jobs, each under a new id.",
    "feedback": "Record how good a job's answer was.",
    "review": "Decide the cases that wait for a person.",
    "tail": "Follow messages as they arrive.",
    "trace": "Show a job's path: each message, its lane, and the time since the start.",
    "why": "Show why a job was routed to its tier.",
    "policy": "Check a routing policy, try it on recorded jobs, set a threshold, resume its score.",
    "learn": "Train a score on your own jobs, and write a policy that uses it.",
    "report": "Write a job's full history on one page, for an incident report.",
    "sql": "Query the audit database in SQL, read-only.",
    "mcp": "Serve the audit database's questions to an assistant, over stdin and stdout (MCP).",
    "lag": "Show how many jobs wait for each tier, and for how long.",
    "limits": "Show the shared limits: what is used, waiting, paused or broken, and what holds each tier.",
    "agents": "Register agents, suspend them, and see what they do.",
    "run": "Run services in the foreground.",
    "topics": "Make the cluster's topics match the declared ones.",
    "access": "Update users, ACLs, quotas and database logins from the registry.",
    "db": "Set up the audit database and its users.",
    "audit": "Verify, sign, retain, erase and export the audit record.",
    "claims": "Clean up the store of large values.",
    "doctor": "Check everything a service needs, with a fix for each failure.",
    "bench": "Measure what this machine can do, each figure beside the raw limit or a peer.",
    "version": "Print the versions of pointsman and Python.",
}


#: The commands by their folder in `pointsman.cli`.
FOLDERS = {
    "jobs": ("publish", "queue", "cancel", "replay", "feedback", "tail", "trace", "why", "report"),
    "policy": ("policy", "learn"),
    "audit": ("sql", "mcp", "audit"),
    "agents": ("agents",),
    "review": ("review",),
    "ops": ("dev", "init", "lag", "limits", "run", "topics", "access", "db", "claims", "doctor", "version"),
    "bench": ("bench",),
}

app = lazy_group("pointsman.cli", COMMANDS, FOLDERS, completion=True)


def _version(asked: bool) -> None:
    if asked:
        from pointsman.cli.ops.version import version

        version()
        raise typer.Exit


@app.callback()
def pointsman(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.", envvar="POINTSMAN_DEBUG")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Event-driven router for LLM and agent jobs.

    Kafka in, the right tier of model, every message in Postgres.

    Start with `pointsman dev`, then `pointsman publish --help`.
    """


def main() -> None:
    """Run the program with `sys.argv`. Exit code 0: done; 1: failed or unhealthy; 2: wrong usage."""
    debug = "--debug" in (sys.argv[1:2] + sys.argv[-1:]) or os.environ.get("POINTSMAN_DEBUG", "0") not in (
        "",
        "0",
    )
    if sys.argv[2:] and sys.argv[-1] == "--debug":
        sys.argv.pop()  # allowed at the end of any command
    keep_off_proxies(os.environ)
    open_closed()
    for stream in (sys.stdout, sys.stderr):  # a lone surrogate in a prompt must not stop the output
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        if (odd := not_utf8(sys.argv[1:])) is not None:
            from pointsman.runtime.errors import CommandError

            raise CommandError(f"an argument is not UTF-8: {odd}", "convert it first: iconv -t UTF-8", code=2)
        app(prog_name="pointsman")
    except Exception as error:
        if debug:
            raise
        from pointsman.cli.errors import explain

        problem = explain(error)
        sys.stderr.write(str(problem))
        sys.exit(problem.code)


if __name__ == "__main__":
    main()
