"""Go that is written and then run: its calls by their names, with names followed through plain assignments.

There is no parser for it here. One pass finds the calls that matter and reads their arguments, in linear time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detectors.destructive.code import Call, Calls, Value, fitting
from detectors.destructive.values import GLOB, UNKNOWN, clean

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs
    from detectors.destructive.scope import Scope

MAX_CODE = 16 * 1024
MAX_CALLS = 400
MAX_ARGUMENTS = 2_000  # characters of one call's
MAX_PARTS = 20_000  # words and marks of all arguments together
MAX_VALUE = 4_096  # characters of one text
_DEPTH = 6
_STRING = r'"(?:[^"\\\n]|\\.)*+"|`[^`]*+`'
_COMMENTS = re.compile(rf"({_STRING})|//[^\n]*+|/\*.*?(?:\*/|\Z)", re.DOTALL)
_TOKENS = re.compile(
    rf"""(?P<set>\b(\w+)(?:\s*,\s*\w+)?(?:\s+string)?\s*:?=\s*(?!=))|(?P<each>\bfor\s+\w+\s*,\s*(\w+)\s*:?=\s*range\s+)"""
    rf"""|(?P<call>(?<!\w)(?<!\w\.)(?:[A-Za-z]\w*+(?:\(\))?\.)*+[A-Za-z]\w*+\()|{_STRING}""",
    re.DOTALL,
)
_PARTS = re.compile(rf"{_STRING}|[()\[\]{{}},+]|[A-Za-z_][\w.]*+|\d+|\S", re.DOTALL)
_WALKS = frozenset({"filepath.Walk", "filepath.WalkDir", "fs.WalkDir"})
_HARM = re.compile(r"os\.(?:RemoveAll|Truncate)|exec\.Command|\brm\s+-|(?i:drop\s+table|truncate)|DELETE\b")
_LISTED = re.compile(r"\]\s*(\w+)\s*([({])")
_ESCAPED = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_FUNCTIONS = re.compile(r"\bfunc\s+(\w+)\s*\(([^()]{0,400})\)")
_WORD = re.compile(r"(\w+)(?:\s+[\w.*\[\]]+)?\s*(?:,|\Z)")
_ENDED = re.compile(r"\bos\.(?:Remove|RemoveAll|Truncate)\(")


def analyse_go(text: str, programs: Programs, scope: Scope, excerpt: str) -> list[str]:
    """Add the effects of a Go program to the analysis; give the shell commands that it would run."""
    if len(text) > MAX_CODE and _HARM.search(text, MAX_CODE) is not None:
        programs.unseen(f"Go longer than {MAX_CODE // 1024} KiB", excerpt)
    source = _COMMENTS.sub(lambda found: found.group(1) or " ", clean(text[:MAX_CODE]))
    calls = Calls(programs, scope, excerpt)
    _Reader(source, scope).scan(calls, 0, len(source), 0)
    return calls.commands


def _any(value: Value) -> Value:
    """What a loop's name stands for: of several the one that reaches farthest."""
    if not value.items:
        return value
    return min(value.items, key=lambda item: (item.text == UNKNOWN, item.text[:1] not in ("/", "~"), len(item.text)))


class _Reader:
    def __init__(self, source: str, scope: Scope) -> None:
        self.source, self.scope = source, scope
        self.names: dict[str, Value] = {}
        self.left = MAX_PARTS
        self.seen = 0
        self.functions: dict[str, tuple[list[str], int, int]] = {}
        stop = len(source)
        for found in reversed(list(_FUNCTIONS.finditer(source))):
            self.functions[found.group(1)] = (_WORD.findall(found.group(2)), found.end(), stop)
            stop = found.start()

    def scan(self, calls: Calls, start: int, end: int, depth: int) -> None:
        """Judge the calls of a part of the source, in order."""
        for found in _TOKENS.finditer(self.source, start, end):
            if found.group("each"):
                self.names[found.group(4)] = _any(self.value(found.end(), 0))
            elif found.group("set"):
                self.names[found.group(2)] = self.value(found.end(), 0)
            elif found.group("call"):
                name = found.group("call")[:-1]
                known = self.functions.get(name)
                if (name not in _WALKS and known is None and not fitting(name)) or (known and found.end() < known[1]):
                    continue
                self.seen += 1
                if self.seen > MAX_CALLS or self.left <= 0:
                    calls.unseen()
                    return
                self.call(calls, name, found.end(), depth)

    def call(self, calls: Calls, name: str, at: int, depth: int) -> None:
        arguments, end = self.arguments(at, 0)
        raw = self.source[at - 1 : min(end + 1, at + MAX_ARGUMENTS)]
        known = self.functions.get(name)
        if known is not None:
            if depth < _DEPTH and any(one.text[:1] in ("/", "~") or " " in one.text for one in arguments):
                names, begin, stop = known
                self.names.update(zip(names, arguments, strict=False))
                self.scan(calls, begin, stop, depth + 1)
        elif name in _WALKS:
            if _ENDED.search(raw) is not None and arguments:
                calls.see(Call("os.RemoveAll", [_any(arguments[0])]))
        elif name == "exec.CommandContext":
            calls.see(Call("exec.Command", arguments[1:], raw))
        else:
            calls.see(Call(name, arguments, raw))

    def arguments(self, at: int, depth: int) -> tuple[list[Value], int]:
        """Of a call, from behind its bracket; and where they end."""
        out: list[Value] = []
        source, end = self.source, min(len(self.source), at + MAX_ARGUMENTS)
        start, open_ = at, 0
        for found in _PARTS.finditer(source, at, end):
            mark = found.group()
            self.left -= 1
            if mark in "([{":
                open_ += 1
            elif mark in ")]}" and open_:
                open_ -= 1
            elif mark in (")", "}", ",") and not open_:
                if source[start : found.start()].strip():
                    out.append(self.value(start, depth + 1, found.start()))
                start = found.end()
                if mark != ",":
                    return out, found.start()
        return out, end

    def value(self, at: int, depth: int, end: int | None = None) -> Value:
        """An expression from ``at`` on, as far as it is known."""
        source = self.source
        limit = min(len(source), at + MAX_ARGUMENTS)
        if end is None:
            end = source.find("\n", at, limit)
        end = limit if end < 0 else min(end, limit)
        raw = source[at : min(end, at + 200)].strip()
        if depth > _DEPTH or self.left <= 0:
            return Value(raw=raw)
        text = ""
        known = False
        while at < end:
            found = _PARTS.search(source, at, end)
            if found is None:
                break
            mark = found.group()
            at = found.end()
            self.left -= 1
            if mark == "+":
                continue
            if mark[0] in "\"`":
                text += _unquoted(mark)
            elif mark == "[" and (listed := _LISTED.match(source, at)) is not None:
                items, at = self.arguments(listed.end(), depth + 1)
                if listed.group(2) == "{":
                    return Value(items=items, raw=raw)
                text += items[0].text if items else ""
                at += 1
            elif mark[0].isalpha() or mark[0] == "_":
                if source[at : at + 1] == "(":
                    arguments, at = self.arguments(at + 1, depth + 1)
                    text += self.called(mark, arguments)
                    at += 1
                else:
                    value = self.names.get(mark)
                    if value is not None and value.items is not None and not known:
                        return Value(items=value.items, raw=raw)
                    text += value.text if value is not None else UNKNOWN
            elif mark in ("{", ";"):
                break
            elif mark != "&":
                text += mark if mark.isdigit() else UNKNOWN
            known = True
            if len(text) > MAX_VALUE:
                break
        return Value(text[:MAX_VALUE] if known else UNKNOWN, raw=raw or "x")

    def called(self, name: str, arguments: list[Value]) -> str:
        """What well-known functions give."""
        texts = [one.text for one in arguments[:8]]
        if name in ("filepath.Join", "path.Join"):
            return "/".join(text for text in texts if text)[:MAX_VALUE]
        if name == "os.UserHomeDir":
            return self.scope.context.home
        if name == "os.Getenv" and texts:
            return self.scope.get(texts[0]) if texts[0] in ("HOME", "PWD") else UNKNOWN
        if name in ("os.MkdirTemp", "os.TempDir", "ioutil.TempDir", "os.CreateTemp", "t.TempDir"):
            return "/tmp/" + UNKNOWN
        if name == "os.Getwd":
            return self.scope.cwd
        if name in ("os.ReadDir", "ioutil.ReadDir") and texts:
            return f"{texts[0]}/{GLOB}"
        if name == "filepath.Glob" and texts:
            return texts[0].replace("*", GLOB)
        if name in ("string", "filepath.Clean", "strings.TrimSpace") and texts:
            return texts[0]
        if name == "fmt.Sprintf" and texts:
            left = iter(texts[1:])
            return re.sub(r"%[svdq]", lambda _: next(left, UNKNOWN), texts[0])[:MAX_VALUE]
        return GLOB if name.endswith(".Name") and not texts else UNKNOWN


def _unquoted(mark: str) -> str:
    text = mark[1:-1]
    if mark[0] == "`" or "\\" not in text:
        return text
    return _ESCAPED.sub(lambda one: chr(int(one.group(1), 16)) if one.group(1) else str(one.group(2)), text)


def go_run(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str | None:
    """``go run``, where the program was seen being written."""
    if argv[1:2] != ["run"]:
        return None
    names = [word for word in argv[2:] if not word.startswith("-")]
    listed = [path for path in scope.files if path.endswith(".go")]
    wanted = {name.rpartition("/")[2] for name in names}
    for path in listed[:8]:
        if path.rpartition("/")[2] in wanted or not any(name.endswith(".go") for name in names[:1]):
            programs.code("go", scope.files[path], scope.fork(), excerpt)
    return UNKNOWN
