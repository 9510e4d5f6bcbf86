"""Killcord's own programs, as processes that are told everything by their environment. A black box otherwise."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

KILLCORD = Path(sys.executable).with_name("killcord")
PATIENCE_S = 60.0
# Whatever ends the scenario ends the program too: PR_SET_PDEATHSIG (1) outlives the exec.
_TIED = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
_COMMAND = (sys.executable, "-c", _TIED, str(KILLCORD))


class ProgramError(RuntimeError):
    """A program of Killcord's did not do what it was started for; its last words are in it."""


def environment(told: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KILLCORD_")} | dict(told)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Worker:
    """One ``killcord worker``. ``name`` is its client id, by which Kafka tells what it is assigned.

    static: it also has a name of its own in the group, so it comes back from a restart without a rebalance.
    """

    def __init__(self, name: str, told: Mapping[str, str], log: Path, static: bool) -> None:
        self.name = name
        self.port = free_port()
        self.log = log
        self.static = static
        self._told = {
            **told,
            "KILLCORD_CLIENT_ID": name,
            "KILLCORD_WORKER_INSTANCE_ID": name if static else "",
            "KILLCORD_METRICS_PORT": str(self.port),
        }
        self.start()

    def start(self) -> None:
        """Also again, after its end: under the same names."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*_COMMAND, "worker"], env=environment(self._told), stdout=output, stderr=output,
                cwd=self.log.parent, start_new_session=True,
            )  # fmt: skip

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    async def ready(self) -> Worker:
        end = time.monotonic() + PATIENCE_S
        while not await asyncio.to_thread(self._is_ready):
            if not self.runs:
                status = self.process.returncode
                raise ProgramError(f"{self.name} ended with {status} before it was ready: {self.said()}")
            if time.monotonic() > end:
                raise ProgramError(f"{self.name} was not ready within {PATIENCE_S:g} s: {self.said()}")
            await asyncio.sleep(0.1)
        return self

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """SIGKILL; a stopped process takes it too."""
        if self.runs:
            self.process.kill()
        self.process.wait(30)

    def suspend(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        """SIGTERM; it must go in good order."""
        self.process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(self.process.wait, PATIENCE_S)
        if status != 0:
            raise ProgramError(f"{self.name} was asked to go and ended with {status}: {self.said()}")

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-6000:]


async def killcord(told: Mapping[str, str], *arguments: str, patience_s: float = 120.0) -> str:
    """What a ``killcord`` command prints; raises `ProgramError` unless its exit status is 0."""
    process = await asyncio.create_subprocess_exec(
        *_COMMAND, *arguments, env=environment(told), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        said, errors = await asyncio.wait_for(process.communicate(), patience_s)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        raise ProgramError(f"killcord {' '.join(arguments)} ended with {process.returncode}: {errors.decode()[-2000:]}")
    return said.decode()
