"""`pointsman version`: print the versions, for a bug report."""

from pointsman.cli.options import Json
from pointsman.runtime.terminal import screen


def version(as_json: Json = False) -> None:
    """Print the versions of pointsman and Python."""
    import platform
    from importlib.metadata import version as installed

    versions = {
        "pointsman": installed("pointsman"),
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
    }
    text = f"pointsman {versions['pointsman']} (Python {versions['python']}, {versions['platform']})"
    screen.report(versions, text, as_json=as_json)
