"""Stops one run when it is told to, and says so.

Used so::

    with KillSwitch("run-1") as switch:
        while work:
            switch.check()  # raises Killed; waits while paused
            act()

`Killed` is a BaseException, as KeyboardInterrupt is: an agent's ``except Exception`` around a tool call must not
swallow its own kill. What is acknowledged is what happened: `stopped` once ``on_kill`` has returned, or the ``with``
block was left, or (where there is neither) the switch was closed; `paused` once ``on_pause`` has returned or `check`
waits. An agent that never calls `check` and gives no callback is never stopped, and the worker escalates.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from monitor.client.connection import background, settings_or_default
from monitor.client.lease import Terms, WithoutMonitor
from monitor.client.obedience import Identity
from monitor.client.watch import Proof, Told, Watch
from monitor.messages import Action, Command
from monitor.settings import Settings

Outcome = Proof | str | None
Callback = Callable[[Command], Any]
START_S = 10.0
CLOSE_S = 2.0


class Killed(BaseException):
    """This run was killed. ``command`` says why, and by whom."""

    def __init__(self, command: Command) -> None:
        self.command = command
        why = f": {command.reason}" if command.reason else ""
        super().__init__(f"run killed by {command.issued_by}{why} (command {command.id})")


class Unwatched(RuntimeError):
    """Kafka did not answer, so nobody knows what stands against this run."""


class _Switch:
    """What both kinds share.

    run_id: else KILLCORD_RUN_ID. publisher: whose seq and tool calls the acknowledgements count; the deployment is
    taken from it too. on_kill, on_pause, on_resume, on_notice: called with the command (on_resume: with None if a
    pause expired, or a monitor is back); what they return, a `Proof` or a text, goes into the acknowledgement.
    without_monitor: what to do when no worker that judges this run has been heard for ``lease_s`` seconds (default:
    the setting), or Kafka is lost: ``go-on``; ``pause``, until one is back or an operator resumes the run; ``stop``,
    which is final.
    """

    def __init__(
        self,
        run_id: str | None = None,
        publisher: Told | None = None,
        *,
        on_kill: Callback | None = None,
        on_pause: Callback | None = None,
        on_resume: Callable[[Command | None], Any] | None = None,
        on_notice: Callback | None = None,
        agent_name: str | None = None,
        team: str | None = None,
        environment: str | None = None,
        settings: Settings | None = None,
        without_monitor: WithoutMonitor = "go-on",
        lease_s: float | None = None,
    ) -> None:
        if without_monitor not in ("go-on", "pause", "stop"):
            raise ValueError(f"without_monitor is {without_monitor!r}: expected 'go-on', 'pause' or 'stop'")
        if lease_s is not None and not 0 < lease_s < float("inf"):
            raise ValueError(f"lease_s is {lease_s!r}: expected more than 0 seconds")

        def known(name: str, given: str | None) -> str | None:
            found = given or getattr(publisher, name, None) or os.environ.get(f"KILLCORD_{name.upper()}")
            return found or None

        named = known("run_id", run_id)
        if named is None:
            raise ValueError("no run id: give run_id or a publisher, or set KILLCORD_RUN_ID")
        self.settings = settings_or_default(settings)
        self.identity = Identity(
            run_id=named,
            agent_name=known("agent_name", agent_name),
            team=known("team", team),
            environment=known("environment", environment),
        )
        self._callbacks: dict[Action, Callable[[Any], Any] | None] = {
            "kill": on_kill, "pause": on_pause, "resume": on_resume, "notice": on_notice,
        }  # fmt: skip
        self._publisher = publisher
        # To go on costs nothing: no heartbeats are read, unless somebody wants to be told.
        goes_on = without_monitor == "go-on" and lease_s is None
        self._terms = None if goes_on else Terms(without_monitor, lease_s or self.settings.lease_s)
        self._watch: Watch | None = None
        self._kill: Command | None = None
        self._pause: Command | None = None

    @property
    def killed(self) -> Command | None:
        """The command that killed this run."""
        return self._kill

    @property
    def paused(self) -> Command | None:
        """The pause that is in force."""
        return self._pause

    @property
    def knows(self) -> bool:
        """Whether everything that stands was read; False as long as Kafka has not answered."""
        return self._watch is not None and self._watch.caught_up


class KillSwitch(_Switch):
    """For code without an event loop; callbacks run in threads of their own, a kill's never behind another's."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._changed = threading.Condition()
        self._blocked = False
        self._left = threading.Event()
        self._closed = False

    def start(self, timeout: float | None = START_S) -> bool:
        """Returns once all that stands against the run is known. False after ``timeout`` seconds without Kafka; it is
        then tried further in the background, and what stands is obeyed as soon as it is read."""
        self._background = background()
        return self._background.submit(self._start(timeout)).result()

    async def _start(self, timeout: float | None) -> bool:  # noqa: ASYNC109 (the caller's)
        self._watch = Watch(
            self.identity, self.settings, self._obey, self._enforce, self._publisher, self._terms
        )
        return await self._watch.start(timeout)

    def check(self) -> None:
        """Raises `Killed`; waits as long as the run is paused. Call it before every action."""
        if self._kill is None and self._pause is None:
            return
        with self._changed:
            self._blocked = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._kill is not None or self._pause is None)
            self._blocked = False
            if self._kill is not None:
                raise Killed(self._kill)

    def amend(self, command: Command, proof: Proof) -> None:
        """Acknowledges a command's outcome again, with what became known since."""
        if self._watch is not None:
            self._background.call(self._watch.amend, command, proof)

    def close(self, timeout: float = CLOSE_S) -> bool:
        """The run is over: says `ended`, or `stopped` if it was killed. True if every acknowledgement got through."""
        if self._watch is None or self._closed:
            return True
        self._closed = True
        with self._changed:
            self._left.set()
            self._changed.notify_all()
        try:
            return self._background.submit(self._close(timeout)).result(timeout + 1)
        except (TimeoutError, concurrent.futures.TimeoutError):
            return False

    async def _close(self, timeout: float) -> bool:  # noqa: ASYNC109 (the caller's)
        assert self._watch is not None
        await asyncio.sleep(0)
        await self._watch.settle(timeout)
        return await self._watch.close(timeout)

    def __enter__(self) -> KillSwitch:
        """Raises `Killed` if the run was killed before, and Unwatched if Kafka does not answer."""
        try:
            if not self.start():
                raise Unwatched(f"no answer from Kafka at {','.join(self.settings.brokers)} within {START_S:g} s")
            self.check()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _enforce(self) -> None:
        """What the state machine holds now, for `check`, before any callback has run."""
        assert self._watch is not None
        with self._changed:
            self._kill = self._watch.obedience.killed
            self._pause = self._watch.obedience.paused_by
            self._changed.notify_all()

    async def _obey(self, effect: Action, command: Command | None) -> Proof:
        callback = self._callbacks[effect]
        answer: asyncio.Future[Proof] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def work() -> None:
            try:
                outcome = callback(command) if callback is not None else self._by_check(effect)
            except BaseException as error:
                loop.call_soon_threadsafe(_set, answer, None, error)
            else:
                loop.call_soon_threadsafe(_set, answer, _proof(outcome), None)

        if callback is None and effect in ("resume", "notice"):
            return Proof()
        threading.Thread(target=work, name=f"killcord-{effect}", daemon=True).start()
        return await answer

    def _by_check(self, effect: Action) -> str:
        if effect == "kill":
            self._left.wait()
            return "the agent left its work"
        with self._changed:
            self._changed.wait_for(lambda: self._blocked or self._pause is None or self._left.is_set())
            return "the agent waits" if self._blocked else "it was over before the agent came to wait"


class AsyncKillSwitch(_Switch):
    """For code in an event loop. Callbacks may be coroutine functions; plain ones run in the loop and must be short.

    ``async with`` cancels the task that entered it when the kill comes, wherever it waits, and raises `Killed`.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._free = asyncio.Event()  # not paused, or killed
        self._free.set()
        self._waits = asyncio.Event()
        self._left = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False

    async def start(self, timeout: float | None = START_S) -> bool:  # noqa: ASYNC109 (as the synchronous one)
        """As `KillSwitch.start`."""
        self._watch = Watch(
            self.identity, self.settings, self._obey, self._enforce, self._publisher, self._terms
        )
        return await self._watch.start(timeout)

    async def check(self) -> None:
        """Raises `Killed`; waits as long as the run is paused. Call it before every action."""
        if self._kill is None and self._pause is None:
            return
        self._waits.set()
        try:
            await self._free.wait()
        finally:
            self._waits.clear()
        if self._kill is not None:
            raise Killed(self._kill)

    async def close(self, timeout: float = CLOSE_S) -> bool:  # noqa: ASYNC109
        """As `KillSwitch.close`."""
        if self._watch is None or self._closed:
            return True
        self._closed = True
        self._left.set()
        await asyncio.sleep(0)
        await self._watch.settle(timeout)
        return await self._watch.close(timeout)

    async def __aenter__(self) -> AsyncKillSwitch:
        """As `KillSwitch.__enter__`."""
        try:
            if not await self.start():
                raise Unwatched(f"no answer from Kafka at {','.join(self.settings.brokers)} within {START_S:g} s")
            await self.check()
        except BaseException:
            await self.close()
            raise
        self._task = asyncio.current_task()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        task, self._task = self._task, None
        await self._shielded_close()
        if self._cancelled and task is not None and kind is asyncio.CancelledError and task.uncancel() <= 0:
            assert self._kill is not None
            raise Killed(self._kill) from None

    async def _shielded_close(self) -> None:
        await asyncio.shield(asyncio.ensure_future(self.close()))

    def _enforce(self) -> None:
        assert self._watch is not None
        self._kill = self._watch.obedience.killed
        self._pause = self._watch.obedience.paused_by
        if self._pause is None or self._kill is not None:
            self._free.set()
        else:
            self._free.clear()

    async def _obey(self, effect: Action, command: Command | None) -> Proof:
        if effect == "kill" and self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel("killed")
        callback = self._callbacks[effect]
        if callback is None:
            return Proof(detail=await self._by_check(effect))
        outcome = callback(command)
        if inspect.isawaitable(outcome):
            outcome = await _awaited(outcome)
        return _proof(outcome)

    async def _by_check(self, effect: Action) -> str:
        if effect == "kill":
            await self._left.wait()
            return "the agent left its work"
        if effect == "pause":
            waits = [asyncio.ensure_future(event.wait()) for event in (self._waits, self._free, self._left)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            return "the agent waits" if self._waits.is_set() else "it was over before the agent came to wait"
        return ""


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


def _proof(outcome: Any) -> Proof:
    return outcome if isinstance(outcome, Proof) else Proof(detail=outcome if isinstance(outcome, str) else "")


def _set(future: asyncio.Future[Proof], proof: Proof | None, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error if isinstance(error, Exception) else RuntimeError(repr(error)))
    elif proof is not None:
        future.set_result(proof)
