"""Types for partitions, offsets, and where reading starts."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

#: Its topic and its number.
Partition = tuple[str, int]
#: The next offset of each partition.
Offsets = Mapping[Partition, int]
Start = Literal["beginning", "end"] | datetime | Offsets
Topics = Collection[str] | re.Pattern[str]

#: Special times of ListOffsets.
LATEST, EARLIEST = -1, -2
