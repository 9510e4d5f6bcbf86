"""Runs that a style's own publisher writes: for styles that differ in what their events hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.loops_scene import Scene

Classes = dict[str, tuple[Callable[[Scene], None], ...]]


def published_by(publisher: type[Scene], classes: Mapping[str, tuple[Callable[[Any], None], ...]]) -> Classes:
    """Each class's writers, as `benchmarks.loops_stuck.write` calls them."""
    return {kind: tuple(_taking_over(publisher, writer) for writer in writers) for kind, writers in classes.items()}


def _taking_over(publisher: type[Scene], writer: Callable[[Any], None]) -> Callable[[Scene], None]:
    def write(s: Scene) -> None:
        own = publisher(f"{s.seed}-published", run_id=s.run_id)
        own.events, own.now, own._seq, own.agent_id = s.events, s.now, s._seq, s.agent_id
        del s.events[1:]  # one publisher writes all of a run but its beginning
        own.prelude()
        if s.begins is not None:
            s.begins = len(s.events)
        writer(own)
        own.settle()
        s.now, s._seq = own.now, own._seq

    return write
