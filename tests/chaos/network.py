"""The network between one worker and the broker is cut, frozen and slowed; the other worker has a good one."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.chaos.ground import Ground, say
from tests.chaos.programs import free_port
from tests.chaos.proxy import Proxy
from tests.chaos.report import Row
from tests.chaos.site import site

# A second listener, which tells whoever comes by it to come again by the proxy.
PROPERTIES = """
listeners=PLAINTEXT://127.0.0.1:@PORT@,PROXIED://127.0.0.1:{behind},CONTROLLER://127.0.0.1:@CONTROLLER_PORT@
advertised.listeners=PLAINTEXT://127.0.0.1:@PORT@,PROXIED://127.0.0.1:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
"""
OUTAGE_S = 10.0  # beyond the session
SLOW_S = 0.15  # for each 16 KiB, each way
SLOWED_S = 10.0


async def troubled(ground: Ground, *, rounds: int = 2, rate: float = 500.0) -> Row:
    """Cut (connections are reset), frozen (nothing passes, nobody is told), slowed; each for a while."""
    behind, front = free_port(), free_port()
    properties = ground.directory / f"proxied-{front}.properties"
    _write(properties, PROPERTIES.format(behind=behind, proxy=front))
    with await asyncio.to_thread(ground.cluster, "--config", str(properties)) as kafka:
        async with Proxy(front, behind) as proxy, site(ground, "network cut, frozen, slowed", kafka.brokers) as here:
            far = here.worker(KILLCORD_BROKERS=f"127.0.0.1:{front}")
            for worker in [far, here.worker()]:
                await worker.ready()
            here.work(rate)
            for n in range(rounds):
                for trouble in (proxy.cut, proxy.freeze):
                    await here.killing(2)
                    await here.fault(far, lambda: None)
                    trouble()
                    await asyncio.sleep(OUTAGE_S)
                    proxy.mend()
                    await here.killing(3)
                await here.fault(far, lambda: None)
                proxy.delay_s = SLOW_S
                await asyncio.sleep(SLOWED_S)
                proxy.mend()
                say(f"{here.name}: {n + 1} of {rounds}")
            await here.killing(2)
            return await here.verdict()


def _write(path: Path, text: str) -> None:
    path.write_text(text)
