"""River's ADWIN [^1] over the latest values of a stream, with a state of plain bytes.

ADWIN's own state is a Rust object that only pickle can save. So the values are kept, a byte each, and ADWIN is built
anew from them for each one that comes: the same verdict on any worker, and nothing non-finite can get in.

[^1]: A. Bifet, R. Gavaldà: Learning from time-changing data with adaptive windowing. SDM 2007.
"""

from __future__ import annotations

from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from math import sqrt
from typing import Any

import river


def _adwin() -> Any:
    """River's class (it has no types). Its package would load the other drift detectors too, and scipy for them: a
    second of every worker's start, and of every take-over."""
    found = PathFinder.find_spec("river.drift.adwin", [f"{place}/drift" for place in river.__path__])
    if found is None or found.loader is None:
        raise ImportError(f"river at {list(river.__path__)} has no drift/adwin.py: install river 0.21 to 0.26")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module.ADWIN


_ADWIN = _adwin()

KEPT = 200  # values
LEVELS = 255  # of a byte: 0 to 1 in steps of 0.4 %
LEAST_DEVIATION = 0.05  # of a share: what varies less differs by more than chance before it means anything
MOST_DEVIATIONS = 4.0  # that one value counts for, so that one far off cannot pass for a change
WARM_UP = 30  # values before anything is said


def append(window: bytes, share: float) -> bytes:
    """The window with one more share (0 to 1), without the oldest beyond `KEPT`.

    >>> list(append(append(b"", 0.0), 1.0))
    [0, 255]
    """
    return window[1 - KEPT :] + round(LEVELS * min(max(share, 0.0), 1.0)).to_bytes(1)


def changed(window: bytes, delta: float) -> bool:
    """Whether ADWIN finds that the latest values are of another kind than those before.

    delta: ADWIN's; the values are in standard deviations of the window, the unit in which ADWIN finds most. Cost: about
    1 µs a value kept.

    >>> quiet, loud = bytes([10, 30, 20] * 20), bytes([120, 140, 90] * 6)
    >>> changed(quiet, 0.002), changed(quiet + loud, 0.002)
    (False, True)
    """
    if len(window) <= WARM_UP:
        return False
    mean = sum(window) / len(window)
    deviation = sqrt(sum((value - mean) ** 2 for value in window) / len(window))
    unit = max(deviation, LEAST_DEVIATION * LEVELS)
    adwin: Any = _ADWIN(delta=delta, clock=1, grace_period=WARM_UP)
    for value in window:
        adwin.update(min(max((value - mean) / unit, -MOST_DEVIATIONS), MOST_DEVIATIONS))
        if adwin.drift_detected:
            return True
    return False
