"""Shell scripts (bash, sh, zsh) read by tree-sitter and evaluated without running anything.

The walk follows the script as a shell would: assignments, folders, functions, pipes, here-documents. Each command
line that comes out goes to `programs.Programs`, which knows what programs do. Text that stays text is never judged.
Everything is bounded: the length of the text, the depth, and the number of steps.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import tree_sitter_bash
from tree_sitter import Language, Parser

from detectors.destructive.beyond import pieces
from detectors.destructive.bounds import (
    MAX_BYTES,
    MAX_PARSED,
    MAX_PLAIN,
    MAX_WORK,
    TooMuch,
    check_nesting,
    check_shells,
)
from detectors.destructive.branches import BRANCHES
from detectors.destructive.catalogue import Catalogue
from detectors.destructive.context import Context
from detectors.destructive.effects import Effect
from detectors.destructive.heredocs import fold, folded
from detectors.destructive.inert import inert
from detectors.destructive.plain import Pipeline, plain_script, plain_words
from detectors.destructive.programs import Programs
from detectors.destructive.redirects import (
    SEQUENCE,
    STATEMENTS,
    plain_command,
    plain_pipeline,
    redirect,
    redirected_statement,
)
from detectors.destructive.replaced import without_replaced
from detectors.destructive.respelled import respelled
from detectors.destructive.scope import Scope
from detectors.destructive.stand_ins import stand_ins
from detectors.destructive.steps import Session, entered, left, walked
from detectors.destructive.values import QUOTED, clean, fields, literal
from detectors.destructive.words import Words

if TYPE_CHECKING:
    from tree_sitter import Node

MAX_STEPS = 3_000  # syntax nodes visited, loops and functions included
_FOLDED = 256  # characters of a script whose here-documents are not worth folding
MAX_DEPTH = 60  # of the syntax tree and of scripts within scripts, together

_KEYED = re.compile(r"\[([^\]]{1,60})\]=(.*)", re.DOTALL)
_KEEPING = frozenset({"export", "cd", "read", "mapfile", "readarray", "eval", "source", "."})  # they set variables here
_LANGUAGE = Language(tree_sitter_bash.language())
_parsers = threading.local()  # a Parser is not safe to share


def analyse(text: str, context: Context, catalogue: Catalogue) -> list[Effect]:
    """What a shell command would do, creations included, in order. Never raises; what could not be read is said."""
    return analyse_step(text, context, catalogue)[0]


def analyse_step(
    text: str, context: Context, catalogue: Catalogue, session: Session | None = None, lasting: bool = False
) -> tuple[list[Effect], Session | None]:
    """The same in the shell that the steps before left, and the shell that is left for the next (if ``lasting``)."""
    source = clean(text).replace("\0", "")  # as bash does
    plain = plain_script(source, context.home) if len(source) <= MAX_PLAIN else None
    if plain is not None and (session is None or not session.redefines) and inert(plain):
        return [], walked(session, plain, context) if lasting else session
    scope = Scope(context)
    reason = ""
    with Shell(context, catalogue) as shell:
        try:
            if session is not None:
                entered(session, scope, lambda definition: shell.script(definition, scope))
            start = scope.cwd
            check_shells(source)
            if plain is not None:
                shell.spend(min(len(source), MAX_BYTES))
                shell.plain(plain, scope, None)
            else:
                shell.script(source[:MAX_PLAIN], scope)
        except (TooMuch, RecursionError) as error:
            reason = str(error) or "too deeply nested"
    if shell.cut:
        reason = f"longer than {MAX_PARSED // 1024} KiB, only the start was read"
    if not reason and not shell.read and " " in source.strip() and _parse(source.encode("utf-8", "replace")).has_error:
        reason = "not a form of shell that is understood"
    if reason:
        shell.effects.append(_unread(reason, text))
        shell.effects.extend(_beyond(source, context, catalogue))
        return without_replaced(shell.effects), session
    if lasting:
        session = left(session, scope, start, lambda language, code: analyse_code(language, code, context, catalogue))
    return without_replaced(shell.effects), session


def _beyond(source: str, context: Context, catalogue: Catalogue) -> list[Effect]:
    """What pieces of a script would do that could not be read whole."""
    with Shell(context, catalogue) as shell:
        for piece in pieces(source):
            try:
                shell.script(piece, Scope(context))
            except (TooMuch, RecursionError):
                break
    return [effect for effect in shell.effects if effect.action not in ("create", "execute_unknown")]


def analyse_code(language: str, text: str, context: Context, catalogue: Catalogue) -> list[Effect]:
    """The same for code in another language that a tool runs."""
    with Shell(context, catalogue) as shell:
        try:
            shell.programs.code(language, clean(text), Scope(context), text[:120])
        except (TooMuch, RecursionError) as error:
            shell.effects.append(_unread(str(error) or "too deeply nested", text))
    return shell.effects


def _unread(reason: str, text: str) -> Effect:
    return Effect(
        action="execute_unknown", thing="code", target=f"a command that could not be read whole: {reason}",
        width="unknown", reversible="unknown", certainty="possible", excerpt=text[:120], entry="shell.cut",
    )  # fmt: skip


def _parse(source: bytes) -> Node:
    parser = getattr(_parsers, "parser", None)
    if parser is None:
        parser = _parsers.parser = Parser(_LANGUAGE)
    node: Node = parser.parse(stand_ins(source)).root_node
    return node


class Shell:
    """One analysis. effects: what was found so far, in order.

    Used in a ``with``: its end takes apart what refers back to it, so that all of it is gone at once. Left to the
    collector, a busy worker's shells come to a pause of 40 ms every few seconds, and each new one to cold memory.
    """

    def __init__(self, context: Context, catalogue: Catalogue) -> None:
        self.context = context
        self.effects: list[Effect] = []
        self.programs = Programs(self, catalogue)
        self.read = 0  # command lines
        self.cut = False
        self.steps = 0
        self.work = 0
        self.depth = 0
        self.words = Words(b"", self.substitute)

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        del self.programs, self.words

    def script(self, text: str, scope: Scope, stdin: str | None = None) -> str:
        """Run a text as a script of its own in ``scope``; gives what it would print."""
        self.spend(min(len(text), MAX_BYTES))
        plain = plain_script(text, self.context.home)
        if plain is not None and self.depth + 3 < MAX_DEPTH:
            return self.plain(plain, scope, stdin)
        root, source, bodies = self.tree(respelled(text))
        outer, self.words = self.words, Words(source, self.substitute, bodies)
        try:
            return self.visit(root, scope, stdin)
        finally:
            self.words = outer

    def tree(self, text: str) -> tuple[Node, bytes, dict[int, str]]:
        """The syntax tree, its source, and the here-documents of which that has only the first lines."""
        if "<<" in text and len(text) > _FOLDED:
            source, bodies = fold(text)
            if bodies and len(source) <= MAX_PARSED:
                check_nesting(source.decode("utf-8", "replace"))
                self.spend(3 * len(source))
                root = _parse(source)
                if folded(root, bodies):
                    return root, source, bodies
        if len(text) > MAX_PARSED:
            self.cut = True
            text = text[:MAX_PARSED]
        check_nesting(text)
        self.spend(3 * len(text))
        source = text.encode("utf-8", "replace")
        return _parse(source), source, {}

    def spend(self, characters: int) -> None:
        """Counts what is read. Raises TooMuch where loops and doubled values would make it take seconds."""
        self.work += characters
        if self.work > MAX_WORK:
            raise TooMuch("more to read than anyone would write")

    def step(self, count: int = 1) -> None:
        self.steps += count
        if self.steps > MAX_STEPS:
            raise TooMuch(f"more than {MAX_STEPS} steps")

    def plain(self, script: list[Pipeline], scope: Scope, stdin: str | None) -> str:
        """What visiting the tree of such a script does, with its steps."""
        self.depth += 3
        printed = []
        for pipeline in script:
            self.step(1 + len(pipeline))
            if len(pipeline) == 1:
                printed.append(plain_command(self, pipeline[0], scope, stdin))
            else:
                printed.append(plain_pipeline(self, pipeline, scope, stdin))
        self.depth -= 3
        return "".join(printed)

    def run(self, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
        self.read += 1
        self.spend(sum(map(len, argv)) + len(scope.variables) // 4)
        return self.programs.run(argv, scope, stdin, excerpt)

    def substitute(self, node: Node, scope: Scope) -> str:
        """What ``$(...)`` or ``<(...)`` stands for."""
        inner = scope.fork()
        if node.type == "process_substitution" and self.words.text(node).startswith(">"):
            path = f"/dev/fd/{len(scope.sinks) + 200}"
            if len(scope.sinks) < 8:
                words = self.words
                scope.sinks[path] = lambda text: self.call(node, words, inner, inner.params, text)
            return path
        if node.type == "process_substitution":
            output = self.sequence(node, inner, None)
            path = f"/dev/fd/{len(scope.files) + 60}"
            scope.write(path, output)
            return path
        return self.sequence(node, inner, None).rstrip("\n")

    def visit(self, node: Node, scope: Scope, stdin: str | None) -> str:
        """Evaluate one statement; gives its abstract output."""
        self.step()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.depth = 0
            raise TooMuch(f"nested deeper than {MAX_DEPTH}")
        kind = node.type
        try:
            if kind == "command":
                return self.command(node, scope, stdin)
            if kind in SEQUENCE:
                return self.sequence(node, scope, stdin)
            if kind == "redirected_statement":
                return redirected_statement(self, node, scope, stdin)
            if (branch := BRANCHES.get(kind)) is not None:
                return branch(self, node, scope, stdin)
            method = getattr(self, "visit_" + kind, None)
            return method(node, scope, stdin) if method is not None else ""
        finally:
            self.depth -= 1

    def sequence(self, node: Node, scope: Scope, stdin: str | None) -> str:
        out = [self.visit(child, scope, stdin) for child in node.named_children if child.type in STATEMENTS]
        return out[0] if len(out) == 1 else "".join(out)

    def command(self, node: Node, scope: Scope, stdin: str | None) -> str:
        text = self.words.text(node)
        argv = plain_words(text)
        if argv is None or node.has_error:
            return self.expanded(node, scope, stdin, text)
        return self.run(argv, scope, stdin, text)

    def expanded(self, node: Node, scope: Scope, stdin: str | None, text: str) -> str:
        """A command whose words depend on the scope, or that has assignments and redirections."""
        argv: list[str] = []
        assigned: list[tuple[str, str]] = []
        for child in node.children:
            kind = child.type
            if kind == "variable_assignment":
                assigned.append(self.assignment(child, scope))
            elif kind == "herestring_redirect":
                stdin = literal(self.words.expand(child.named_children[-1], scope, quoted=True)) + "\n"
            elif kind == "file_redirect":
                redirect(self, child, scope, bool(node.child_by_field_name("name")), "")
            elif kind == "command_name":
                inner = child.children[0] if child.child_count else child
                argv.extend(fields(self.words.expand(inner, scope)))
            elif child.is_named or kind not in ("(", ")"):
                argv.extend(fields(self.words.expand(child, scope)))
        if not argv:
            for name, value in assigned:
                self.programs.setting(name, value, scope, text)
            scope.variables.update(assigned)
            return ""
        if assigned:
            if argv[0] not in _KEEPING:
                scope = scope.fork()
            before = scope.variables.get("IFS")
            scope.variables.update(assigned)
            for name, value in assigned:
                self.programs.setting(name, value, scope, text)
            try:
                return self.run(argv, scope, stdin, text)
            finally:
                if before is None:
                    scope.variables.pop("IFS", None)
                else:
                    scope.variables["IFS"] = before
        return self.run(argv, scope, stdin, text)

    def assignment(self, node: Node, scope: Scope) -> tuple[str, str]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        key = self.words.text(name) if name is not None else ""
        if value is None:
            return key, ""
        if value.type == "array":
            items = [self._element(item, key, at, scope) for at, item in enumerate(value.named_children[:256])]
            before = [scope.variables[key]] if self._appends(node, key) and scope.variables.get(key) else []
            return key, " ".join(before + items)
        text = self.words.expand(value, scope, quoted=True).replace(QUOTED, "")
        if self._appends(node, key):
            text = scope.get(key) + text
        return key, literal(text) if value.type in ("string", "raw_string", "ansi_c_string") else text

    def _element(self, item: Node, key: str, at: int, scope: Scope) -> str:
        """One of ``(a [k]=b)``, which is also kept by itself."""
        text = " ".join(fields(self.words.expand(item, scope)))
        found = _KEYED.match(literal(text)) if self.words.text(item).startswith("[") else None
        index, value = found.groups() if found is not None else (str(at), text)
        if at < 32:
            scope.variables[f"{key}[{index}]"] = value
        return value

    def _appends(self, node: Node, key: str) -> bool:
        return "+=" in self.words.text(node)[: len(key) + 2]

    def visit_variable_assignment(self, node: Node, scope: Scope, stdin: str | None) -> str:
        name, value = self.assignment(node, scope)
        scope.variables[name] = value
        self.programs.setting(name, value, scope, name)
        return ""

    def visit_variable_assignments(self, node: Node, scope: Scope, stdin: str | None) -> str:
        return self.visit_declaration_command(node, scope, stdin)

    def visit_declaration_command(self, node: Node, scope: Scope, stdin: str | None) -> str:
        another = " -n " in self.words.text(node)[:16]  # declare -n: a name for a variable, in both directions
        for child in node.named_children:
            if child.type == "variable_assignment" and another:
                name, value = self.assignment(child, scope)
                scope.variables["&" + name], scope.variables["&" + value] = value, name
            elif child.type == "variable_assignment":
                self.visit_variable_assignment(child, scope, stdin)
        return ""

    def visit_unset_command(self, node: Node, scope: Scope, stdin: str | None) -> str:
        for child in node.named_children:
            scope.variables.pop(self.words.text(child), None)
        return ""

    def visit_test_command(self, node: Node, scope: Scope, stdin: str | None) -> str:
        self.words.nested(node, scope)
        return ""

    def visit_subshell(self, node: Node, scope: Scope, stdin: str | None) -> str:
        return self.sequence(node, scope.fork(), stdin)

    def visit_command_substitution(self, node: Node, scope: Scope, stdin: str | None) -> str:
        return self.substitute(node, scope)

    def visit_pipeline(self, node: Node, scope: Scope, stdin: str | None) -> str:
        out = stdin
        sink = self.words.text(node.named_children[-1])[:400]
        for child in node.named_children:
            if child.type in STATEMENTS:
                inner = scope.fork()
                inner.sink = sink
                out = self.visit(child, inner, out)
        return out or ""

    def visit_function_definition(self, node: Node, scope: Scope, stdin: str | None) -> str:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None:
            scope.functions[self.words.text(name)] = (body, self.words)
        return ""

    def call(self, body: Node, words: Words, scope: Scope, argv: list[str] | None, stdin: str | None) -> str:
        """Run a function's body with its arguments, or another part of the tree later on."""
        outer, params = self.words, scope.params
        self.words, scope.params = words, argv
        try:
            step = self.sequence if body.type == "process_substitution" else self.visit
            return step(body, scope, stdin)
        finally:
            self.words, scope.params = outer, params
