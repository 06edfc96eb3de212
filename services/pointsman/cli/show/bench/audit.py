"""What `bench audit` found, for people."""

from collections.abc import Iterator

from pointsman.bench.audit import AuditReport


def lines(report: AuditReport) -> Iterator[str]:
    """The rates, the two ratios, and where the sink's processor time goes."""
    yield f"{report.rows:,} rows of {report.mean_value_bytes:,.0f} bytes each, median of {report.rounds}"
    yield f"{'':14}{'rows/s':>10}{'client us/row':>16}{'Postgres us/row':>18}"
    yield f"{'psql':14}{1e6 / report.psql_us:10,.0f}"
    runs = {"sink": report.sink, "COPY, text": report.copy_text, "COPY, binary": report.copy_binary}
    for name, run in runs.items():
        yield f"{name:14}{run.per_second:10,.0f}{run.client_us:16.1f}{run.postgres_us:18.1f}"
    yield f"the sink does {report.ratio:.2f} of psql's \\copy by the clock,"
    yield f"{report.bound:.2f} at most, if client and Postgres were both busy all the time"
    for part, spent in report.spent_us.items():
        yield f"{spent:8.1f} us/row of the client: {part}"
