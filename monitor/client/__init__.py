"""What agents and kill-switches use: tell what is done, and stop when told to. Loads neither Faust nor river."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.client.circumstances import Circumstances
    from monitor.client.gate import Denied, Gate, Verdict
    from monitor.client.killswitch import AsyncKillSwitch, Killed, KillSwitch
    from monitor.client.publisher import AsyncPublisher, Publisher

__all__ = [
    "AsyncKillSwitch", "AsyncPublisher", "Circumstances", "Denied", "Gate", "KillSwitch", "Killed", "Publisher",
    "Verdict",
]  # fmt: skip

_FROM = {
    "Publisher": "publisher", "AsyncPublisher": "publisher",
    "KillSwitch": "killswitch", "AsyncKillSwitch": "killswitch", "Killed": "killswitch",
    "Gate": "gate", "Denied": "gate", "Verdict": "gate", "Circumstances": "circumstances",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Imports at the first use: a guard must start quickly."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"monitor.client.{_FROM[name]}"), name)
