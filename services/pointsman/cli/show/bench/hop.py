"""What `pointsman bench hop` found, as tables."""

from rich.table import Table

from pointsman.bench.hop.run import HopReport


def tables(report: HopReport) -> list[Table]:
    """Throughput and processor time of every hop, then the time a message spends in the router's."""
    return [_rates(report), _delays(report)]


def _rates(report: HopReport) -> Table:
    table = Table(
        box=None,
        title=f"{report.messages:,} messages of {report.bytes_each:,.0f} bytes",
        title_justify="left",
    )
    for name in ("hop", "messages/s", "of the best", "µs each", "µs of the broker"):
        table.add_column(name, justify="left" if name == "hop" else "right")
    table.add_row("Kafka's producer alone", f"{report.kafka_produces:,.0f}")
    table.add_row("Kafka's consumer alone", f"{report.kafka_consumes:,.0f}")
    for name, hop in report.hops.items():
        table.add_row(
            name,
            f"{hop.per_second:,.0f}",
            f"{hop.per_second / report.best:.2f}",
            f"{hop.client_us:.1f}",
            f"{hop.broker_us:.1f}",
        )
    return table


def _delays(report: HopReport) -> Table:
    table = Table(box=None, title="published until a committed reader has it", title_justify="left")
    for name in ("rate", "messages", "p50 ms", "p99 ms", "longest ms"):
        table.add_column(name, justify="left" if name == "rate" else "right")
    for name, delay in report.delays.items():
        table.add_row(
            name,
            f"{delay.messages:,}",
            f"{delay.p50_ms:.1f}",
            f"{delay.p99_ms:.1f}",
            f"{delay.longest_ms:.1f}",
        )
    return table
