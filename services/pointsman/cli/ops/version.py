"""`pointsman version`: print the versions, for a bug report."""

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
    text = f"pointsman {versions['pointsman']} (Python {versions['python']}, {versions['platform']})"
    screen.report(versions, text, as_json=as_json)
