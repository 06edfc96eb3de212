"""Writes the generated files that describe the contract: `python -m pointsman_schemas.export [--check]`."""

import argparse
import sys
from pathlib import Path

from pointsman_schemas.export.generated import drift, write

COMMAND = "python -m pointsman_schemas.export"


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: the files are up to date; 1: `--check` found a difference; 2: not a checkout."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; print a diff and exit 1 on drift"
    )
    parser.add_argument("--checkout", type=Path, default=Path(__file__).parents[3], help="default: this one")
    options = parser.parse_args(arguments)
    checkout: Path = options.checkout
    if not (checkout / "docs" / "contract.md").is_file():
        sys.stderr.write(
            f"{checkout} has no docs/contract.md: run this in a checkout, or name one with --checkout\n"
        )
        return 2
    if options.check:
        lines = drift(checkout)
        if lines:
            sys.stdout.write("\n".join(lines) + "\n")
            sys.stderr.write(f"the generated files are out of date; run: {COMMAND}\n")
        return 1 if lines else 0
    for path in write(checkout):
        sys.stdout.write(f"{path.relative_to(checkout)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
