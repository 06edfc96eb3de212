"""Imported last by a fork server: what is there by then is no garbage, and no child has to find that out."""

import gc

gc.collect()
gc.freeze()
