"""Destructive actions: what a command, query, script or tool call would do, worked out before it runs.

Layers, from text to verdict: `values`, `scope`, `words` (a shell's expansions), `shell` and `programs` (scripts and the
command lines in them), `catalogue` with `commands` (what programs do, as data), `sql`, `python_code`, `functions` and
`calls` (tool calls of any kind), `paths` (where files lie), `effects` (one model, one place of judgement), `memory`
and `detector`. What spares the parsers work changes no verdict: `plain` (scripts of mere words), `heredocs` (files that
are written whole), `python_words` (code that cannot matter), `memo` (what was judged before).
"""

from detectors.destructive.detector import Destructive

__all__ = ["Destructive"]
