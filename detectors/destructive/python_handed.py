"""Functions of Python that are reached other ways than by name: handed on, bound to arguments, got by a text."""

from __future__ import annotations

import ast
import re
import shlex
from collections import Counter
from typing import TYPE_CHECKING

from detectors.destructive.python_loops import dotted, module_of
from detectors.destructive.python_tree import in_order
from detectors.destructive.values import UNKNOWN, is_unknown

if TYPE_CHECKING:
    from detectors.destructive.python_code import _Reader

DEEP = frozenset({"shutil.rmtree", "rmtree", "distutils.dir_util.remove_tree", "fs.rmtree"})
ONE = frozenset({"os.remove", "os.unlink", "os.rmdir", "os.removedirs"})
SHELL = frozenset(
    {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "commands.getoutput"}
)
MOVES = frozenset({"shutil.move", "os.rename", "os.replace", "os.renames"})
MODES = frozenset({"os.chmod", "os.lchmod"})
COPIES = frozenset({"shutil.copyfile", "shutil.copy", "shutil.copy2"})
PLACED = MOVES | MODES | COPIES
PROCESS = frozenset({"run", "call", "check_call", "check_output", "Popen"})
# What takes a function and calls it with the arguments that come behind it, or as ``args``.
HANDED = frozenset({
    "submit", "register", "to_thread", "run_in_executor", "Thread", "Process", "Timer", "apply", "apply_async",
    "call_soon", "call_later", "callback", "finalize", "run_sync", "starmap",
})  # fmt: skip
_PROCESSES = frozenset(f"subprocess.{name}" for name in PROCESS)
_CALLED = DEEP | ONE | SHELL | _PROCESSES
# The last names of all of these.
LAST = frozenset({
    *(name.rpartition(".")[2] for name in DEEP | ONE | SHELL | PLACED), *PROCESS, *HANDED, "partial", "truncate",
})  # fmt: skip
_PARTIAL = frozenset({"functools.partial", "partial"})
_WORD = re.compile(r"[^\W\d]\w*")


def judged_where_called(walk: list[ast.AST], text: str) -> tuple[frozenset[str], set[int]]:
    """Functions that delete a folder that they are given, where every mention of them calls them by name.

    With what is in them, by identity: it is judged at each call, where the folder is known.
    """
    found: dict[str, ast.FunctionDef] = {}
    for node in walk:
        if isinstance(node, ast.FunctionDef) and node.args.args and not node.decorator_list and node.col_offset == 0:
            given = {part.arg for part in node.args.args}
            for call in in_order(node):
                if isinstance(call, ast.Call) and call.args and dotted(call.func) in DEEP:
                    first = call.args[0]
                    if isinstance(first, ast.Name) and first.id in given:
                        found[node.name] = node
    if not found:
        return frozenset(), set()
    calls = Counter(node.func.id for node in walk if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    named = Counter(_WORD.findall(text))
    found = {name: node for name, node in found.items() if calls[name] and named[name] == calls[name] + 1}
    return frozenset(found), {id(node) for one in found.values() for part in one.body for node in in_order(part)}


def made_of_a_part(reader: _Reader, node: ast.Call) -> ast.Call | None:
    """``partial(rmtree, '/home')()`` as the call that it comes to; None for other calls."""
    function: ast.expr | None = node.func
    if isinstance(function, ast.Name):
        function = reader.made.get(function.id)
    if not isinstance(function, ast.Call) or not function.args or reader.called(function.func) not in _PARTIAL:
        return None
    arguments = [*function.args[1:], *node.args]
    return ast.Call(function.args[0], arguments, []) if isinstance(function.args[0], ast.Name | ast.Attribute) else None


def by_text(reader: _Reader, node: ast.Call | ast.Subscript) -> str:
    """The name of ``getattr(os, 'sys' + 'tem')`` and ``vars(os)['system']``, where the text is known."""
    holder: ast.expr
    last: ast.expr
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id != "getattr" or len(node.args) < 2:
            return ""
        holder, last = node.args[0], node.args[1]
    else:
        holder, last = node.value, node.slice
        if isinstance(holder, ast.Attribute) and holder.attr == "__dict__":
            holder = holder.value
        elif isinstance(holder, ast.Call) and dotted(holder.func) == "vars" and holder.args:
            holder = holder.args[0]
        else:
            return ""
    text = reader.value(last)
    if not text.isidentifier():
        return ""
    if isinstance(holder, ast.Call | ast.Subscript):
        return f"{module_of(holder)}.{text}"
    first, dot, rest = dotted(holder).partition(".")
    return f"{reader.imported.get(first, first)}{dot}{rest}.{text}"


def handed(reader: _Reader, node: ast.Call) -> bool:
    """Judge a function that is given to another, which calls it: ``pool.submit(shutil.rmtree, '/home')``."""
    parts: list[ast.expr] = node.args[:8]
    target = next((word.value for word in node.keywords if word.arg in ("target", "func", "function")), None)
    if target is not None:
        parts = [target]
    given = next((word.value for word in node.keywords if word.arg == "args"), None)
    if isinstance(given, ast.List | ast.Tuple):
        parts = [*parts, *given.elts[:8]]
    for at, part in enumerate(parts[:-1]):
        if isinstance(part, ast.Name | ast.Attribute) and (name := reader.called(part)) in _CALLED:
            rest = parts[at + 1 :]
            if len(rest) == 1 and isinstance(rest[0], ast.List | ast.Tuple) and name not in _PROCESSES:
                rest = rest[0].elts[:8]
            reader.call(ast.Call(part, rest, []), name)
            return True
    return False


def is_method(function: ast.FunctionDef) -> bool:
    """Whether it is called on an object, which is its first parameter."""
    return bool(function.args.args) and function.args.args[0].arg in ("self", "cls")


def bound(reader: _Reader, function: ast.FunctionDef, node: ast.Call) -> dict[str, str]:
    """What a function's parameters are worth in a call of it."""
    parts = function.args.args[1:] if is_method(function) else function.args.args
    given = {part.arg: UNKNOWN for part in parts}
    for part, default in zip(reversed(parts), reversed(function.args.defaults), strict=False):
        given[part.arg] = reader.value(default)
    for part, one in zip(parts, node.args, strict=False):
        given[part.arg] = reader.value(one)
    for word in node.keywords:
        if word.arg is not None and word.arg in given:
            given[word.arg] = reader.value(word.value)
    return given


def worth_following(given: dict[str, str]) -> bool:
    """Whether a path, or what may be a command, is among what a function is called with."""
    return any(value[:1] in ("/", "~") or " " in value for value in given.values())


def moved_or_closed(reader: _Reader, name: str, node: ast.Call) -> str:
    """The shell command that moves a file, or gives it another mode."""
    ends = [reader.value(part) for part in node.args[:2]]
    if any(map(is_unknown, ends)):
        return ":"
    if name in MOVES or name in COPIES:
        return ("mv -- " if name in MOVES else "cp -- ") + shlex.join(ends)
    return f"chmod {int(ends[1]) & 0o7777:o} {shlex.quote(ends[0])}" if ends[1].isdecimal() else ":"
