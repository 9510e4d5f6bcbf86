"""Python's garbage collector in a process that judges: what was loaded stays, and next to nothing that comes is cyclic.

With Python's own settings it looks at all that the catalogue, the parsers and the runs hold again and again, in
pauses that grow with what is held.
"""

from __future__ import annotations

import gc

YOUNG = 5_000  # objects made, less those gone, before the young are looked at: for some milliseconds
MIDDLE, OLD = 5_000, 10  # times that the next younger are looked at before these: it takes them 0.1 s and more


def settle() -> None:
    """To be called once, when everything that a process starts with is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
