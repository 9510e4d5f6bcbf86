"""What the batch lane relies on in Faust and aiokafka holds in the versions installed here."""

from __future__ import annotations

import pytest

from monitor.worker.assumptions import ASSUMPTIONS, Assumption, broken


@pytest.mark.parametrize("assumption", ASSUMPTIONS, ids=lambda assumption: assumption.name)
def test_it_holds(assumption: Assumption) -> None:
    assert broken([assumption]) == []


def test_one_that_does_not_hold_is_named() -> None:
    assert broken([Assumption("Faust does this", lambda: False)]) == ["Faust does this"]


def test_one_whose_names_are_gone_is_named() -> None:
    def gone() -> bool:
        raise AttributeError("no _drain_messages")

    assert broken([Assumption("Faust does that", gone)]) == ["Faust does that (AttributeError: no _drain_messages)"]
