"""A container of one's own, ``docker run``: thrown away with all that is in it, but for what is mounted into it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from detectors.destructive.commands import file_effect
from detectors.destructive.effects import Effect
from detectors.destructive.paths import locate
from detectors.destructive.scope import Scope

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs

_SWITCHES = frozenset({
    "-d", "--detach", "-i", "--interactive", "-t", "--tty", "--rm", "--privileged", "--init", "--read-only", "-P",
    "--publish-all", "--no-healthcheck", "--sig-proxy", "--oom-kill-disable", "--help", "-q", "--quiet",
    "--disable-content-trust", "--replace", "--no-hosts",
})  # fmt: skip
_LETTERS = frozenset("ditPq")
_INSIDE = frozenset({"files", "disk", "process", "service", "host", "package", "account", "access", "firewall",
                     "schedule", "code", "other"})  # fmt: skip
MAX_MOUNTS = 16
Mount = tuple[str, str]  # what is mounted (a path, or a volume's name), and where


def docker(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> None:
    """What the command of ``docker run IMAGE COMMAND`` does outside of its container. The catalogue says the rest."""
    words = argv[1:]
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in ("-H", "-c", "--context", "--host", "-l") else words[1:]
    if words[:1] == ["container"]:
        words = words[1:]
    if not words or words[0] not in ("run", "create"):
        return
    mounts, folder, entry, host, at = [], "/", "", False, 1
    while at < len(words) and words[at].startswith("-"):
        flag, equals, value = words[at].partition("=")
        at += 1
        if flag == "--privileged" or (flag == "--pid" and "host" in (value, *words[at : at + 1])):
            host = True
        if flag in _SWITCHES or (flag[1:2] != "-" and set(flag[1:]) <= _LETTERS):
            continue
        if not equals:
            if flag[:2] == "-v" and len(flag) > 2:
                flag, value = "-v", flag[2:]
            else:
                value = words[at] if at < len(words) else ""
                at += 1
        if flag in ("-v", "--volume") or flag.endswith("v"):
            mounts.extend(_volume(value))
        elif flag == "--mount":
            mounts.extend(_mount(value))
        elif flag in ("-w", "--workdir"):
            folder = value
        elif flag == "--entrypoint":
            entry = value
    command = ([entry] if entry else []) + words[at + 1 :]
    if not command:
        return
    inner = scope.fork()
    inner.cwd = folder if folder.startswith("/") else "/"
    inner.variables = {}
    effects = programs.shell.effects
    before = len(effects)
    programs.run(command, inner, stdin, excerpt)
    found = effects[before:]
    outer = command[0].endswith("nsenter") and host
    if command[0].endswith("chroot") and any(source == "/" and where == command[1:2][0] for source, where in mounts):
        outer = True
    if not outer:
        del effects[before:]
        for effect in found:
            effects.extend(_outside(programs, effect, mounts[:MAX_MOUNTS], scope, excerpt))


def _volume(value: str) -> list[Mount]:
    source, _, rest = value.partition(":")
    where, _, options = rest.partition(":")
    return [(source, posixpath.normpath(where))] if where and "ro" not in options.split(",") else []


def _mount(value: str) -> list[Mount]:
    fields = dict(part.partition("=")[::2] for part in value.split(","))
    source, where = fields.get("source") or fields.get("src"), fields.get("target") or fields.get("dst")
    where = where or fields.get("destination")
    readonly = fields.get("readonly") in ("", "true", "1") or fields.get("ro") in ("", "true", "1")
    return [(source, posixpath.normpath(where))] if source and where and not readonly else []


def _outside(programs: Programs, effect: Effect, mounts: list[Mount], scope: Scope, excerpt: str) -> list[Effect]:
    if effect.action == "create":
        return []
    if effect.thing not in _INSIDE and effect.thing != "repository":
        return [effect]
    if effect.thing not in ("files", "disk", "repository"):
        return []
    found = []
    for path in (key[6:] or "/" for key in effect.keys if key.startswith("files:")):
        for source, where in mounts:
            if path == where or path.startswith(where.rstrip("/") + "/"):
                below = path[len(where.rstrip("/")) :]
            elif effect.width != "one" and (path == "/" or where.startswith(path + "/")):
                below = ""
            else:
                continue
            found.append(_at(programs, effect, source, below, scope, excerpt))
    return [one for one in found if one is not None]


def _at(programs: Programs, effect: Effect, source: str, below: str, scope: Scope, excerpt: str) -> Effect | None:
    if not source.startswith(("/", ".", "~")) and not any(ord(mark) >= 0xE000 for mark in source[:1]):
        return Effect(
            action="delete", thing="container", target=f"{source}{below}", width="many", reversible="no",
            keys=(f"container:{source}",), excerpt=excerpt[:200], entry="docker.run-volume",
        )  # fmt: skip
    word = source.rstrip("/") + below or "/"
    spot = locate(word, scope.cwd, programs.shell.context)
    return file_effect(effect.action, spot, word, effect.width != "one", excerpt[:200], "docker.run-mount")
