"""What a benchmark runs on: a directory, a real Kafka, and programs of its own. All of it ends with this process.

Whatever ends it: a program beside it, in a session of its own, waits for its end and clears up, so a SIGKILL leaves
nothing behind either. Programs are known by a variable in their environment, which what they start inherits.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType

from benchmarks.machine import ROOT, kafka_version
from benchmarks.show import say
from monitor.settings import Settings, environment

MARK = "BENCHMARK_STAGE"
START_ATTEMPTS = 3  # another program may take the port that was free a moment ago
GOODBYE_S = 10.0  # a program that was asked to end has this long
REMEDY = "install Java 17 or newer and Maven, or set KILLCORD_TEST_BROKERS to a Kafka that the benchmark may use"
_REAPER = r"""
cat
for process in /proc/[0-9]*; do
  if grep -qsz "^$0$" "$process/environ"; then kill -9 "${process#/proc/}"; fi
done
if [ -d "$2/kafka" ]; then "$1" stop "$2/kafka"; fi
rm -rf "$2"
"""


_OF_ONE_RUN = {f"KILLCORD_{name}" for name in ("BROKERS", "TOPIC_PREFIX", "DATA_DIR", "POLICY", "METRICS_PORT")}


class StageError(RuntimeError):
    """What a benchmark needs is not to be had; says what, why, and the remedy."""


class Stage:
    """A context manager. ``directory``: temporary, for logs and policies."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="killcord-bench-"))
        self._mark = secrets.token_hex(8)
        self._script = _script()
        self._reaper = subprocess.Popen(
            ["bash", "-c", _REAPER, f"{MARK}={self._mark}", str(self._script), str(self.directory)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env=os.environ | {"KAFKA_TIMEOUT": "10"},
        )  # fmt: skip
        self._brokers: tuple[str, ...] = ()
        self.kafka: str | None = None

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        assert self._reaper.stdin
        self._reaper.stdin.close()
        self._reaper.wait(timeout=60)

    def settings(self) -> Settings:
        """For a fresh set of topics, which are still to be created, on the real Kafka, which the first call starts."""
        if not self._brokers:
            self._brokers = self._start()
        return Settings(
            brokers=self._brokers,
            topic_prefix=f"bench{secrets.token_hex(4)}",
            replication_factor=1,
            metrics_port=0,
            log_level="warning",
        )

    @property
    def broker_pid(self) -> int | None:
        """Of the broker that was started here."""
        file = self.directory / "kafka" / "broker-1" / "pid"
        return int(file.read_text()) if file.exists() else None

    def _start(self) -> tuple[str, ...]:
        if named := os.environ.get("KILLCORD_TEST_BROKERS"):
            self.kafka = kafka_version(None)
            return tuple(part.strip() for part in named.split(","))
        if not shutil.which("java"):
            raise StageError(f"no Kafka: java not found; {REMEDY}")
        cluster = self.directory / "kafka"
        for attempt in range(START_ATTEMPTS):
            say("starting a Kafka broker" if not attempt else "starting it again")
            done = subprocess.run(
                [str(self._script), "start", str(cluster)], capture_output=True, text=True, timeout=300, check=False
            )
            if not done.returncode:
                break
            subprocess.run([str(self._script), "stop", str(cluster)], capture_output=True, timeout=60, check=False)
            shutil.rmtree(cluster, ignore_errors=True)
        else:
            why = done.stderr.strip() or done.stdout.strip() or f"{self._script} ended with status {done.returncode}"
            raise StageError(f"no Kafka: {why}; {REMEDY}")
        self.kafka = kafka_version(cluster)
        return tuple(done.stdout.strip().split(","))

    @asynccontextmanager
    async def program(
        self, name: str, command: Sequence[str], settings: Settings, more: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> AsyncIterator[asyncio.subprocess.Process]:  # fmt: skip
        """A process with these settings; errors go to NAME.log, output can be read. Asked to end, then ended."""
        own = {key: value for key, value in os.environ.items() if not key.startswith("KILLCORD_")}
        with self.log(name).open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                python, *command, cwd=ROOT,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log, limit=2**24,
                env=own | environment(settings) | {MARK: self._mark, "TMPDIR": str(self.directory)} | (more or {}),
                start_new_session=True,  # Ctrl-C is for the benchmark, which then ends them in order
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGCONT)  # it may have been held
                try:
                    await asyncio.wait_for(process.wait(), GOODBYE_S)
                except TimeoutError:
                    process.kill()
                    await process.wait()

    def log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def last_words(self, name: str) -> str:
        return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-15:])


def told(settings: Settings) -> dict[str, str]:
    """What differs from the defaults, but for what is of one run only: places, names and ports."""
    return {name: value for name, value in environment(settings).items() if name not in _OF_ONE_RUN}


def _script() -> Path:
    """The recipe beside the checkout if there is one, else that of the tests."""
    beside = ROOT.parent / "shared" / "kafka" / "kafka.sh"
    return beside if beside.exists() else ROOT / "tests" / "kafka" / "kafka.sh"
