"""Attempts at what Kafka must take sooner or later: how long to wait between them, and when that is an alarm."""

from __future__ import annotations

import structlog

log = structlog.get_logger("killcord.worker")

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 2.0
ALARM_AFTER = 5


class Attempts:
    """At one thing. ``what`` was not taken; ``about`` says more, in every line of the log."""

    def __init__(self, what: str, **about: object) -> None:
        self._what = what
        self._about = about
        self._failed = 0

    def failed(self, error: Exception) -> float:
        """Returns how many seconds to wait before the next."""
        self._failed += 1
        say = log.critical if self._failed == ALARM_AFTER else log.warning
        say(f"{self._what} not taken by Kafka, trying again", attempts=self._failed, error=repr(error), **self._about)
        return min(FIRST_WAIT_S * 2.0 ** min(self._failed - 1, 10), LONGEST_WAIT_S)
