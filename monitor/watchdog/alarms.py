"""Conditions that come and go, as alerts: opened once, revised when they are about something else, resolved. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from monitor.messages import Alert, identify
from monitor.watchdog.conditions import WATCHDOG_RULES, Condition

RULES = frozenset(rule.id for rule in WATCHDOG_RULES)


class Alarms:
    """One for each rule at a time. ``place``: which installation this is, so that ids differ."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._open: dict[str, tuple[Alert, tuple[str, ...] | None]] = {}

    @property
    def open(self) -> list[Alert]:
        return [alert for alert, _ in self._open.values()]

    def adopt(self, alert: Alert) -> None:
        """One that a watchdog before this one left open or resolved: it is gone on with."""
        if alert.rule not in RULES:
            return
        if alert.status == "open":
            self._open[alert.rule] = (alert, None)
        elif (known := self._open.get(alert.rule)) is not None and known[0].id == alert.id:
            del self._open[alert.rule]

    def take(self, conditions: Iterable[Condition], now: float) -> list[Alert]:
        """What there is to publish. ``now``: Unix seconds."""
        told = []
        wrong = {condition.rule.id: condition for condition in conditions}
        for rule, condition in wrong.items():
            known = self._open.get(rule)
            if known is None:
                alert = self._new(condition, now)
            elif known[1] is None or known[1] == condition.about:
                self._open[rule] = (known[0], condition.about)
                continue
            else:
                alert = msgspec.structs.replace(
                    known[0], revision=known[0].revision + 1, time=now, summary=condition.summary
                )
            self._open[rule] = (alert, condition.about)
            told.append(alert)
        for rule in [rule for rule in self._open if rule not in wrong]:
            alert, _ = self._open.pop(rule)
            told.append(
                msgspec.structs.replace(
                    alert,
                    revision=alert.revision + 1,
                    status="resolved",
                    time=now,
                    summary=f"{alert.summary} It is over.",
                )
            )
        return told

    def _new(self, condition: Condition, now: float) -> Alert:
        rule = condition.rule
        found = identify(rule.id, self._place, now)
        return Alert(
            id=found, revision=1, status="open", event_id=found, time=now, run_id=None, agent_id=None, agent_name=None,
            team=None, environment=None, rule=rule.id, family=rule.family, severity=rule.severity, mode="alert",
            title=rule.title, summary=condition.summary, score=1.0, evidence=[], command_id=None, policy="",
            operational=True,
        )  # fmt: skip
