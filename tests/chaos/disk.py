"""The broker's disk is full. Needs root, to mount a small file system for its log."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.chaos.ground import Ground, say
from tests.chaos.report import Row
from tests.chaos.site import PATIENCE_S, site
from tests.conftest import Cluster

SIZE_MIB = 200
# Indexes are allocated whole, and a record that does not fit into a mapped file ends the JVM: kept small.
PROPERTIES = """
log.index.size.max.bytes=65536
log.segment.bytes=1048576
offsets.topic.segment.bytes=1048576
"""
NAME = "disk full"


async def full(ground: Ground, *, rounds: int = 2, rate: float = 500.0) -> Row:
    """Everything else on the disk grows until nothing is left; the broker halts, room is made, it is started again."""
    if os.geteuid() != 0:
        return Row(scenario=NAME, note="(skipped: mounting a small disk needs root)")
    with small_disk(ground.directory / "small-disk") as mount:
        properties = ground.directory / "small-disk.properties"
        await asyncio.to_thread(properties.write_text, PROPERTIES)
        with closing(await asyncio.to_thread(Cluster, mount / "kafka", "--config", str(properties))) as kafka:
            async with site(ground, NAME, kafka.brokers) as here:
                for worker in [here.worker(), here.worker()]:
                    await worker.ready()
                here.work(rate)
                for n in range(rounds):
                    await here.killing(2)
                    await here.fault(None, lambda: fill(mount / "ballast"))
                    await here.until(lambda: not _runs(kafka), "the broker halts", PATIENCE_S)
                    await asyncio.to_thread((mount / "ballast").unlink)
                    await asyncio.to_thread(kafka.start)
                    say(f"{here.name}: {n + 1} of {rounds}")
                await here.killing(2)
                return await here.verdict()


@contextmanager
def small_disk(mount: Path) -> Iterator[Path]:
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(mount)], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", "--lazy", str(mount)], check=True)


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65_536)
        except OSError:
            return  # no space left


def _runs(kafka: Cluster) -> bool:
    pid = int((kafka.directory / "broker-1" / "pid").read_text())
    try:
        return b"server.properties" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
