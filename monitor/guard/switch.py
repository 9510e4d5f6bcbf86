"""A guarded run under a kill-switch: what an operator or a worker orders happens to all of its processes."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time

from monitor.client.connection import background
from monitor.client.killswitch import KillSwitch
from monitor.client.lease import WithoutMonitor
from monitor.client.publisher import Publisher
from monitor.client.watch import Proof
from monitor.counted import counted
from monitor.guard.aftermath import actions_after
from monitor.guard.run import Guarded, RefusedError, say_on_stderr
from monitor.messages import Command
from monitor.settings import Settings

COUNT_S = 6.0
LAST_S = 0.2  # for a last heartbeat that is on its way
UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h


class GuardSwitch:
    """Wires one `KillSwitch` to one `Guarded`, which it starts only when all that stands against the run is known.

    without_monitor: what to do when Kafka does not answer at the start: ``go-on`` without, and obey as soon as it
    does; ``pause``: start once it does; ``stop``: do not start. And later, when no worker that judges the run has been
    heard for ``lease_s`` seconds (default: the setting): go on, pause until one is, or stop for good.
    """

    def __init__(
        self,
        guarded: Guarded,
        settings: Settings,
        *,
        agent_name: str | None = None,
        team: str | None = None,
        environment: str | None = None,
        without_monitor: WithoutMonitor = "go-on",
        wait_s: float = 5.0,
        lease_s: float | None = None,
    ) -> None:
        self._guarded, self._settings = guarded, settings
        # Whatever the agent says or does not: that it runs is seen from here.
        self._publisher = Publisher(
            guarded.run_id, settings=settings, publisher="guard", agent_id=f"guard-{secrets.token_hex(4)}",
            agent_name=agent_name, team=team, environment=environment,
        )  # fmt: skip
        self._without, self._wait_s = without_monitor, wait_s
        self._counting: threading.Thread | None = None
        self._answering = threading.Lock()
        self.switch = KillSwitch(
            guarded.run_id,
            on_kill=self._kill,
            on_pause=self._pause,
            on_resume=self._resume,
            on_notice=self._notice,
            agent_name=agent_name,
            team=team,
            environment=environment,
            settings=settings,
            without_monitor=without_monitor,
            lease_s=lease_s,
        )

    def run(self) -> int:
        """In the main thread; the program's exit status, 137 if the run is killed now or was before."""
        run_id = self._guarded.run_id
        brokers = ",".join(self._settings.brokers)
        try:
            known = self.switch.start(None if self._without == "pause" else self._wait_s)
            if not known and self._without == "stop":
                say_on_stderr(
                    f"run {run_id} is not started: no answer from Kafka at {brokers} (--without-monitor stop)"
                )
                return UNAVAILABLE
            if not known:
                say_on_stderr(f"run {run_id}: no answer from Kafka at {brokers}: going on unwatched until there is one")
            if (command := self.switch.killed) is not None:
                say_on_stderr(f"run {run_id} is not started: killed by {_who_and_why(command)} (command {command.id})")
                self._guarded.kill()  # so that `run` starts nothing, whichever thread comes first
            beating = background().submit(self._beat())
            try:
                return self._guarded.run()
            finally:
                beating.cancel()
        finally:
            with self._answering:  # the program ends while its kill is still being proven
                counting = self._counting
            if counting is not None:
                counting.join(COUNT_S)
            self._publisher.close(LAST_S)
            self.switch.close()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._settings.agent_heartbeat_s)
            if self._guarded.state == "running":
                self._publisher.heartbeat()

    def _kill(self, command: Command) -> Proof:
        with self._answering:
            return self._killed(command)

    def _killed(self, command: Command) -> Proof:
        stopped = self._guarded.kill(by=_who_and_why(command))
        killed = counted(stopped.killed, "process", "processes")
        detail = f"{stopped.method}: {killed} killed, {stopped.left} left, {stopped.seconds:.3f} s"
        if stopped.left:
            raise RuntimeError(detail)
        if self._guarded.state == "ended":
            return Proof(detail=f"{stopped.method}: had ended by itself, none left")
        if command.event_id is not None:  # asks Kafka, and the proof must not wait for that
            counting = threading.Thread(target=self._count, args=(command, detail), daemon=True)
            counting.start()
            self._counting = counting
        return Proof(detail=detail)

    def _count(self, command: Command, detail: str) -> None:
        try:
            found = background().submit(actions_after(self._settings, command, self._guarded.run_id)).result(COUNT_S)
        except Exception as error:  # the kill is proven; how much came between is a lesser thing
            found = Proof(detail=f"actions not counted: {type(error).__name__}: {error}")
        self.switch.amend(
            command,
            Proof(detail=f"{detail}; {found.detail}", last_seq=found.last_seq, actions_after=found.actions_after),
        )

    def _pause(self, command: Command) -> Proof:
        paused = self._guarded.pause(by=_who_and_why(command))
        still = counted(paused.still, "process stands still", "processes stand still")
        moving = counted(paused.moving, "does", "do")
        detail = f"{paused.method}: {still}, {moving} not, {paused.seconds:.3f} s"
        if paused.moving:
            raise RuntimeError(detail)
        return Proof(detail=detail)

    def _resume(self, command: Command | None) -> Proof:
        try:
            self._guarded.resume(by=command.issued_by if command is not None else "the end of the pause")
        except RefusedError as error:
            if command is not None:
                raise
            return Proof(detail=str(error))
        return Proof(detail=self._guarded.method)

    def _notice(self, command: Command) -> None:
        stamp = time.strftime("%H:%M:%S")
        say_on_stderr(f"{stamp} notice from {command.issued_by} to run {self._guarded.run_id}: {command.reason}")


def _who_and_why(command: Command) -> str:
    return f"{command.issued_by}: {command.reason}" if command.reason else command.issued_by
