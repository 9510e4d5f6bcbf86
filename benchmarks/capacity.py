"""What ten million events a second would need, by what an event costs here: arithmetic, with its assumptions named."""

from __future__ import annotations

import math

from msgspec import Struct


class Measured(Struct, frozen=True, kw_only=True):
    """Per event: CPU of the worker, of the broker while it takes the event and while it gives it out, µs; bytes."""

    worker_us: float
    fill_us: float
    fetch_us: float
    event_bytes: float


class Assumptions(Struct, frozen=True, kw_only=True):
    """Nothing of this was measured."""

    events: float = 10_000_000.0  # a second
    busy: float = 0.6  # of a core, so that a worker's death or a burst does not make lag
    spare_partitions: float = 1.5  # partitions a worker, so that others can take over and more workers can join
    replicas: int = 3
    follower: float = 1.0  # a follower's CPU, as a share of what taking the event in costs its leader
    broker_cores: int = 16
    network_gbit: float = 10.0  # of a broker, each way
    network_busy: float = 0.5
    compression: float = 4.0  # of events on the wire and on disk, lz4 or zstd on JSON; not measured
    retention_days: float = 7.0
    core_hour_usd: float = 0.04
    disk_gb_month_usd: float = 0.08
    network_gb_usd: float = 0.01  # between zones: two of three replicas are in another one


class Needed(Struct, frozen=True, kw_only=True):
    """Cores in whole; rates in GB/s of the whole cluster; disk in TB; cost in US dollars an hour."""

    worker_cores: int
    partitions: int
    broker_cores: int
    brokers_by_cpu: int
    brokers_by_network: int
    brokers: int
    in_gb_s: float
    replication_gb_s: float
    out_gb_s: float
    disk_tb: float
    cores_usd: float
    disk_usd: float
    network_usd: float


def needed(measured: Measured, assumed: Assumptions) -> Needed:
    """
    >>> of = Measured(worker_us=30, fill_us=2, fetch_us=1, event_bytes=600)
    >>> found = needed(of, Assumptions())
    >>> found.worker_cores, found.partitions, found.broker_cores, found.brokers
    (500, 750, 117, 8)
    """
    rate, copies = assumed.events, assumed.replicas
    worker_cores = _whole(rate * measured.worker_us / 1e6 / assumed.busy)
    taking = measured.fill_us * (1 + (copies - 1) * assumed.follower)
    broker_cores = _whole(rate * (taking + measured.fetch_us) / 1e6 / assumed.busy)
    stream = rate * measured.event_bytes / assumed.compression / 1e9
    replication = stream * (copies - 1)
    by_network = _whole((stream + replication) * 8 / (assumed.network_gbit * assumed.network_busy))
    by_cpu = _whole(broker_cores / assumed.broker_cores)
    disk = stream * 86_400 * assumed.retention_days * copies / 1e3
    brokers = max(by_cpu, by_network, copies)
    return Needed(
        worker_cores=worker_cores,
        partitions=_whole(worker_cores * assumed.spare_partitions),
        broker_cores=broker_cores,
        brokers_by_cpu=by_cpu,
        brokers_by_network=by_network,
        brokers=brokers,
        in_gb_s=stream,
        replication_gb_s=replication,
        out_gb_s=stream,
        disk_tb=disk,
        cores_usd=(worker_cores + brokers * assumed.broker_cores) * assumed.core_hour_usd,
        disk_usd=disk * 1000 * assumed.disk_gb_month_usd / 730,
        # Each replica in another zone, and two thirds of what is written and read crosses zones.
        network_usd=(replication + (stream + stream) * 2 / 3) * 3600 * assumed.network_gb_usd,
    )


def _whole(value: float) -> int:
    """Up to the next whole number, but not for what is a rounding error above one."""
    return math.ceil(value - 1e-9)
