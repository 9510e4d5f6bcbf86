"""What a shell knows at one point of a script: variables, folder, functions, aliases, and files it has just written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from detectors.destructive.paths import ENVIRONMENT
from detectors.destructive.values import UNKNOWN, UNSET

if TYPE_CHECKING:
    from tree_sitter import Node

    from detectors.destructive.context import Context
    from detectors.destructive.words import Words

MAX_FILES = 32


class Scope:
    """Abstract state of one shell. ``files`` maps paths to text written here, ``params`` are ``$1`` and on.

    sink: the text of the last command of the pipe that this command is in. sinks: what reads at a path, ``>(sh)``.
    """

    __slots__ = ("aliases", "context", "cwd", "files", "functions", "params", "sink", "sinks", "variables")

    def __init__(self, context: Context) -> None:
        self.context = context
        self.cwd = context.cwd or context.root
        self.variables: dict[str, str] = {}
        self.functions: dict[str, tuple[Node, Words]] = {}
        self.aliases: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.params: list[str] | None = None
        self.sink = ""
        self.sinks: dict[str, Callable[[str], object]] = {}

    def fork(self) -> Scope:
        """A subshell: sees everything, changes nothing here. Files are shared, as on a disk."""
        child = Scope.__new__(Scope)
        child.context, child.cwd, child.sink = self.context, self.cwd, self.sink
        child.variables, child.functions = dict(self.variables), dict(self.functions)
        child.aliases, child.files, child.params = dict(self.aliases), self.files, self.params
        child.sinks = self.sinks
        return child

    def merge(self, branches: list[Scope]) -> None:
        """After an if or a case: what differs between the ways through is unknown."""
        names = {name for branch in branches for name in branch.variables}
        for name in names:
            values = {branch.variables.get(name, UNSET) for branch in branches}
            self.variables[name] = values.pop() if len(values) == 1 else UNKNOWN
        folders = {branch.cwd for branch in branches}
        self.cwd = folders.pop() if len(folders) == 1 else self.cwd
        for branch in branches:
            self.functions.update(branch.functions)
            self.aliases.update(branch.aliases)

    def get(self, name: str) -> str:
        value = self.variables.get(name)
        if value is not None:
            return value
        if name == "HOME":
            return self.context.home
        if name in ("USER", "LOGNAME"):
            return self.context.home.rpartition("/")[2]
        if name == "PWD":
            return self.cwd
        if name in ENVIRONMENT:
            return ENVIRONMENT[name]
        if self.params is not None and name.isdigit() and name != "0":
            index = int(name) - 1
            return self.params[index] if index < len(self.params) else UNSET
        if name in ("@", "*"):
            return " ".join(self.params) if self.params is not None else UNKNOWN
        if "&" + name in self.variables:
            return self.variables.get(self.variables["&" + name], UNSET)
        if name in _ALWAYS or name.isdigit() or not name.isidentifier():
            return UNKNOWN
        return UNSET

    def write(self, path: str, text: str) -> None:
        sink = self.sinks.get(path)
        if sink is not None:
            sink(text)
        elif len(self.files) < MAX_FILES or path in self.files:
            self.files[path] = text


# Set in nearly every shell, or by the machine that runs a job; their values are not known here, but they are not empty.
_ALWAYS = frozenset({
    "USER", "LOGNAME", "HOSTNAME", "PATH", "OLDPWD", "LANG", "UID", "EUID", "PPID", "RANDOM", "SECONDS", "LINENO",
    "BASHPID", "BASH_SOURCE", "FUNCNAME", "REPLY", "EPOCHSECONDS", "CONDA_PREFIX", "VIRTUAL_ENV", "GITHUB_WORKSPACE",
    "GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_SHA", "GITHUB_REF", "CI", "WORKSPACE", "CI_PROJECT_DIR", "JAVA_HOME",
    "GOPATH", "CARGO_HOME", "EDITOR", "TERM", "PIPESTATUS", "OPTARG", "OPTIND", "COLUMNS", "LINES", "DISPLAY",
})  # fmt: skip
