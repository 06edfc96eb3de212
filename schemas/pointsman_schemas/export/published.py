"""Checks schemas against the published ones: `python -m pointsman_schemas.export.published [--publish]`."""

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

#: Readers of topics that are not part of pointsman.
OTHERS = frozenset({"agents", "people"})


def violations(published: dict[str, Json], current: dict[str, Json]) -> dict[str, list[str]]:
    """The incompatible changes of each published schema, in words. Compatible schemas are left out."""
    others = read_by_others()
    breaks_by_name = {
        name: ["the message is gone"]
        if name not in current
        else breaks(old, current[name], read_by_others=name in others)
        for name, old in published.items()
    }
    return {name: broken for name, broken in breaks_by_name.items() if broken}


def read_by_others() -> frozenset[str]:
    """The schemas that programs outside of pointsman read: outcomes, dead letters and envelopes."""
    topics = Topics()
    message_types = [
        message.TYPE
        for topic in topics.all(["tier"])
        if OTHERS & set(topic.readers)
        for message in topic.carries
    ]
    headers = [name for name in schemas() if ".headers" in name]
    return frozenset(message_types + headers)


def load(folder: Path) -> dict[str, Json]:
    """The published schemas by name, from the pinned copies in `folder`."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


def advice(name: str) -> str:
    """What to do instead of an incompatible change to the schema `name`."""
    if name == PLAIN or ".headers" in name:
        return f"{name} cannot get a version 2: leave it unchanged, and add new fields as optional ones"
    base, _, version = name.rpartition(".v")
    return (
        f"{name} is published: leave it unchanged and add {base}.v{int(version) + 1}, "
        "a new class in pointsman_schemas, listed in catalog.py, with an example in schemas/examples"
    )


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: all changes are compatible; 1: at least one is not, and nothing is published."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument(
        "--publish", action="store_true", help="publish the current schemas, as part of a release"
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
        sys.stdout.write(f"not published yet, may still change: {', '.join(missing)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
