"""A TCP proxy that can be cut, frozen and slowed: the network between a worker and its broker."""

from __future__ import annotations

import asyncio
from types import TracebackType

CHUNK = 16_384


class Proxy:
    """Listens at ``port`` of the loopback and passes everything on to ``target`` port. An async context manager.

    delay_s: for each chunk of up to 16 KiB, each way. `cut` resets every connection and refuses new ones, `freeze`
    keeps them all and passes nothing on, `mend` ends both.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port, self.target = port, target
        self.delay_s = 0.0
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False
        self._connections: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        self._refuses = True
        for writer in self._connections:
            writer.transport.abort()

    def freeze(self) -> None:
        self._flows.clear()

    def mend(self) -> None:
        self._refuses = False
        self.delay_s = 0.0
        self._flows.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)
        if self._refuses:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, there_writer}
        self._connections |= both
        try:
            await asyncio.wait(
                {
                    asyncio.ensure_future(self._pump(reader, there_writer)),
                    asyncio.ensure_future(self._pump(there_reader, writer)),
                },
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._connections -= both
            for one in both:
                one.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            return
