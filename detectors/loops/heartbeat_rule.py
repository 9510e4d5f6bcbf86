"""The rule of runs that a timer starts. Data only, so that a policy is checked quickly."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from detectors.detector import Rule, Thresholds

Runs = Annotated[int, Meta(ge=2, le=100_000)]


class HeartbeatThresholds(Thresholds, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Runs in a row that did the same with the same result.

    working_runs: that change something or fail, each time. looking_runs: that only look, with `min_steps` calls or
    more; with fewer, it takes five times as many: a look that finds nothing is what a timer is for.
    """

    working_runs: Runs = 4
    looking_runs: Runs = 10
    min_steps: Annotated[int, Meta(ge=1)] = 3


HEARTBEAT = Rule(
    id="loops.heartbeat",
    title="Scheduled runs repeat each other",
    severity="warning",
    mode="alert",
    description="Runs that a timer starts do the same each time, with the same result: nothing comes of them.",
    thresholds=HeartbeatThresholds,
)
