"""Destructive actions: what a command, query, script or tool call would do, worked out before it runs.

Layers, from text to verdict: `values`, `scope`, `words`, `parameters` (a shell's expansions), `shell` and `programs`
(scripts and the command lines in them), `builtin`, `awk`, `sed`, `translate`, `recipes`, `containers`, `escapes`,
`copies` and `outputs` (what some programs run and print), `provenance` (what is made, and saved first), `catalogue`
with `commands` (what programs do, as data), `sql`, `languages` and `python_code`, `functions`, `kinds` and `calls`
(tool calls of any kind), `paths` (where files lie), `effects` (one model, one place of judgement), `steps` (what
outlasts a step), `memory` and `detector`.

What spares the parsers work changes no verdict: `plain` (scripts of words), `inert` (of programs that only read),
`heredocs` (files that are written whole), `python_words` (code that cannot matter), `memo` (what was judged before).
What they cannot take, `bounds` refuses and `beyond` looks through.
"""

from detectors.destructive.detector import Destructive

__all__ = ["Destructive"]
