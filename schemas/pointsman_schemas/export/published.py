"""Keeps the promise of what is published: `python -m pointsman_schemas.export.published [--publish]`."""

import argparse
import json
import sys
from pathlib import Path

from pointsman_schemas.base import Json
from pointsman_schemas.export.compatibility import breaks
from pointsman_schemas.export.generated import to_text
from pointsman_schemas.export.json_schema import PLAIN, schemas
from pointsman_schemas.topics import Topics

COMMAND = "python -m pointsman_schemas.export.published"

#: Who of a topic's readers is not part of pointsman.
OTHERS = frozenset({"agents", "people"})


def violations(published: dict[str, Json], current: dict[str, Json]) -> dict[str, list[str]]:
    """For each published schema what its present form breaks, in words; kept promises are left out."""
    others = read_by_others()
    found = {
        name: ["the message is gone"]
        if name not in current
        else breaks(old, current[name], read_by_others=name in others)
        for name, old in published.items()
    }
    return {name: broken for name, broken in found.items() if broken}


def read_by_others() -> frozenset[str]:
    """The schemas that programs outside of pointsman read: results, dead letters and every envelope."""
    topics = Topics()
    read = [
        message.TYPE
        for topic in topics.all(["tier"])
        if OTHERS & set(topic.readers)
        for message in topic.carries
    ]
    headers = [name for name in schemas() if ".headers" in name]
    return frozenset(read + headers)


def load(folder: Path) -> dict[str, Json]:
    """The published schemas by name, from the pinned copies in `folder`."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


def advice(name: str) -> str:
    """What to do when the schema `name` cannot change in this way."""
    if name == PLAIN or ".headers" in name:
        return (
            f"{name} has no version 2: leave what it says, "
            "and add what is new as something that may be missing"
        )
    base, _, version = name.rpartition(".v")
    return (
        f"{name} is published: leave it as it was and make {base}.v{int(version) + 1}, "
        "a class of its own in pointsman_schemas, listed in catalog.py, with an example in schemas/examples"
    )


def main(arguments: list[str] | None = None) -> int:
    """0: every promise is kept; 1: one is broken (nothing is published then)."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument(
        "--publish", action="store_true", help="pin every schema as it is now: part of a release"
    )
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[1] / "published")
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    published, current = load(folder), schemas()
    broken = violations(published, current)
    for name, changes in broken.items():
        sys.stderr.write("".join(f"{name}: {change}\n" for change in changes) + f"  -> {advice(name)}\n")
    if broken:
        return 1
    if options.publish:
        folder.mkdir(parents=True, exist_ok=True)
        for name, schema in current.items():
            (folder / f"{name}.json").write_text(to_text(schema), "utf-8")
    elif missing := sorted(set(current) - set(published)):
        sys.stdout.write(f"not published yet, free to change: {', '.join(missing)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
