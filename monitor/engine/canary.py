"""The watchdog's own runs: recognised by what the operator topic announced, never by what an event says of itself.

A run may call itself what it likes: it is a canary only for the one event that was announced, and is judged and
killed all the same. What differs is who is told: severity info, no governor, no count, no standing order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.messages import Alert, Command

if TYPE_CHECKING:
    from detectors.event import Event
    from monitor.engine.state import RunState

PREFIX = "killcord-canary-"
AGENT_NAME = "killcord-canary"
ISSUED_BY = "killcord canary"
TITLE = "Canary: "


def is_canary(state: RunState, event: Event) -> bool:
    """Whether this event is the one that the watchdog announced."""
    return bool(state.canary) and event.id == state.canary


def canary_alert(alert: Alert) -> bool:
    """Whether an alert is about a canary. Nobody else's has this severity and title under this prefix."""
    return (
        alert.severity == "info"
        and (alert.title or "").startswith(TITLE)
        and (alert.run_id or "").startswith(PREFIX)
    )  # fmt: skip


def canary_command(command: Command) -> bool:
    return command.issued_by == ISSUED_BY
