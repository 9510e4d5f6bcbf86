"""Limits Killcord's own blast: past N kills a minute, or a share of a deployment's runs, kills become pauses.

A worker governs the runs of its own partitions. Runs are spread over partitions by hash, so what it sees of a
deployment is a fair sample of it; the kills a minute are per worker. After a take-over the counts start anew.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Protocol
from zlib import crc32

MINUTE = 60.0
HOUR = 3600.0
MOST_DEPLOYMENTS = 10_000
MOST_RUNS = 1024  # of one deployment that are followed


class Limits(Protocol):
    """The policy's ``governor``."""

    @property
    def kills_per_minute(self) -> int: ...
    @property
    def share_of_runs(self) -> float: ...
    @property
    def share_after_kills(self) -> int: ...


class Deployment:
    """How many runs of one deployment were seen in the last hour, and when those that were killed were.

    Counted one by one up to `MOST_RUNS`. Beyond, only runs whose hash is among the lower half are followed, then among
    the lower quarter, and so on, each standing for two, then four: right to some 4 %, whatever their number.
    """

    __slots__ = ("_halved", "_seen", "kills")

    def __init__(self) -> None:
        self._seen: OrderedDict[int, float] = OrderedDict()  # by the run's hash, the one longest not seen first
        self._halved = 0
        self.kills: deque[float] = deque()

    @property
    def runs(self) -> int:
        return len(self._seen) << self._halved

    def saw(self, run_id: str, now: float) -> None:
        seen, place = self._seen, crc32(run_id.encode("utf-8", "surrogatepass"))
        if not place >> (32 - self._halved):
            seen[place] = now
            seen.move_to_end(place)
        while seen and now - next(iter(seen.values())) > HOUR:
            seen.popitem(last=False)
        if len(seen) > MOST_RUNS:
            self._halved += 1
            for far in [place for place in seen if place >> (32 - self._halved)]:
                del seen[far]
        elif self._halved and len(seen) < MOST_RUNS // 8:
            self._halved -= 1  # counts too few for an hour, which lets fewer kills through


class Governor:
    """Says whether one more kill may be issued now. ``now`` in seconds: the broker's stamp, or event time in a file.

    ``governed``: kills that were held back before, and why, by alert and the offset of its event: judged again after a
    crash, they are again. The caller may fill it at any time.
    """

    def __init__(self, governed: Mapping[tuple[str, int], str] | None = None) -> None:
        self._governed = governed if governed is not None else {}
        self._kills: deque[float] = deque()
        self._paged = -MINUTE
        self._deployments: OrderedDict[str | None, Deployment] = OrderedDict()

    def saw(self, run_id: str, agent_name: str | None, now: float) -> None:
        """Notes a run of a deployment; called when a run's first event is seen and again at its kill."""
        deployment = self._deployments.get(agent_name)
        if deployment is None:
            deployment = self._deployments[agent_name] = Deployment()
            if len(self._deployments) > MOST_DEPLOYMENTS:
                self._deployments.popitem(last=False)
        deployment.saw(run_id, now)

    def refuses(
        self, run_id: str, agent_name: str | None, now: float, limits: Limits, alert_id: str, offset: int
    ) -> str | None:
        """Why this kill must become a pause, or None; a kill that may be issued is counted. ``offset``: the event's."""
        if self._governed and (why := self._governed.get((alert_id, offset))):
            return why
        _drop_older(self._kills, now - MINUTE)
        if len(self._kills) >= limits.kills_per_minute:
            return f"{len(self._kills)} kills in the last minute, the limit is {limits.kills_per_minute}"
        self.saw(run_id, agent_name, now)
        deployment = self._deployments[agent_name]
        _drop_older(deployment.kills, now - HOUR)
        allowed = max(limits.share_after_kills, limits.share_of_runs * deployment.runs)
        if len(deployment.kills) >= allowed:
            return (
                f"{len(deployment.kills)} of the {deployment.runs} runs of {agent_name or 'unnamed agents'} "
                f"were killed within an hour, the limit is {limits.share_of_runs:.0%}"
            )
        self._kills.append(now)
        deployment.kills.append(now)
        return None

    def pages(self, now: float) -> bool:
        """Whether to raise the governor's own alert: one page a minute, however many kills it holds back."""
        if now - self._paged < MINUTE:
            return False
        self._paged = now
        return True


class RecordedGovernor(Governor):
    """Decides as the journal says that a live governor did: for replays.

    ``governed``: why, by alert and the offset of the event: the same alert may be held back now and kill a minute
    later.
    """

    def refuses(
        self, run_id: str, agent_name: str | None, now: float, limits: Limits, alert_id: str, offset: int
    ) -> str | None:
        return self._governed.get((alert_id, offset))

    def pages(self, now: float) -> bool:
        """Never: a page is operational."""
        return False


def _drop_older(times: deque[float], than: float) -> None:
    while times and times[0] <= than:
        times.popleft()


class Ungoverned(Governor):
    """For judging alone, which kills nobody: what one call is answered with hangs on no other."""

    def refuses(self, *_: object, **__: object) -> None:
        return None
