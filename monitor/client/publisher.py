"""Tells Kafka what an agent does, without ever blocking or breaking the agent.

Used so::

    with Publisher(run_id="run-1", agent_name="coder") as publisher:
        publisher.run_started(task="fix the build")
        call = publisher.tool_call("Bash", {"command": "make test"})
        publisher.tool_result(call, status="ok", output="passed")

A forked child's publisher is mute (its thread stayed with the parent): the child makes one of its own.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from monitor.client.connection import background, log, settings_or_default
from monitor.client.emitter import Emitter
from monitor.client.outbox import Outbox
from monitor.settings import Settings
from monitor.topics import Names

CAPACITY, CAPACITY_BYTES = 10_000, 32 * 2**20
CLOSE_S = 5.0


class _Buffered(Emitter):
    def __init__(
        self,
        run_id: str | None,
        settings: Settings | None,
        heartbeat_s: float | None,
        capacity: int,
        capacity_bytes: int,
        identity: dict[str, Any],
    ) -> None:
        self.settings = settings_or_default(settings)
        super().__init__(run_id, limit=self.settings.max_event_bytes, **identity)
        topic = Names.of(self.settings.topic_prefix).events
        self._heartbeat_s = heartbeat_s
        self._outbox = Outbox(topic, self.run_id, capacity, capacity_bytes, self._wake)
        self._pid = os.getpid()
        self._mute = False

    def _wake(self) -> None:
        raise NotImplementedError

    def _put(self, value: bytes) -> bool:
        if self._mute or os.getpid() != self._pid:
            if not self._mute:
                self._mute = True
                log.warning("this publisher was made before a fork, or is closed: make another; events are dropped")
            self._outbox.dropped += 1
            return False
        return self._outbox.put(value)

    @property
    def dropped(self) -> int:
        return self.refused + self._outbox.dropped

    @property
    def delivered(self) -> int:
        """Events that Kafka has."""
        return self._outbox.delivered

    @property
    def waiting(self) -> int:
        """Events on their way."""
        return len(self._outbox)

    async def _work(self) -> None:
        beat = asyncio.create_task(self._beat())
        try:
            await self._outbox.run(self.settings)
        finally:
            beat.cancel()

    async def _beat(self) -> None:
        while self._heartbeat_s:
            await asyncio.sleep(self._heartbeat_s)
            self.heartbeat()


class Publisher(_Buffered):
    """For code without an event loop, and for any thread of it. Works from when it is made until `close`.

    heartbeat_s: seconds between heartbeats, sent from the background thread; None: none. capacity: events that wait
    at most, capacity_bytes their bytes; more are dropped and counted. The other names are `Emitter`'s.
    Raises SettingsError for settings that cannot be used; a broker that is away is no error.
    """

    def __init__(
        self,
        run_id: str | None = None,
        *,
        settings: Settings | None = None,
        heartbeat_s: float | None = None,
        capacity: int = CAPACITY,
        capacity_bytes: int = CAPACITY_BYTES,
        **identity: Any,
    ) -> None:
        super().__init__(run_id, settings, heartbeat_s, capacity, capacity_bytes, identity)
        self._background = background()
        self._worker = self._background.submit(self._work())

    def _wake(self) -> None:
        self._background.call(self._outbox.woken)

    def flush(self, timeout: float = CLOSE_S) -> bool:
        """Waits until Kafka has every event, at most ``timeout`` seconds. False if some are still waiting."""
        return os.getpid() != self._pid or self._outbox.wait_empty(timeout)

    def close(self, timeout: float = CLOSE_S) -> bool:
        """`flush`, and the end. False if events were left, which are then dropped."""
        if self._mute or os.getpid() != self._pid:
            return True
        done = self.flush(timeout)
        self._mute = True
        self._worker.cancel()
        if not done:
            log.warning("%d events were not sent within %g s and are lost", self.waiting, timeout)
        return done

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncPublisher(_Buffered):
    """For code in an event loop: the same methods, which never block, and ``await`` for `flush` and `close` only."""

    def __init__(
        self,
        run_id: str | None = None,
        *,
        settings: Settings | None = None,
        heartbeat_s: float | None = None,
        capacity: int = CAPACITY,
        capacity_bytes: int = CAPACITY_BYTES,
        **identity: Any,
    ) -> None:
        super().__init__(run_id, settings, heartbeat_s, capacity, capacity_bytes, identity)
        self._loop = asyncio.get_running_loop()
        self._worker = asyncio.create_task(self._work())

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._outbox.woken)

    async def flush(self, timeout: float = CLOSE_S) -> bool:  # noqa: ASYNC109 (the same as the synchronous one)
        """Waits until Kafka has every event, at most ``timeout`` seconds. False if some are still waiting."""
        return await asyncio.to_thread(self._outbox.wait_empty, timeout)

    async def close(self, timeout: float = CLOSE_S) -> bool:  # noqa: ASYNC109
        """`flush`, and the end. False if events were left, which are then dropped."""
        if self._mute:
            return True
        done = await self.flush(timeout)
        self._mute = True
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        if not done:
            log.warning("%d events were not sent within %g s and are lost", self.waiting, timeout)
        return done

    async def __aenter__(self) -> AsyncPublisher:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


