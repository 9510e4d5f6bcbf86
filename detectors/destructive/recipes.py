"""Targets of a Makefile and scripts of a package.json that were written before they are asked for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from detectors.destructive.paths import join
from detectors.destructive.scope import Scope
from detectors.destructive.values import UNKNOWN, literal

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs

MAX_TARGETS = 32
_RULE = re.compile(r"([^\s:=#][^:=#\n]*?)\s*::?(?!=)\s*([^=;#\n]*)(?:;([^\n]*))?")
_VARIABLE = re.compile(r"\s*(?:export\s+|override\s+)?([\w.-]+)\s*(?::|\?|\+|::)?=\s*(.*)")
_USE = re.compile(r"\$(?:\$|\(([^()]*)\)|\{([^{}]*)\}|(.))")
_SCRIPT = re.compile(r'"([\w:.-]{1,64})"\s*:\s*"((?:[^"\\]|\\.)*+)"')
_NPM_OWN = frozenset({"test", "start", "stop", "restart", "install", "ci", "publish", "pack", "t", "i"})
_VALUED = frozenset({"-f", "-C", "-j", "-o", "-W", "-I", "--file", "--directory", "--makefile"})


def make(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str | None:
    """The recipes of the targets asked for, where the Makefile was seen being written; None where it was not."""
    folder, name, targets, given = scope.cwd, "", [], {}
    at = 1
    while at < len(argv):
        word = argv[at]
        if word in _VALUED and at + 1 < len(argv):
            at += 1
            if word in ("-C", "--directory"):
                folder = join(folder, literal(argv[at]))
            elif word in ("-f", "--file", "--makefile"):
                name = literal(argv[at])
        elif word.startswith("-f") and len(word) > 2:
            name = literal(word[2:])
        elif word in ("-n", "--dry-run", "--just-print", "--help", "--version", "-q"):
            return None
        elif not word.startswith("-"):
            key, equals, value = word.partition("=")
            if equals:
                given[key] = value
            else:
                targets.append(word)
        at += 1
    names = (name,) if name else ("GNUmakefile", "makefile", "Makefile")
    text = (
        stdin if name == "-" else next((scope.files[p] for n in names if (p := join(folder, n)) in scope.files), None)
    )
    if text is None:
        return None
    inner = scope.fork()
    inner.cwd = folder
    _Makefile(literal(text), given).run(targets, programs, inner, excerpt)
    return UNKNOWN


class _Makefile:
    def __init__(self, text: str, given: dict[str, str]) -> None:
        self.variables: dict[str, str] = {}
        self.rules: dict[str, tuple[list[str], list[str]]] = {}  # by target: what it needs, its recipe
        recipe: list[str] = []
        for line in text.replace("\\\n", " ").split("\n")[:2000]:
            if line.startswith("\t"):
                recipe.append(line[1:])
                continue
            variable = _VARIABLE.fullmatch(line)
            if variable is not None:
                self.variables[variable.group(1)] = variable.group(2)
                continue
            rule = _RULE.match(line)
            if rule is not None:
                recipe = [rule.group(3)] if rule.group(3) else []
                for target in rule.group(1).split():
                    self.rules[target] = (rule.group(2).split(), recipe)
        self.variables.update(given)

    def run(self, targets: list[str], programs: Programs, scope: Scope, excerpt: str) -> None:
        first = next((target for target in self.rules if not target.startswith(".")), None)
        work = targets or ([first] if first else [])
        done: set[str] = set()
        while work and len(done) < MAX_TARGETS:
            target = work.pop(0)
            if target in done or target not in self.rules:
                continue
            done.add(target)
            needs, recipe = self.rules[target]
            work[:0] = [self._expand(need, target, 0) for need in needs]
            for line in recipe:
                programs.code("shell", self._expand(line, target, 0).lstrip(" @-+"), scope.fork(), excerpt)

    def _expand(self, text: str, target: str, depth: int) -> str:
        def value(use: re.Match[str]) -> str:
            name = use.group(1) or use.group(2) or use.group(3)
            if use.group() == "$$":
                return "$"
            if name == "@":
                return target
            known = self.variables.get(name)
            if known is None or depth > 8:
                return "${" + name + "}" if name.isidentifier() else UNKNOWN
            return self._expand(known, target, depth + 1)[:4096]

        return _USE.sub(value, text)[:16_384]


def package_script(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str | None:
    """``npm run clean`` where the package.json was seen being written; None where it was not."""
    text = scope.files.get(join(scope.cwd, "package.json"))
    if text is None:
        return None
    words = [word for word in argv[1:] if not word.startswith("-")]
    if words[:1] in (["run"], ["run-script"]):
        words = words[1:]
    elif argv[0] in ("npm", "pnpm") and words and words[0] not in _NPM_OWN:
        return None
    try:
        scripts = json.loads(literal(text)).get("scripts", {})
    except (ValueError, AttributeError, RecursionError):
        scripts = {name: line.replace('\\"', '"') for name, line in _SCRIPT.findall(text)}  # a part that was edited
    if not words or not isinstance(scripts, dict):
        return None
    name = {"t": "test", "i": "install", "ci": "install"}.get(words[0], words[0])
    for script in (f"pre{name}", name, f"post{name}"):
        line = scripts.get(script)
        if isinstance(line, str):
            programs.code("shell", line, scope.fork(), excerpt)
    return None
