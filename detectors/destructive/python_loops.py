"""What names stand for in Python: in a loop all that a folder holds, or a whole tree, less what is not chosen."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from detectors.destructive.paths import locate
from detectors.destructive.values import GLOB, UNKNOWN, clean

if TYPE_CHECKING:
    from detectors.destructive.python_code import _Reader

_ORDERED = frozenset({"sorted", "list", "reversed", "set", "enumerate"})
_EVERY = frozenset({"isfile", "isdir", "exists", "is_file", "is_dir", "islink", "lexists", "is_symlink", "access"})

# What clients of services list, each item of which deletes itself.
_LISTS = frozenset({"list", "all", "process_iter"})
_HELD = frozenset({
    "volumes", "containers", "instances", "snapshots", "servers", "disks", "clusters", "buckets", "droplets",
})  # fmt: skip


def stands_for(reader: _Reader, target: ast.AST, source: ast.AST, tests: list[ast.expr]) -> dict[str, str]:
    """What a loop's names stand for: what a folder holds, or a whole tree of folders, as one word."""
    if isinstance(source, ast.Call) and reader.called(source.func) in _ORDERED:
        source = source.args[0] if source.args else source
        if isinstance(target, ast.Tuple) and len(target.elts) == 2:
            target = target.elts[1]
    if isinstance(source, ast.Call) and reader.called(source.func) in ("os.walk", "walk", "os.fwalk"):
        if not isinstance(target, ast.Tuple) or not source.args or len(target.elts) < 3:
            return {}
        names = [item.id if isinstance(item, ast.Name) else "" for item in target.elts[:3]]
        tree = f"{reader.value(source.args[0])}/{GLOB}{GLOB}"
        return dict(zip(names, (tree, GLOB * 2, GLOB * 2), strict=True))
    if not isinstance(target, ast.Name):
        return {}
    if isinstance(source, ast.Call) and isinstance(source.func, ast.Attribute) and source.func.attr in _LISTS:
        held = source.func.value
        processes = source.func.attr == "process_iter" and not tests
        if processes or (isinstance(held, ast.Attribute) and held.attr in _HELD):
            reader.made[target.id] = source
    if isinstance(source, ast.Call) or (isinstance(source, ast.Name) and GLOB in reader.names.get(source.id, "")):
        return {target.id: _chosen(reader.value(source), target.id, tests)}
    return {}


_PLACE = re.compile(r"%[-+ 0-9.]*[a-z]|\{[\w.]*(?::[^{}]*)?\}")


def filled(form: str, values: list[str]) -> str:
    """``%s`` and ``{}`` with the values put in, in order."""
    left = iter(values)
    return _PLACE.sub(lambda found: next(left, UNKNOWN), form)


def conditions(body: list[ast.stmt]) -> list[ast.expr]:
    """The condition under which a loop's body does anything."""
    return [body[0].test] if len(body) == 1 and isinstance(body[0], ast.If) else []


def _chosen(value: str, name: str, tests: list[ast.expr]) -> str:
    """Of all that a folder holds what passes the tests: what ends so, or some that nobody can name."""
    for test in tests:
        call = test.operand if isinstance(test, ast.UnaryOp) else test
        last = dotted(call.func).rpartition(".")[2] if isinstance(call, ast.Call) else ""
        if last in _EVERY or call is not test:
            continue
        ends = call.args[0] if isinstance(call, ast.Call) and last == "endswith" and call.args else None
        if isinstance(ends, ast.Tuple) and ends.elts:
            ends = ends.elts[0]
        if isinstance(ends, ast.Constant) and isinstance(ends.value, str) and value.endswith(GLOB):
            return value + clean(ends.value)
        return value.rstrip(GLOB) + UNKNOWN
    return value


def dotted(node: ast.AST) -> str:
    parts: list[str] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        last = node.args[1] if len(node.args) > 1 else None  # getattr(os, 'system')
        if isinstance(last, ast.Constant) and isinstance(last.value, str):
            return f"{dotted(node.args[0])}.{last.value}"
    while isinstance(node, ast.Attribute) and len(parts) < 6:
        parts.append(node.attr)
        node = node.value
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def module_of(node: ast.AST) -> str:
    """``os`` of ``__import__('os').system`` and of ``importlib.importmodule_of('os').system``."""
    while isinstance(node, ast.Attribute) or (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr" and node.args
    ):
        node = node.value if isinstance(node, ast.Attribute) else node.args[0]
    if isinstance(node, ast.Call) and dotted(node.func).rsplit(".", 1)[-1] in ("__import__", "import_module"):
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            return first.value
    return ""


def downloads(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Call) and dotted(part.func).rsplit(".", 1)[-1] in ("urlopen", "get", "urlretrieve")
        for part in ast.walk(node)
    )


def is_path(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value[:1] in ("/", "~")


def is_text(node: ast.AST) -> bool:
    """A path, or what may be a command."""
    if isinstance(node, ast.Call):
        return dotted(node.func) in ("Path", "pathlib.Path")
    return is_path(node) or (isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value)


def passing(reader: _Reader, node: ast.AST) -> bool:
    """Whether a cursor is of a SQLite database in memory or in a scratch folder."""
    for _ in range(8):
        if isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Name) and node.id in reader.made:
            node = reader.made[node.id]
        elif isinstance(node, ast.Call) and reader.called(node.func) in ("sqlite3.connect", "sqlite.connect"):
            path = reader.value(node.args[0]) if node.args else UNKNOWN
            return path == ":memory:" or locate(path, reader.scope.cwd, reader.scope.context).place == "scratch"
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            break
    return False
