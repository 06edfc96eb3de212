"""A service whose task ends at once: `python -m tests.support.bus.broken_service BOOTSTRAP PREFIX`."""

import sys

from pointsman.bus.host import Service, serve
from pointsman.bus.settings import LanePart
from pointsman.runtime.settings import HttpPart
from pointsman_schemas.topics import Topics


async def run() -> None:
    raise RuntimeError("a defect")


if __name__ == "__main__":
    settings = LanePart(kafka=sys.argv[1], prefix=sys.argv[2])
    service = Service(
        name="broken",
        settings=settings,
        topics=[Topics(settings.prefix).results.name],
        run=run,
        stop=lambda: None,
        not_ready=lambda: None,
    )
    sys.exit(serve(service, HttpPart()))
