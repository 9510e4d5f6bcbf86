"""The rule of runs that start runs. Data only, so that a policy is checked quickly."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from detectors.detector import Rule, Thresholds


class ForkBombThresholds(Thresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Of all runs below one, in an hour.

    depth: levels of runs that start each other. growing_runs: runs in four or more levels, each larger than the one
    above. runs: on any levels. The last two only while less than a tenth of them ended with a result.
    """

    depth: Annotated[int, Meta(ge=1, le=1000)] = 5
    growing_runs: Annotated[int, Meta(ge=4, le=1_000_000)] = 30
    runs: Annotated[int, Meta(ge=2, le=1_000_000)] = 200


FORK_BOMB = Rule(
    id="loops.fork_bomb",
    title="Runs start runs without end",
    severity="warning",
    mode="alert",
    description="Runs start each other deeper than any plan, or ever more of them, and hardly one ends with a result.",
    thresholds=ForkBombThresholds,
)
