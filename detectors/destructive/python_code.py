"""Python given inline, by pipe or as a tool's code: calls that delete files, run commands or change databases.

Names are followed through plain assignments and `os.path.join`, f-strings, `Path` and `/`; the rest stays unknown.
"""

from __future__ import annotations

import ast
import base64
from functools import lru_cache
from typing import TYPE_CHECKING

from detectors.destructive import python_handed as ways
from detectors.destructive.code import MAX_NAME, Call, Calls, Value, fitting, may_fit
from detectors.destructive.python_loops import (
    conditions,
    dotted,
    downloads,
    filled,
    is_text,
    module_of,
    passing,
    stands_for,
)
from detectors.destructive.python_tree import LOOPS, MAX_MARKS, in_order, parsed, reverses, spelled, up_to
from detectors.destructive.python_words import may_matter, telling_lines
from detectors.destructive.sql import analyse_sql
from detectors.destructive.values import GLOB, UNKNOWN, UNSET, clean, is_unknown

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs
    from detectors.destructive.scope import Scope

MAX_CODE = 64 * 1024
MAX_COMMANDS = 32
MAX_VALUE = 16_384  # characters of one string
MAX_PARTS = 256
_MAX_NESTED = 3  # code in strings in code
_JOINING = frozenset({"os.path.join", "Path", "pathlib.Path", "str", "os.path.abspath"})
_MAX_WITHIN = 8  # functions that call each other
_SQL = frozenset({"execute", "executescript", "executemany", "exec_driver_sql", "raw"})
_LISTS = (ast.List, ast.Tuple)
_TEXTS = (ast.Constant, ast.Name, ast.JoinedStr, ast.BinOp)
# Last names of what is looked for here.
_NAMED = frozenset({
    *ways.LAST, *_SQL, "unlink", "rmdir", "close", "write_text", "write_bytes", "open", "exec", "eval", "map",
})  # fmt: skip


def analyse_python(text: str, programs: Programs, scope: Scope, excerpt: str, depth: int = 0) -> list[str]:
    """Add the effects of Python code to the analysis; give the shell commands that it would run.

    Code that does not parse has no effects that are known; of what is too long that is said.
    """
    if len(text) > MAX_CODE:
        programs.unseen(f"Python longer than {MAX_CODE // 1024} KiB", excerpt)
    if not may_matter(text, programs.shell.effects, scope.files):
        return []
    if len(text) > MAX_MARKS and (most := up_to(text[:MAX_CODE])) < min(len(text), MAX_CODE):
        programs.unseen(f"Python of more than {MAX_MARKS} marks", excerpt)
        cut = text.rfind("\n", 0, most) + 1
        text = text[:cut] + telling_lines(text[cut:])
    try:
        walk = in_order(parsed(text[:MAX_CODE]))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    reader = _Reader(programs, scope, excerpt, depth)
    reader.awaited, skipped = ways.judged_where_called(walk, text)
    for node in walk:
        if not skipped or id(node) not in skipped:
            reader.see(node)
    return reader.commands[:MAX_COMMANDS]


@lru_cache(maxsize=4096)
def _telling(last: str) -> bool:
    """Whether a call can matter, by the last of its function's names: of most none can."""
    return last in _NAMED or may_fit(last)


_MAX_LOOPED = 400  # calls that loops repeat


class _Reader:
    def __init__(self, programs: Programs, scope: Scope, excerpt: str, depth: int) -> None:
        self.programs, self.scope, self.excerpt, self.depth = programs, scope, excerpt, depth
        self.names: dict[str, str] = {}
        self.made: dict[str, ast.Call] = {}  # what a name was assigned, where that is a call
        self.calls = Calls(programs, scope, excerpt)
        self.commands: list[str] = []
        self.repeated = 0
        self.imported: dict[str, str] = {}
        self.lists: dict[str, ast.List | ast.Tuple | ast.Set] = {}
        self.defined: dict[str, ast.FunctionDef] = {}
        self.active: set[str] = set()
        self.awaited: frozenset[str] = frozenset()  # functions that are judged where they are called alone

    def see(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            if self.matters(node.func):
                self.call(node, self.called(node.func))
        elif isinstance(node, ast.Assign):
            if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self.assigned(node.targets[0].id, node.value)
        elif isinstance(node, ast.FunctionDef):
            self.defined[node.name] = node
        elif isinstance(node, LOOPS):
            self.looped(node)
        elif isinstance(node, ast.With):
            for item in node.items:
                if isinstance(item.optional_vars, ast.Name):
                    self.assigned(item.optional_vars.id, item.context_expr)
        elif isinstance(node, ast.Import):
            self.imported.update({alias.asname: alias.name for alias in node.names if alias.asname})
        elif isinstance(node, ast.ImportFrom) and node.module:
            self.imported.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})

    def assigned(self, name: str, value: ast.expr) -> None:
        self.names[name] = self.value(value)
        if isinstance(value, ast.Call):
            self.made[name] = value
        elif isinstance(value, (*_LISTS, ast.Set)) and any(map(is_text, value.elts)):
            self.lists[name] = value

    def matters(self, function: ast.expr) -> bool:
        """Whether a call can matter, by the last of the names that it is called by."""
        if isinstance(function, ast.Attribute):
            return function.attr in self.defined or _telling(function.attr)
        if isinstance(function, ast.Name):
            known = (self.imported, self.made, self.defined)
            return any(function.id in names for names in known) or _telling(function.id)
        return True

    def looped(self, node: ast.For | ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        """A loop over a list that is written out: its body for each item but the last, which the walk comes to."""
        if isinstance(node, ast.For):
            target, source = node.target, node.iter
            self.names.update(stands_for(self, target, source, conditions(node.body)))
        else:
            target, source = node.generators[0].target, node.generators[0].iter
            for part in node.generators[:4]:
                self.names.update(stands_for(self, part.target, part.iter, part.ifs))
        if isinstance(source, ast.Name):
            source = self.lists.get(source.id, source)
        if not isinstance(target, ast.Name) or not isinstance(source, ast.List | ast.Tuple | ast.Set):
            return
        body = node.body if isinstance(node, ast.For) else [node.elt]
        inner = [found for part in body for found in in_order(part) if isinstance(found, ast.Call | ast.Assign)]
        for item in source.elts[:16]:
            self.names[target.id] = self.value(item)
            if item is not source.elts[-1]:
                self.repeated += len(inner)
                for found in inner if self.repeated < _MAX_LOOPED else ():
                    self.see(found)

    def called(self, node: ast.AST) -> str:
        """A function's full name, whatever its module or itself was imported as."""
        if isinstance(node, ast.Call | ast.Subscript) and (by_its_text := ways.by_text(self, node)):
            return by_its_text
        name = dotted(node)
        first, dot, rest = name.partition(".")
        if first in self.imported:
            return self.imported[first] + dot + rest
        return name if first else f"{module_of(node)}{dot}{rest}"

    def call(self, node: ast.Call, name: str) -> None:
        if (whole := ways.made_of_a_part(self, node)) is not None:
            node, name = whole, self.called(whole.func)
        last = name.rsplit(".", 1)[-1]
        first = node.args[0] if node.args else None
        if name in ways.DEEP and first is not None:
            self.programs.remove(self.value(first), self.scope, self.excerpt, "python.rmtree")
        elif name in ways.ONE and first is not None:
            self.remove(first)
        elif last in ("unlink", "rmdir") and isinstance(node.func, ast.Attribute):
            self.remove(node.func.value)
        elif name in ways.SHELL and first is not None:
            self.commands.append(self.value(first))
        elif last in ways.PROCESS and name.startswith("subprocess.") and first is not None:
            if isinstance(first, _LISTS):
                words = " ".join(_quoted(self.value(item)) for item in first.elts[:MAX_PARTS])
                self.commands.append(words[: 4 * MAX_VALUE])
            else:
                self.commands.append(self.value(first))
        elif last in _SQL and isinstance(first, _TEXTS):
            text = self.value(first)
            if text != UNKNOWN and not passing(self, node.func):
                self.programs.shell.effects.extend(analyse_sql(text, self.excerpt))
        elif name == "os.truncate" and first is not None:
            self.programs.write(self.value(first), self.scope, self.excerpt, False, emptying=True)
        elif name in ways.PLACED and len(node.args) > 1:
            self.commands.append(ways.moved_or_closed(self, name, node))
        elif name == "open" and first is not None:
            self.opened(node, first)
        elif last == "close" and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
            self.emptied(node.func.value)  # open(path, 'w').close()
        elif last in ("write_text", "write_bytes") and isinstance(node.func, ast.Attribute):
            path = self.value(node.func.value)
            if first is not None and not is_unknown(path):
                self.programs.write(path, self.scope, self.excerpt, False, emptying=self.value(first) == "")
        elif name in ("exec", "eval") and first is not None:
            if downloads(first):
                self.programs.unseen("straight from the network", self.excerpt)
            else:
                self.nested(self.value(first))
        elif last == "map" and len(node.args) == 2:
            for one in getattr(node.args[1], "elts", [node.args[1]])[:16]:
                self.call(ast.Call(node.args[0], [one], []), self.called(node.args[0]))
        elif name in self.defined or (last in self.defined and ways.is_method(self.defined[last])):
            self.within(self.defined[last], node)
        elif last in ways.HANDED and ways.handed(self, node):
            pass
        else:
            self.other(node)

    def within(self, function: ast.FunctionDef, node: ast.Call) -> None:
        """The body of a function that the code defines, with the paths that it is called with."""
        if function.name in self.active or len(self.active) >= _MAX_WITHIN or self.repeated > _MAX_LOOPED:
            return self.calls.unseen() if function.name in self.awaited else None
        given = ways.bound(self, function, node)
        if function.name not in self.awaited and not ways.worth_following(given):
            return None
        outer = dict(self.names)
        self.active.add(function.name)
        self.names.update(given)
        inner = [found for part in function.body for found in in_order(part)]
        self.repeated += len(inner)
        for found in inner:
            self.see(found)
        self.active.discard(function.name)
        self.names = outer
        return None

    def opened(self, node: ast.Call, path: ast.AST) -> None:
        """A file opened for writing is emptied, or made."""
        modes = [node.args[1]] if len(node.args) > 1 else [word.value for word in node.keywords if word.arg == "mode"]
        mode = self.value(modes[0]) if modes else "r"
        where = self.value(path)
        if mode[:1] in ("w", "x") and not is_unknown(where):
            self.programs.write(where, self.scope, self.excerpt, False)

    def emptied(self, node: ast.Call) -> None:
        """A file that is opened for writing and closed at once."""
        if self.called(node.func) == "open" and len(node.args) > 1 and self.value(node.args[1])[:1] == "w":
            self.programs.write(self.value(node.args[0]), self.scope, self.excerpt, False, emptying=True)

    def nested(self, code: str) -> None:
        """Code in a string, once."""
        if self.depth < _MAX_NESTED and not is_unknown(code) and may_matter(code):
            self.commands.extend(analyse_python(code, self.programs, self.scope, self.excerpt, self.depth + 1))

    def other(self, node: ast.Call) -> None:
        """By the rules that all languages share."""
        before = len(self.calls.commands)
        name, service = self.chain(node.func, 0)
        fit = fitting(name[-MAX_NAME:])
        if not fit:
            return
        values = [self.argument(item) for item in [*node.args[:16], *(word.value for word in node.keywords[:16])]]
        listed: list[str] = []
        if any(compiled.args is not None for compiled in fit):
            listed += map(spelled, node.args[:16])
            listed += [f"{word.arg}={spelled(word.value)}" for word in node.keywords[:16]]
        self.calls.see(Call(name, values, f"({', '.join(listed)})"[:2000], service))
        self.commands.extend(self.calls.commands[before:])

    def argument(self, node: ast.AST) -> Value:
        items = [Value(self.value(item)) for item in node.elts[:64]] if isinstance(node, _LISTS) else None
        return Value(self.value(node), items)

    def chain(self, node: ast.AST, depth: int) -> tuple[str, str]:
        """A function's name with what it is called on, and the service that a client of boto3 is for."""
        if depth > 12:
            return "", ""
        if isinstance(node, ast.Attribute):
            name, service = self.chain(node.value, depth + 1)
            return f"{name}.{node.attr}", service
        if isinstance(node, ast.Subscript):
            name, service = self.chain(node.value, depth + 1)
            return f"{name}[]", service
        if isinstance(node, ast.Call):
            name, service = self.chain(node.func, depth + 1)
            if name in ("boto3.client", "boto3.resource", "session.client", "boto3.Session().client") and node.args:
                service = self.value(node.args[0])
            return f"{name}()", service
        if isinstance(node, ast.Name):
            made = self.made.get(node.id)
            if made is not None:
                del self.made[node.id]  # a name that is made of itself
                found = self.chain(made, depth + 1)
                self.made[node.id] = made
                return found
            return self.imported.get(node.id, node.id), ""
        return "", ""

    def remove(self, node: ast.AST) -> None:
        """One file; a name that nobody knows is the ordinary case and says nothing."""
        path = self.value(node)
        if not is_unknown(path):
            self.programs.remove(path, self.scope, self.excerpt, "python.remove", deep=False)

    def value(self, node: ast.AST, depth: int = 0) -> str:
        """A string as far as it is known, and as far as `MAX_VALUE`."""
        return self._value(node, depth)[:MAX_VALUE]

    def _value(self, node: ast.AST, depth: int) -> str:
        if depth > 20:
            return UNKNOWN
        if isinstance(node, ast.Constant):
            if isinstance(node.value, int) and abs(node.value) >= 2**64:
                return UNKNOWN  # str() of a long one takes seconds, or raises
            if isinstance(node.value, bytes):
                return clean(node.value.decode("utf-8", "replace"))
            return clean(node.value) if isinstance(node.value, str) else str(node.value)
        if isinstance(node, ast.Name):
            return self.names.get(node.id, UNKNOWN)
        if isinstance(node, ast.JoinedStr):
            return "".join(self.value(part, depth + 1) for part in node.values[:MAX_PARTS])
        if isinstance(node, ast.FormattedValue):
            return self.value(node.value, depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Div)):
            left, right = self.value(node.left, depth + 1), self.value(node.right, depth + 1)
            return left + right if isinstance(node.op, ast.Add) else f"{left}/{right}"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            given = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            return filled(self.value(node.left, depth + 1), [self.value(one, depth + 1) for one in given[:16]])
        if isinstance(node, ast.Subscript):
            if isinstance(node.slice, ast.Constant) and dotted(node.value) in ("sys.argv", "os.environ", "environ"):
                return self.scope.get(str(node.slice.value)).replace(UNSET, UNKNOWN)
            return self.value(node.value, depth + 1)[::-1] if reverses(node.slice) else UNKNOWN
        if isinstance(node, ast.Attribute) and node.attr in ("path", "name", "sep"):  # of what a folder holds
            whole = self.value(node.value, depth + 1) if node.attr != "sep" else "/"
            return UNKNOWN if GLOB not in whole != "/" else GLOB if node.attr == "name" else whole
        if isinstance(node, ast.Call):
            name = self.called(node.func)
            decoded = self.decoded(node, name, depth)
            if decoded is not None:
                return decoded
            if name in _JOINING and node.args:
                parts = [self.value(part, depth + 1) for part in node.args[:8]]
                return "/".join(parts) if not parts[-1].startswith("/") else parts[-1]
            if name in ("Path.home", "pathlib.Path.home"):
                return self.scope.context.home
            if name == "os.path.expanduser" and node.args:
                return self.value(node.args[0], depth + 1).replace("~", self.scope.context.home, 1)
            if name.startswith("tempfile."):
                return "/tmp/" + UNKNOWN
            if name in ("os.getcwd", "Path.cwd"):
                return self.scope.cwd
        return UNKNOWN

    def decoded(self, node: ast.Call, name: str, depth: int) -> str | None:
        """What functions give that only write a text another way; None for others."""
        last = name.rpartition(".")[2]
        if name == "compile" and node.args:
            return self.value(node.args[0], depth + 1)
        if last == "format" and node.args and isinstance(node.func, ast.Attribute):
            return filled(
                self.value(node.func.value, depth + 1), [self.value(part, depth + 1) for part in node.args[:16]]
            )
        if last in ("decode", "strip", "encode", "text", "SQL", "lower", "resolve", "absolute", "format"):
            method = isinstance(node.func, ast.Attribute) and last not in ("text", "SQL")
            inner = node.func.value if method and isinstance(node.func, ast.Attribute) else next(iter(node.args), None)
            return None if inner is None or name.startswith("codecs") else self.value(inner, depth + 1)
        if last == "split" and isinstance(node.func, ast.Attribute):  # the words of a command
            whole = node.args[0] if name.startswith("shlex") and node.args else node.func.value
            return self.value(whole, depth + 1) if name.startswith("shlex") or not node.args else None
        if last in ("rglob", "iterdir") and isinstance(node.func, ast.Attribute):
            chosen = self.value(node.args[0], depth + 1).replace("*", GLOB).strip(GLOB) if node.args else ""
            return f"{self.value(node.func.value, depth + 1)}/{GLOB}{GLOB if last == 'rglob' else ''}{chosen}"
        if name in ("os.listdir", "listdir"):
            return GLOB
        if name in ("sorted", "list", "reversed", "set") and node.args:
            return self.value(node.args[0], depth + 1)
        if name in ("os.scandir", "scandir") and node.args:
            return f"{self.value(node.args[0], depth + 1)}/{GLOB}"
        if name in ("glob.glob", "glob.iglob", "glob", "iglob") and node.args:
            return self.value(node.args[0], depth + 1).replace("*", GLOB)
        if last == "glob" and isinstance(node.func, ast.Attribute) and node.args:
            return f"{self.value(node.func.value, depth + 1)}/{self.value(node.args[0], depth + 1).replace('*', GLOB)}"
        if not node.args:
            return None
        try:
            if last in ("b64decode", "decodebytes", "urlsafe_b64decode"):
                return clean(base64.b64decode(self.value(node.args[0], depth + 1)).decode("utf-8", "replace"))
            if last in ("fromhex", "unhexlify"):
                return clean(bytes.fromhex(self.value(node.args[0], depth + 1)).decode("utf-8", "replace"))
        except ValueError:
            return UNKNOWN
        if last == "join" and isinstance(node.func, ast.Attribute) and isinstance(node.args[0], _LISTS):
            glue = self.value(node.func.value, depth + 1)
            if not is_unknown(glue):
                return glue.join(self.value(part, depth + 1) for part in node.args[0].elts[:MAX_PARTS])
        if last == "chr" and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, int):
            return chr(node.args[0].value) if 0 < node.args[0].value < 0xD800 else UNKNOWN
        return None


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
