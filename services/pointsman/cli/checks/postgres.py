"""Check that Postgres answers, has the current schema, and agrees about the time."""

from datetime import timedelta

from pointsman.cli.checks.finding import CheckResult
from pointsman.cli.formats import duration
from pointsman.runtime.clock import Clock
from pointsman.store.connect import fetched, place
from pointsman.store.errors import StoreError, StoreUnavailableError
from pointsman.store.migrate import pending

#: A larger clock difference makes waterfalls and deadlines wrong.
MOST_OFF = timedelta(seconds=2)


async def postgres(dsn: str, clock: Clock) -> list[CheckResult]:
    before = clock()
    try:
        ((theirs,),) = await fetched(dsn, "clock")
    except StoreError as error:
        skipped = [
            CheckResult(check, None, "not looked at: there is no way into Postgres")
            for check in ("migrations", "clock")
        ]
        return [CheckResult("postgres", False, str(error), _entry(error)), *skipped]
    after = clock()
    findings = [CheckResult("postgres", True, place(dsn)), await _migrations(dsn)]
    return [*findings, _clock(theirs - (before + (after - before) / 2), (after - before) / 2)]


def _entry(error: StoreError) -> str:
    if isinstance(error, StoreUnavailableError):
        return (
            "pointsman dev                              # starts one on this machine\n"
            "export POINTSMAN_POSTGRES=postgresql://USER:PASSWORD@HOST:5432/DATABASE"
        )
    return "pointsman db migrate                       # makes the database if that is what is missing"


async def _migrations(dsn: str) -> CheckResult:
    try:
        missing = await pending(dsn)
    except StoreError as error:
        return CheckResult("migrations", False, str(error))
    if missing:
        return CheckResult("migrations", False, f"not applied: {', '.join(missing)}", "pointsman db migrate")
    return CheckResult("migrations", True, "all are applied")


def _clock(ahead: timedelta, unsure: timedelta) -> CheckResult:
    """Compare the clocks. `ahead`: Postgres' time minus ours; the measurement is uncertain by `unsure`."""
    off = abs(ahead)
    if off - unsure <= MOST_OFF:
        return CheckResult("clock", True, f"within {duration(max(off, unsure).total_seconds())} of Postgres'")
    side = "behind" if ahead > timedelta(0) else "ahead of"
    return CheckResult(
        "clock",
        False,
        f"this machine is {duration(off.total_seconds())} {side} Postgres",
        "sudo timedatectl set-ntp true              # on the machine whose clock is wrong",
    )
