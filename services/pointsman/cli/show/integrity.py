"""Draw the result of a verification, the list of days, and the grants of roles."""

from collections.abc import Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pointsman.audit.against_kafka import Comparison
from pointsman.audit.signatures import SignedRecords
from pointsman.claims.whole_messages import LargeValues
from pointsman.cli.formats import count
from pointsman.runtime.terminal.plain_table import plain_table
from pointsman.store.roles import Grant
from pointsman.store.verify.findings import VerifyReport
from pointsman.store.verify.retain import Day


def summary(
    report: VerifyReport,
    comparison: Comparison | None,
    large: LargeValues,
    seconds: float,
    signed: SignedRecords | None = None,
) -> RenderableType:
    """Draw the verdict, each finding with its place, and what was checked."""
    lines = [_verdict(report)]
    lines += [
        Text.assemble("  ", (finding.place, "bold"), f"  {finding.said}") for finding in report.findings
    ]
    rate = f", {report.rows / seconds:,.0f} a second" if report.rows > 1000 else ""
    lines.append(
        Text(f"{count(report.rows, 'row')} in {count(report.lanes, 'lane')} in {seconds:.1f} s{rate}")
    )
    lines.append(Text(f"{count(report.checkpoints, 'checkpoint')}; signatures: {report.signatures}"))
    lines += _counts(
        (report.unsigned, "row", "newer than the newest checkpoint"),
        (report.older, "row", "older than the chain, which cannot vouch for them"),
        (report.masked, "row", "masked by policy, the original's digest kept"),
        (report.sealed, "row", "sealed for a subject"),
        (report.dropped, "row", "dropped by retention"),
    )
    if signed is not None:
        verdicts = ", ".join(f"{number:,} {verdict}" for verdict, number in sorted(signed.verdicts.items()))
        records = count(signed.verdicts.total(), "record")
        lines.append(Text(f"{records} that agents sent, by their signature: {verdicts or 'none'}"))
        lines += _counts((signed.hidden, "record", "more are masked or sealed: nobody can tell"))
    forged = "on the intake refused by the router, which is no damage: their value is not what they say"
    lines += _counts(
        (large.checked, "large value", "held against the digest in its row"),
        (len(large.refused), "forged or lost claim", forged),
    )
    if not large.checked:
        unset = "kept in a store, not looked at: POINTSMAN_CLAIMS is not set"
        lines += _counts((len(large.named), "large value", unset))
    if comparison is not None:
        behind = f", {comparison.not_yet:,} not stored yet" if comparison.not_yet else ""
        lines.append(Text(f"{count(comparison.same, 'record')} on Kafka are those on record{behind}"))
        hidden = "not compared: hidden by a key that is not here (POINTSMAN_AUDIT_PRIVACY_KEY) or erased"
        lines += _counts((comparison.closed, "record", hidden))
    return Group(*lines)


def _counts(*counted: tuple[int, str, str]) -> list[Text]:
    """Return a line for each number that is not 0: the number, its noun, the rest of the line."""
    return [Text(f"{count(number, thing)} {text}") for number, thing, text in counted if number]


def _verdict(report: VerifyReport) -> Text:
    if report.whole:
        return Text("✓ the record is whole", style="green")
    return Text(f"✗ {count(len(report.findings), 'thing')} not as it should be", style="bold red")


def days_table(days: Sequence[Day]) -> Table:
    table = plain_table("day", figures=("rows, about", "MB"), header="bold")
    for day in days:
        table.add_row(str(day.day), f"{day.rows:,}", f"{day.bytes / 1e6:,.1f}")
    return table


def grants_table(grants: Sequence[Grant]) -> Table:
    """Return a table with a line for each object on which a role has privileges."""
    shown = plain_table("role", "may", "kind", "object", header="bold")
    for (role, kind, target), rights in groupby(grants, lambda grant: (grant.role, grant.kind, grant.object)):
        shown.add_row(role, ", ".join(grant.privilege for grant in rights), kind, target)
    return shown
