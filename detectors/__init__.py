"""Pure: events in, findings out. No I/O, no Kafka, no wall clock, no randomness.

``DETECTORS`` is every detector of one run's events. A new one is one file, one line here, and one case table.
"""

from __future__ import annotations

from typing import Any

from detectors.blindness import Blindness
from detectors.budget import Budget
from detectors.detector import Detector
from detectors.loops import Loops

DETECTORS: tuple[type[Detector[Any]], ...] = (
    Blindness,
    Budget,
    Loops,
)
