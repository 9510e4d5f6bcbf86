"""Typed states over a store: what a cut holds, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import faust
import pytest
from aiokafka.structs import ConsumerRecord

from monitor.worker.fence import Entries
from monitor.worker.ledger import Ledger
from monitor.worker.store import Store


@pytest.fixture
async def ledger(tmp_path: Path) -> Ledger[list[int]]:
    app = faust.App("ledger", broker="kafka://", store="memory://", datadir=str(tmp_path))
    table = app.Table("runs")
    table._data = Store("killcord://", app, table)
    return Ledger(table, lambda key: [], bytes, list, lambda *corrupt: None)


async def cut(ledger: Ledger[list[int]]) -> dict[int, Entries]:
    return {partition: await ledger.made(partition, keys) for partition, keys in ledger.marked().items()}


async def test_what_has_changed_since_the_last_cut_is_known_until_it_is_bytes(ledger: Ledger[list[int]]) -> None:
    assert not ledger.changed(0, "run")
    ledger.put(0, "run", [1])
    assert ledger.changed(0, "run")
    ledger.mark()
    assert ledger.changed(0, "run")
    assert await cut(ledger) == {0: [(b"run", bytes([1]))]}
    assert not ledger.changed(0, "run")


async def test_a_state_dropped_while_it_is_cut_is_gone_with_the_next_cut(ledger: Ledger[list[int]]) -> None:
    ledger.put(0, "run", [1])
    ledger.mark()
    ledger.drop(0, "run")
    assert await cut(ledger) == {0: [(b"run", bytes([1]))]}
    ledger.mark()
    assert await cut(ledger) == {0: [(b"run", None)]}


async def test_a_key_that_no_worker_wrote_is_left_alone(ledger: Ledger[list[int]]) -> None:
    keys = [b"\xff", b"\xed\xa0\x80", b"run"]  # no UTF-8, a lone surrogate
    ledger.store.restore(0, [ConsumerRecord("c", 0, n, 0, 0, key, b"1", None, 1, 1, ()) for n, key in enumerate(keys)])
    ledger.recovered([0])
    assert [key for _, key, _ in ledger.stored([0])] == ["run"]
    ledger.mark()
    assert await cut(ledger) == {0: [(b"run", b"1")]}


async def test_a_state_that_changed_since_it_was_looked_at_is_known_to_have(ledger: Ledger[list[int]]) -> None:
    ledger.put(0, "run", [1])
    ledger.mark()
    await cut(ledger)
    [(_, _, seen)] = ledger.stored([0])
    assert ledger.unchanged(0, "run", seen)
    ledger.put(0, "run", [1, 2])
    assert not ledger.unchanged(0, "run", seen), "changed, and not in a cut yet"
    ledger.mark()
    await cut(ledger)
    assert not ledger.unchanged(0, "run", seen), "changed, and cut since"
