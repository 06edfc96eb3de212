"""Types for partitions, offsets, and where reading starts."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

#: Topic and partition.
Place = tuple[str, int]
#: The next offset of each place.
Offsets = Mapping[Place, int]
Start = Literal["beginning", "end"] | datetime | Offsets
Topics = Collection[str] | re.Pattern[str]

#: Special times of ListOffsets.
LATEST, EARLIEST = -1, -2
