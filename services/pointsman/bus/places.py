"""Partitions, offsets, and the values that say where reading starts."""

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

#: What ListOffsets takes in place of a time.
LATEST, EARLIEST = -1, -2
