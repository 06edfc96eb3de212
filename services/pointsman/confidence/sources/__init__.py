"""Where a confidence comes from, one file each. What it reads is hostile; no reading raises."""
