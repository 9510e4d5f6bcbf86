"""Redirections and here-documents: what goes into a command, what a file loses by what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.destructive.bounds import MAX_BYTES
from detectors.destructive.paths import join
from detectors.destructive.plain import Command
from detectors.destructive.scope import Scope
from detectors.destructive.values import NET, UNKNOWN, fields, is_unknown, literal

if TYPE_CHECKING:
    from tree_sitter import Node

    from detectors.destructive.shell import Shell


SEQUENCE = frozenset({
    "program", "list", "compound_statement", "do_group", "else_clause", "elif_clause", "negated_command", "ERROR",
    "case_item", "if_statement_body",
})  # fmt: skip
STATEMENTS = SEQUENCE | {
    "command", "pipeline", "redirected_statement", "subshell", "for_statement", "while_statement", "if_statement",
    "case_statement", "function_definition", "declaration_command", "variable_assignment", "variable_assignments",
    "test_command", "unset_command", "c_style_for_statement", "command_substitution", "process_substitution",
}  # fmt: skip


# What reads the files among its words, or its input.
_READING = frozenset({
    "sort", "uniq", "sed", "gsed", "jq", "yq", "awk", "gawk", "mawk", "cut", "grep", "egrep", "fgrep", "rg", "tr",
    "head", "tail", "cat", "tac", "rev", "nl", "column", "fmt", "fold", "expand", "paste", "join", "comm", "base64",
    "xxd", "iconv", "xmllint", "tidy", "envsubst", "csvcut", "csvsort", "gpg", "openssl", "gzip", "zcat", "strings",
    "diff", "pandoc", "m4", "shuf", "xsltproc", "prettier", "clang-format", "gofmt", "black", "perl",
})  # fmt: skip
_EMPTYING = frozenset({">", "1>", ">|", "&>"})
_NOISE = frozenset({"/dev/urandom", "/dev/random", "/dev/zero"})


def _eaten(words: list[str], path: str) -> bool:
    """``sort a > a``: the shell empties what the program is about to read."""
    return path in words and not _READING.isdisjoint(words)


def redirected_statement(shell: Shell, node: Node, scope: Scope, stdin: str | None) -> str:
    body = node.child_by_field_name("body")
    outputs: list[Node] = []
    followers: list[Node] = []
    for child in node.named_children:  # the grammar gives a here-string no field
        if child.type == "heredoc_redirect":
            stdin = _heredoc(shell, child, scope, outputs, followers)
        elif child.type == "herestring_redirect":
            stdin = literal(shell.words.expand(child.named_children[-1], scope, quoted=True)) + "\n"
        elif child.type == "file_redirect":
            outputs.append(child)
    behind = [word for child in outputs for word in child.children_by_field_name("destination")[1:]]
    if behind and body is not None:
        return _in_order(shell, body, outputs, behind, scope, stdin)
    texts = [shell.words.text(child) for child in outputs]
    for child, text in zip(outputs, texts, strict=True):
        if text.lstrip("0123456789").startswith("<"):
            stdin = _read(shell, child, scope)
    out = shell.visit(body, scope, stdin) if body is not None else ""
    last = ""
    for child, text in zip(outputs, texts, strict=True):
        if ">" in text[:4]:
            redirect(shell, child, scope, bool(out.strip()) and not _reads(shell, child, body, texts), out)
            last = text
    if last and not last.startswith("2"):
        out = ""
    for child in followers:
        out = shell.visit(child, scope, out if child.type in ("pipeline", "command") else stdin)
    return out


def _reads(shell: Shell, output: Node, body: Node | None, texts: list[str]) -> bool:
    """Whether what is about to be emptied is read by the command in front of it."""
    target = output.child_by_field_name("destination")
    if target is None or body is None or ">>" in shell.words.text(output)[:4]:
        return False
    path = shell.words.text(target)
    words = [word.strip("'\"") for word in shell.words.text(body)[:2000].split()]
    words += [text.lstrip("0123456789")[1:].strip() for text in texts if text.lstrip("0123456789").startswith("<")]
    return _eaten(words, path.strip("'\""))


def _in_order(
    shell: Shell, body: Node, outputs: list[Node], behind: list[Node], scope: Scope, stdin: str | None
) -> str:
    """``sudo > log rm -rf x``: what stands behind a redirection's target is the command's, which the grammar gives to
    the redirection."""
    words = [shell.words.text(node) for node in (body, *behind)]
    for node in outputs:
        first = node.child_by_field_name("destination")
        words.append(shell.words.source[node.start_byte : first.end_byte].decode("utf-8", "replace") if first else "")
    return shell.script(" ".join(words), scope, stdin)


def _heredoc(shell: Shell, node: Node, scope: Scope, outputs: list[Node], followers: list[Node]) -> str:
    text = ""
    start = ""
    for child in node.children:
        if child.type == "heredoc_start":
            start = shell.words.text(child)
        elif child.type == "heredoc_body":
            raw = any(mark in start for mark in "'\"\\")
            text = shell.words.raw(child) if raw else shell.words.quoted(child, scope)
        elif child.type == "file_redirect":
            outputs.append(child)
        elif child.type in STATEMENTS:
            followers.append(child)
    return text


def _read(shell: Shell, node: Node, scope: Scope) -> str:
    """What ``< file`` gives."""
    target = node.child_by_field_name("destination")
    path = "".join(fields(shell.words.expand(target, scope))) if target is not None else ""
    return scope.files.get(join(scope.cwd, path), NET if NET in path else "" if path == "/dev/null" else UNKNOWN)


def redirect(shell: Shell, node: Node, scope: Scope, writing: bool, text: str) -> None:
    """``> file``: what is lost by it, and what is in it now. writing: it has content, else it only empties."""
    excerpt = shell.words.text(node)
    raw = excerpt.lstrip("0123456789")
    target = None if raw.startswith(("<", ">&", "&>&")) else node.child_by_field_name("destination")
    if target is None:
        return
    for path in fields(shell.words.expand(target, scope)):
        shell.step(4)
        into(shell, path, scope, ">>" in raw, writing, text, excerpt)


def into(shell: Shell, path: str, scope: Scope, append: bool, writing: bool, text: str, excerpt: str) -> None:
    """The same for a path."""
    shell.programs.write(path, scope, excerpt, append=append, emptying=not writing)
    if not is_unknown(path):
        full = join(scope.cwd, literal(path))
        old = scope.files.get(full, "") if append else ""
        scope.write(full, (old + text)[:MAX_BYTES])


def plain_command(shell: Shell, command: Command, scope: Scope, stdin: str | None) -> str:
    """A command that was read without the parser, with its redirections."""
    if command.here is not None:
        stdin = command.here
    redirects = command.redirects
    if redirects is None:
        return shell.run(command.words, scope, stdin, command.text)
    read = command.words
    for operator, path in redirects:
        if operator.endswith("<"):
            read = [*read, path]
            stdin = scope.files.get(join(scope.cwd, literal(path)), "" if path == "/dev/null" else UNKNOWN)
    out = shell.run(command.words, scope, stdin, command.text)
    printed = out
    for operator, path in redirects:
        if not operator.endswith("<"):
            writing = bool(out.strip()) and not (operator in _EMPTYING and _eaten(read, path))
            if writing and command.words[0] == "cat" and not _NOISE.isdisjoint(command.words):
                writing = False  # nobody wants to read that
            into(shell, path, scope, ">>" in operator, writing, out, command.text)
            printed = out if operator[0] == "2" else ""
    return printed


def plain_pipeline(shell: Shell, pipeline: list[Command], scope: Scope, stdin: str | None) -> str:
    """Several, each of which reads what the one before prints."""
    out, last = stdin, pipeline[-1]
    for operator, path in last.redirects or ():  # ``cat a | sort > a``
        if operator in _EMPTYING and any(_eaten(command.words, path) for command in pipeline[:-1]):
            shell.programs.write(path, scope, last.text, append=False, emptying=True)
    for command in pipeline:
        inner = scope.fork()
        inner.sink = last.text
        out = plain_command(shell, command, inner, out)
    return out or ""
