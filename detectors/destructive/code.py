"""Calls in a program, whatever its language, and what each of them does: by the rules of ``code_rules.yaml``."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from detectors.destructive.catalogue_schema import Does
from detectors.destructive.context import names_production
from detectors.destructive.effects import Effect
from detectors.destructive.glance import glance
from detectors.destructive.sql import analyse_sql
from detectors.destructive.values import UNKNOWN, clean, is_unknown

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs
    from detectors.destructive.scope import Scope

MAX_CALLS = 400  # of one program, in the order of its source
MAX_COMMANDS = 32
MAX_NAME = 200  # characters of a function's name with what it is called on
MAX_VALUE = 16_384  # characters of one string
_DEEP_ACTS = frozenset({"remove-deep"})
Act = Literal[
    "", "none", "remove", "remove-deep", "empty", "move", "copy", "create", "shell", "argv", "sql", "request", "aws",
]  # fmt: skip


class Value(Struct):
    """What an argument is worth. text: as far as it is known. items: of a list. raw: as it stands in the source."""

    text: str = UNKNOWN
    items: list[Value] | None = None
    raw: str = ""


class Call(Struct):
    """One call. name: ``fs.rmSync``, ``User.objects.all().delete``. arguments: by position. raw: their text."""

    name: str
    arguments: list[Value]
    raw: str = "()"
    service: str = ""


class CodeRule(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of ``code_rules.yaml``. receiver: what the last name must be called on."""

    id: str
    call: str
    args: str = ""
    receiver: str = ""
    act: Act = ""
    does: Does | None = None
    fires: list[str] = []
    quiet: list[str] = []


class _Rules(Struct, frozen=True, forbid_unknown_fields=True):
    rules: list[CodeRule]


class _Compiled(Struct, frozen=True):
    rule: CodeRule
    call: re.Pattern[str]
    args: re.Pattern[str] | None
    receiver: re.Pattern[str] | None


@cache
def code_rules() -> tuple[_Compiled, ...]:
    """The rules that come with Killcord; read at the first call."""
    source = files("detectors.destructive").joinpath("code_rules.yaml").read_bytes()
    return tuple(
        _Compiled(
            rule,
            re.compile(rule.call),
            re.compile(rule.args) if rule.args else None,
            re.compile(rule.receiver) if rule.receiver else None,
        )
        for rule in msgspec.yaml.decode(source, type=_Rules).rules
    )


# What the names of all rules hold something of: one look tells for most names that none fits.
_STEMS = re.compile(
    r"rm|rem|rim|pass|del|unl|exec|spawn|sys|drop|trunc|des|flush|purge|term|kill|trash|open|qx|tick|query|do$|empty|write|sync"
    r"|erase|fetch|req|command|clear|revoke|raw|shell|cancel|refund|sql|run|update|put|call|capture|batch|disable|stop"
    r"|sched|dereg|detach|sh$|res|none$|any$|each|statement|prepare|text|create|stream|send|find(?:depth)?$|renam|\bmv|move|cop[iy]|curl|^cp|promisify",
    re.IGNORECASE,
)
# Last names in which there is none of these: what stands before them has it.
_APART = frozenset({"fork", "axios", "got", "native", "cleanDirectory"})
_EXCLUDES = re.compile(r"\(\?!(?:[^()]|\([^()]*\))*\)")


@lru_cache(maxsize=4096)
def fitting(name: str) -> tuple[_Compiled, ...]:
    """The rules about functions of this name, in their order: names come again and again, most of them have none."""
    if _STEMS.search(name) is None or not _any_rule()(name):
        return ()
    receiver = name.rpartition(".")[0]
    return tuple(
        compiled
        for compiled in code_rules()
        if compiled.call.fullmatch(name) is not None
        and (compiled.receiver is None or compiled.receiver.fullmatch(receiver) is not None)
    )


@cache
def _any_rule() -> Callable[[str], bool]:
    """All rules' names as one pattern, without what they exclude: a name that none fits is told sixty times sooner."""
    names = (_EXCLUDES.sub("", compiled.rule.call) for compiled in code_rules())
    return glance([rf"\A(?s:{name})\z" for name in names])


@lru_cache(maxsize=4096)
def may_fit(last: str) -> bool:
    """Whether any rule could be about a function of this name, or of one that ends in it: true of too many."""
    return last in _APART or _STEMS.search(last) is not None


def rule_of(call: Call) -> CodeRule | None:
    """The first rule that fits a call."""
    raw = call.raw[:2000]
    for compiled in fitting(call.name[-MAX_NAME:]):
        if compiled.args is None or compiled.args.search(raw) is not None:
            return compiled.rule
    return None


class Calls:
    """Judges the calls of one program, in order. commands: the shell commands it would run."""

    def __init__(self, programs: Programs, scope: Scope, excerpt: str) -> None:
        self.programs, self.scope, self.excerpt = programs, scope, excerpt
        self.commands: list[str] = []
        self.seen = 0
        self.cut = False

    def see(self, call: Call) -> None:
        """Add what a call does."""
        rule = rule_of(call)
        if rule is None:
            return
        self.seen += 1
        if self.seen > MAX_CALLS:
            self.unseen()
            return
        if rule.does is not None:
            self._effect(rule.does, rule.id, call)
        elif rule.act in ("remove", "remove-deep"):
            self.remove(call, rule)
        elif rule.act == "empty":
            self._empty(call, rule)
        elif rule.act in ("shell", "argv"):
            self._command(call)
        elif rule.act == "create":
            for value in call.arguments[:3]:
                text = value.text.lstrip(">").strip()
                if "/" in text and not is_unknown(text):
                    self.programs.write(text, self.scope, self.excerpt, False)
        elif rule.act in ("move", "copy") and len(call.arguments) > 1 and len(self.commands) < MAX_COMMANDS:
            ends = [value.text for value in call.arguments[:2]]
            if not any(map(is_unknown, ends)):
                self.commands.append(("mv -- " if rule.act == "move" else "cp -- ") + " ".join(map(_quoted, ends)))
        elif rule.act == "sql":
            for value in call.arguments[:3]:
                if not is_unknown(value.text) or " " in value.text:
                    self.programs.shell.effects.extend(analyse_sql(value.text[:MAX_VALUE], self.excerpt))
        elif rule.act == "request":
            url = next((v.text for v in call.arguments if "://" in v.text or v.text.startswith("/")), UNKNOWN)
            if url != UNKNOWN and not url.startswith("/"):
                self.programs.run(["curl", "-X", "DELETE", url], self.scope, None, self.excerpt)
        elif rule.act == "aws":
            self._aws(call)

    def unseen(self) -> None:
        """Says, once, that there are more calls than are looked at."""
        if not self.cut:
            self.cut = True
            self.programs.unseen("a command that could not be read whole: too many calls", self.excerpt)

    def remove(self, call: Call, rule: CodeRule) -> None:
        """Paths; one that nobody knows is the ordinary case where one file goes, and says nothing."""
        deep = rule.act in _DEEP_ACTS
        for value in call.arguments[: 8 if not deep else 2]:
            for item in (value.items if value.items is not None else [value])[:16]:
                if item.text.startswith(("{", "-")) or not item.text:
                    continue
                if is_unknown(item.text) and (not deep or item.text == UNKNOWN):
                    continue
                self.programs.remove(item.text, self.scope, self.excerpt, rule.id, deep=deep)
            if deep and value.items is None and not value.text.startswith("-") and value.text != UNKNOWN:
                break

    def _empty(self, call: Call, rule: CodeRule) -> None:
        if not call.arguments or is_unknown(call.arguments[0].text):
            return
        written = call.arguments[1].text if len(call.arguments) > 1 else ""
        self.programs.write(call.arguments[0].text, self.scope, self.excerpt, False, written in ("", "0"))

    def _command(self, call: Call) -> None:
        if not call.arguments or len(self.commands) >= MAX_COMMANDS:
            return
        first = call.arguments[0]
        words = first.items if first.items is not None else None
        if words is None and len(call.arguments) > 1:
            second = call.arguments[1]
            if second.items is not None:
                name = call.name.rpartition(".")[2]
                words = (
                    second.items
                    if name.startswith(("exec", "spawn", "posix_spawn")) and _repeats(first, second)
                    else [first, *second.items]
                )
            elif all(v.raw[:1] in "'\"" or v.text != UNKNOWN for v in call.arguments[1:]):
                words = call.arguments
        if words is not None:
            words = [one for word in words[:64] for one in (word.items if word.items is not None else [word])]
            self.commands.append(" ".join(_quoted(word.text) for word in words[:256])[: 4 * MAX_VALUE])
        elif first.text != UNKNOWN:
            self.commands.append(first.text)

    def _aws(self, call: Call) -> None:
        last = call.name.rpartition(".")[2].removeprefix("new ").removesuffix("Command")
        verb = re.sub(r"(?<=[a-z])(?=[A-Z])|_", "-", last).lower().replace("dbinstance", "db-instance")
        if not call.service and "new " not in call.name and "boto" not in call.name and "_" in last:
            return
        for service in (call.service,) if call.service else ("s3api", "ec2", "rds", "dynamodb", "cloudformation", "x"):
            match = self.programs.catalogue.find(["aws", service, verb])
            if match is not None and (match.entry.id != "aws.delete" or service in (call.service, "x")):
                does = match.entry.does
                if does is not None and does.action != "create":
                    self._effect(does, match.entry.id, call)
                return

    def _effect(self, does: Does, entry: str, call: Call) -> None:
        target = next((v.text for v in call.arguments if v.text and UNKNOWN not in v.text), "") or call.name
        self.programs.shell.effects.append(
            Effect(action=does.action, thing=does.thing, target=clean(target)[:120], width=does.width,
                   reversible=does.reversible, undo=does.undo, excerpt=self.excerpt, entry=entry,
                   production=names_production(target))
        )  # fmt: skip


def _repeats(first: Value, second: Value) -> bool:
    """``execvp('rm', ['rm', '-rf'])`` names the program twice."""
    return bool(second.items) and second.items is not None and second.items[0].text == first.text


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
