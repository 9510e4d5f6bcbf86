"""Statements that branch and repeat, each way through them evaluated: what differs afterwards is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.destructive.builtin import lines_of
from detectors.destructive.redirects import STATEMENTS
from detectors.destructive.scope import Scope
from detectors.destructive.values import UNKNOWN, fields

if TYPE_CHECKING:
    from tree_sitter import Node

    from detectors.destructive.shell import Shell


def for_statement(shell: Shell, node: Node, scope: Scope, stdin: str | None) -> str:
    variable, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
    values: list[str] = []
    for child in node.children_by_field_name("value"):
        values.extend(fields(shell.words.expand(child, scope)))
    out = []
    for value in values[:32] or [UNKNOWN]:
        if variable is not None:
            scope.variables[shell.words.text(variable)] = value
        if body is not None:
            out.append(shell.visit(body, scope, stdin))
    return "".join(out)


def c_style_for_statement(shell: Shell, node: Node, scope: Scope, stdin: str | None) -> str:
    for child in node.children_by_field_name("initializer"):
        if child.type == "variable_assignment":
            scope.variables[shell.assignment(child, scope)[0]] = UNKNOWN
    body = node.child_by_field_name("body")
    return shell.visit(body, scope, stdin) if body is not None else ""


def while_statement(shell: Shell, node: Node, scope: Scope, stdin: str | None) -> str:
    condition = shell.words.text(node)[:60]
    if stdin is None or "read" not in condition:
        return shell.sequence(node, scope, stdin)
    return "".join(shell.sequence(node, scope, line) for line in lines_of(stdin))


def if_statement(shell: Shell, node: Node, scope: Scope, stdin: str | None) -> str:
    before, after = scope.fork(), scope.fork()
    out, branches = [], [after]
    for child in node.named_children:
        if child.type in ("elif_clause", "else_clause"):
            branches.append(before.fork())
            if child.type == "else_clause":
                out.append(shell.visit(child, branches[-1], stdin))
                break
            out.append(shell.visit(child, branches[-1], stdin))
        elif child.type in STATEMENTS:
            out.append(shell.visit(child, after, stdin))
    else:
        branches.append(before)
    scope.merge(branches)
    return "".join(out)


def case_statement(shell: Shell, node: Node, scope: Scope, stdin: str | None) -> str:
    branches, out = [scope.fork()], []
    for child in node.named_children:
        if child.type == "case_item":
            branches.append(scope.fork())
            out.append(shell.visit(child, branches[-1], stdin))
    scope.merge(branches)
    return "".join(out)


BRANCHES = {
    branch.__name__: branch
    for branch in (for_statement, c_style_for_statement, while_statement, if_statement, case_statement)
}
