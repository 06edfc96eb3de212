"""`pointsman version`: what is installed, for a bug report."""

from pointsman.cli.command import command
from pointsman.cli.options import Json


@command
def version(as_json: Json = False) -> None:
    """Print the versions of pointsman and Python."""
    import platform
    from importlib.metadata import version as installed

    from pointsman.cli import screen

    versions = {
        "pointsman": installed("pointsman"),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
    }
    if as_json:
        screen.print_json(versions)
    else:
        screen.line(
            f"pointsman {versions['pointsman']} (Python {versions['python']}, {versions['platform']})"
        )
