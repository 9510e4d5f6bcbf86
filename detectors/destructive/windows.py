"""PowerShell by tree-sitter, and cmd.exe by its words: what is deleted, formatted, stopped or turned off on Windows.

Paths are judged as those places of a Unix machine that hold the same: ``C:\\`` is ``/``, ``C:\\Users`` is ``/home``.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
import warnings
from functools import cache
from typing import TYPE_CHECKING

from msgspec.structs import replace
from tree_sitter import Language, Parser

from detectors.destructive.bounds import MAX_ROWS, TooMuch, check_nesting, rows_of_the_same
from detectors.destructive.commands import effects_of, file_effect
from detectors.destructive.parsing import parse
from detectors.destructive.paths import locate
from detectors.destructive.stand_ins import stand_ins
from detectors.destructive.values import GLOB, UNKNOWN, UNSET, clean
from detectors.destructive.windows_names import WINDOWS, words_of_line

if TYPE_CHECKING:
    from tree_sitter import Node

    from detectors.destructive.programs import Programs
    from detectors.destructive.scope import Scope

MAX_CODE = 8 * 1024
MAX_NODES = 12_000
_ALIASES = {
    "ri": "remove-item", "rm": "remove-item", "rmdir": "remove-item", "rd": "remove-item", "del": "remove-item",
    "erase": "remove-item", "gci": "get-childitem", "ls": "get-childitem", "dir": "get-childitem",
    "gi": "get-item", "clc": "clear-content", "sc": "set-content", "kill": "stop-process", "spps": "stop-process",
    "spsv": "stop-service", "iex": "invoke-expression", "irm": "invoke-restmethod", "iwr": "invoke-webrequest",
    "curl": "invoke-webrequest", "wget": "invoke-webrequest", "rp": "remove-itemproperty", "gps": "get-process",
    "ps": "get-process", "saps": "start-process", "start": "start-process", "gsv": "get-service", "cd": "set-location",
    "sl": "set-location", "mv": "move-item", "mi": "move-item", "?": "where-object", "where": "where-object",
    "%": "foreach-object", "foreach": "foreach-object", "echo": "write-output", "write": "write-output",
}  # fmt: skip
_SERVICE_VERBS = frozenset({"delete", "stop", "config", "query", "pause", "start", "failure", "create", "qc"})
_FOLDERS = (
    (re.compile(r"^[a-z]:/windows/temp\b|^[a-z]:/users/[^/]+/appdata/local/temp\b|^[a-z]:/te?mp\b", re.I), "/tmp"),
    (re.compile(r"^c:/windows/system32\b", re.I), "/usr/lib"),
    (re.compile(r"^c:/windows\b", re.I), "/usr"),
    (re.compile(r"^[a-z]:/users\b", re.I), "/home"),
    (re.compile(r"^c:/program ?files( \(x86\))?\b", re.I), "/opt"),
    (re.compile(r"^c:/programdata\b", re.I), "/var/lib"),
    (re.compile(r"^[a-z]:/inetpub(/wwwroot)?\b", re.I), "/var/www"),
    (re.compile(r"^[a-z]:/backups?\b", re.I), "/backups"),
    (re.compile(r"^c:(?=/|$)", re.I), ""),
    (re.compile(r"^([d-z]):(?=/|$)", re.I), "/mnt/d"),
    (re.compile(r"^//[^/]+/[^/]+"), "/mnt/share"),
)  # fmt: skip
_VARIABLES = re.compile(r"%([A-Za-z_()0-9]+)%|\$\{?env:([A-Za-z_()0-9]+)\}?|(\$HOME)\b", re.IGNORECASE)
_ENVIRONMENT = {
    "temp": "/tmp", "tmp": "/tmp", "userprofile": "C:/Users/me", "homepath": "C:/Users/me", "home": "C:/Users/me",
    "systemroot": "C:/Windows", "windir": "C:/Windows", "programfiles": "C:/Program Files", "systemdrive": "C:",
    "homedrive": "C:", "appdata": "C:/Users/me/AppData", "localappdata": "C:/Users/me/AppData/Local",
    "programdata": "C:/ProgramData", "public": "C:/Users/Public",
}  # fmt: skip
_REGISTRY = re.compile(r"^(?:registry::)?(?:hk(?:lm|cu|cr|u|cc)|hkey_\w+)(?::|\\|$)", re.IGNORECASE)
_LIST = re.compile(r"(?<=[\w*/\\.]),[ \t]+(?=[\w.~/\\*])")  # the grammar wants lists of bare words without blanks
_EACH = frozenset({"%", "foreach-object", "foreach"})
_ITEM = ("$_", "$psitem", "$_.fullname", "$_.path", "$_.name")
_ENUMERATED = (
    r"\[(?:System\.)?IO\.Directory\]::(?:Get|Enumerate)(?:Files|Directories|FileSystemEntries)"
    r"\(\s*['\"]?([^'\",()]{1,200})"
)
_LISTED_BY = re.compile(_ENUMERATED, re.IGNORECASE)
_LOOP = re.compile(
    rf"foreach\s*\(\s*(\$\w+)\s+in\s+(?:{_ENUMERATED}"
    r"|\(?\s*(?:Get-ChildItem|gci|ls|dir)\s+(?:-Path\s+)?['\"]?([^'\"()\s]{1,200}))",
    re.IGNORECASE,
)
_DELETED = re.compile(r"[\s\"'(]?((?:[A-Za-z]:[\\/]|/)[^'\"()|;]{0,200})['\"]?\s*\)*\.Delete\(", re.IGNORECASE)
_parsers = threading.local()  # a Parser is not safe to share


def analyse_powershell(text: str, programs: Programs, scope: Scope, excerpt: str) -> None:
    """Add the effects of a PowerShell script to the analysis."""
    most = MAX_ROWS if len(text) > MAX_ROWS and rows_of_the_same(text[:MAX_CODE]) else MAX_CODE
    if len(text) > most:
        programs.unseen(f"PowerShell longer than {MAX_CODE // 1024} KiB, or all the same", excerpt)
    text = _LIST.sub(",", clean(text[:most]))
    try:
        check_nesting(text)
    except TooMuch as error:
        programs.unseen(f"a command that could not be read whole: {error}", excerpt)
        return
    source = text.encode("utf-8", "replace")
    names: dict[str, str] = {}
    root = _parse(source)
    if root is None:
        programs.unseen("a command that could not be read whole: PowerShell that is not a form of it", excerpt)
        return
    work, seen = [root], 0
    while work and seen < MAX_NODES:
        node = work.pop()
        seen += 1
        if node.type == "pipeline_chain":
            piped: str | None = None
            for command in node.named_children:
                if command.type == "command":
                    words = _words(command, source, names)
                    if piped and words and words[0].lower() in _EACH:
                        names.update(dict.fromkeys(_ITEM, piped))
                    piped = run_windows(words, programs, scope, excerpt, piped)
                elif (listing := _LISTED_BY.search(_spelled(command, source)[:600])) is not None:
                    piped = f"{_expanded(listing[1], names)}\\*"
                elif (text_of := _spelled(command, source).strip()) and not text_of.startswith(("$", "[")):
                    piped = text_of.strip("'\"")
        elif node.type == "assignment_expression":
            left, _, right = _spelled(node, source).partition("=")
            names[left.strip().lower()] = _expanded(right.strip().strip("'\""), names)
        elif node.type == "foreach_statement" and (loop := _LOOP.match(_spelled(node, source)[:600])) is not None:
            names[loop[1].lower()] = f"{_expanded(loop[2] or loop[3], names)}\\*"
        elif node.type == "invokation_expression":
            _method(_expanded(_spelled(node, source), names), programs, scope, excerpt)
        work.extend(reversed(node.named_children))


def analyse_cmd(text: str, programs: Programs, scope: Scope, excerpt: str) -> None:
    """Add the effects of a line or a batch file of cmd.exe to the analysis."""
    text = clean(text[:MAX_CODE]).replace("^", "")
    for line in re.split(r"&&?|\|\|?|[\r\n]+", text)[:64]:
        words = words_of_line(line)
        while words and words[0].lower() in ("@", "call", "start", "if", "else", "not", "exist", "/b", "@echo", "("):
            lowered = words[0].lower()
            words = words[2:] if lowered == "exist" else words[1:]
        if words and words[0].lower().lstrip("@") == "for" and "do" in [word.lower() for word in words]:
            words = words[[word.lower() for word in words].index("do") + 1 :]
        if words:
            run_windows([words[0].lstrip("@"), *words[1:]], programs, scope, excerpt, None, cmd=True)


def run_windows(
    words: list[str], programs: Programs, scope: Scope, excerpt: str, piped: str | None, cmd: bool = False
) -> str | None:
    """One command; gives the path that it passes on. piped: what the pipe hands over."""
    if not words or not words[0]:
        return None
    name = words[0].replace("\\", "/").rpartition("/")[2].lower().removesuffix(".exe").removesuffix(".com")
    rest = words[1:]
    if cmd and name in ("del", "erase", "rd", "rmdir"):
        _delete_by_cmd(name, rest, programs, scope, excerpt)
        return None
    if not cmd and not (name == "sc" and rest[:1] and rest[0].lower() in _SERVICE_VERBS):
        name = _ALIASES.get(name, name)
    flags = {word.lower().partition(":")[0] for word in rest if word.startswith("-") and len(word) > 1}
    if any(flag.startswith("-whatif") for flag in flags):
        return None
    if name in ("get-childitem", "get-item"):
        given = _paths(rest)
        return (given[0] if given else ".") + ("" if name == "get-item" else "\\*")
    if name == "remove-item":
        deep = any("-recurse".startswith(flag) and len(flag) > 1 for flag in flags)
        targets = _paths(rest) or ([piped] if piped else [UNKNOWN])
        if any(path.endswith("obj") for path in targets):  # what .NET builds
            targets = [path for path in targets if path.rpartition("\\")[2].rpartition("/")[2] != "bin"]
        for path in targets[:8]:
            remove_path(path, deep or bool(piped), programs, scope, excerpt, "powershell.remove-item")
    elif name in ("clear-content", "set-content", "out-file"):
        given = _paths(rest)
        empty = name == "clear-content" or (len(given) > 1 and given[1] == "")
        if given and empty:
            programs.write(unix(given[0], scope), scope, excerpt, False, True)
    elif name in ("invoke-expression",) and rest:
        _nested("powershell", " ".join(rest), programs, scope, excerpt)
    elif name in ("powershell", "pwsh"):
        _powershell_arguments(rest, programs, scope, excerpt)
    elif name == "cmd":
        at = next((i for i, word in enumerate(rest) if word.lower() in ("/c", "/k", "/r")), None)
        if at is not None:
            _nested("cmd", " ".join(rest[at + 1 :]), programs, scope, excerpt)
    elif name in ("invoke-restmethod", "invoke-webrequest"):
        joined = " ".join(rest)
        if re.search(r"-m(ethod)?[ :]+['\"]?delete\b", joined, re.IGNORECASE):
            url = re.search(r"https?://[^\s'\"]+", joined)
            programs.run(["curl", "-X", "DELETE", url.group() if url else "https://" + UNKNOWN], scope, None, excerpt)
    elif name == "invoke-sqlcmd":
        query = next((rest[i + 1] for i, w in enumerate(rest[:-1]) if w.lower() in ("-query", "-q")), "")
        programs.code("sql", query, scope, excerpt)
    elif name == "start-process" and rest:
        given = [word for word in rest if not word.startswith("-")]
        run_windows(
            [given[0], *" ".join(given[1:]).split()] if given else [], programs, scope, excerpt, None, cmd=False
        )
    elif name == "stop-process" and piped is not None and piped.startswith("process:"):
        if piped == "process:":
            _listed(["stop-process", "-everything"], programs, scope, excerpt)
    elif name == "get-process":
        return "process:" + " ".join(_paths(rest))
    elif name in ("where-object", "foreach-object", "select-object", "sort-object"):
        return piped if name != "where-object" else (piped or "") + ("" if not piped else UNKNOWN)
    elif name == "write-output":
        return " ".join(rest)
    elif not _listed([name, *rest], programs, scope, excerpt) and not cmd:
        if "-" not in name and name not in WINDOWS:
            programs.run([name, *rest], scope, piped, excerpt)
    elif cmd and name not in WINDOWS and name not in ("echo", "rem", "set", "title", "exit", "cls"):
        programs.run([name, *rest], scope, None, excerpt)
    return None


def _listed(words: list[str], programs: Programs, scope: Scope, excerpt: str) -> bool:
    """Judge by the catalogue's entries for Windows, in small letters and with ``-`` for ``/``."""
    if words[0] not in programs.catalogue.programs or (words[0] not in WINDOWS and "-" not in words[0]):
        return False
    argv = [words[0]]
    for word in words[1:]:
        flag = bool(re.fullmatch(r"/[A-Za-z?]\w{0,14}(?::\S*)?", word))
        argv.append(("-" + word[1:] if flag else word).lower())
    match = programs.catalogue.find(argv)
    if match is not None:
        programs.shell.effects.extend(effects_of(match, argv, scope.cwd, programs.shell.context, excerpt))
    return True


def _nested(language: str, text: str, programs: Programs, scope: Scope, excerpt: str) -> None:
    shell = programs.shell
    shell.depth += 10  # scripts within scripts: six of them reach the shell's own bound
    try:
        if shell.depth < 60:
            programs.code(language, text, scope, excerpt)
    finally:
        shell.depth -= 10


def _powershell_arguments(rest: list[str], programs: Programs, scope: Scope, excerpt: str) -> None:
    rest = [word.replace(UNSET + ":", "$env:") for word in rest]  # its own variables, where a Unix shell had none
    for index, word in enumerate(rest):
        lowered = word.lower()
        if lowered in ("-c", "-command", "/c", "/command"):
            _nested("powershell", " ".join(rest[index + 1 :]), programs, scope, excerpt)
            return
        if len(lowered) > 1 and "-encodedcommand".startswith(lowered):
            text = decoded(rest[index + 1] if index + 1 < len(rest) else "")
            if text is None:
                programs.unseen("decoded from something unreadable", excerpt)
            else:
                _nested("powershell", text, programs, scope, excerpt)
            return
    given = [word for word in rest if not word.startswith("-")]
    if given and not given[0].lower().endswith(".ps1"):
        _nested("powershell", " ".join(given), programs, scope, excerpt)


def decoded(text: str) -> str | None:
    """What ``-EncodedCommand`` stands for: base64 of UTF-16."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-16-le")
    except (binascii.Error, ValueError):
        return None


def _delete_by_cmd(name: str, rest: list[str], programs: Programs, scope: Scope, excerpt: str) -> None:
    flags = {word.lower() for word in rest if word.startswith("/")}
    deep = "/s" in flags
    for path in [word for word in rest if not word.startswith("/")][:8]:
        remove_path(path, deep, programs, scope, excerpt, f"cmd.{'rmdir' if name.startswith('r') else 'del'}")


def remove_path(path: str, deep: bool, programs: Programs, scope: Scope, excerpt: str, entry: str) -> None:
    """Delete a Windows path, or a key of the registry."""
    if _REGISTRY.match(path):
        programs.shell.effects.extend(
            effects_of(match, ["reg"], scope.cwd, programs.shell.context, excerpt)
            if (match := programs.catalogue.find(["reg", "delete", path, "-f"])) is not None
            else []
        )
        return
    spot = locate(unix(path, scope), scope.cwd, programs.shell.context)
    effect = file_effect("delete", spot, path.replace("\\", "/").replace("*", GLOB), deep, excerpt, entry)
    if effect is not None:
        programs.shell.effects.append(replace(effect, target=path.replace(UNKNOWN, "…")[:200]))


def unix(path: str, scope: Scope) -> str:
    """The place of a Unix machine that holds what this path holds."""
    text = _VARIABLES.sub(
        lambda found: _ENVIRONMENT.get((found.group(1) or found.group(2) or "home").lower(), UNKNOWN), path.strip("\"'")
    ).replace("\\", "/")
    if text == "~" or text.startswith("~/"):
        text = scope.context.home + text[1:]
    text = re.sub(r"(?<!^)//+", "/", text)
    text = re.sub(r"^([A-Za-z]:)(?=[^/])", r"\1/", text)
    for pattern, place in _FOLDERS:
        if pattern.match(text):
            text = pattern.sub(lambda found, place=place: place, text, count=1) or "/"  # type: ignore[misc]
            break
    text = re.sub(r"\*\.\*$", "*", text)
    return UNKNOWN if text.startswith("$") else text.replace("*", GLOB)


def _paths(rest: list[str]) -> list[str]:
    """Positional words and the values of ``-Path`` and the like."""
    out: list[str] = []
    at = 0
    while at < len(rest):
        word = rest[at]
        lowered = word.lower()
        if word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            if lowered in ("-path", "-literalpath", "-lp", "-name", "-value", "-filepath") and at + 1 < len(rest):
                out.append(rest[at + 1])
                at += 1
            elif lowered in (
                "-include",
                "-exclude",
                "-filter",
                "-erroraction",
                "-ea",
                "-depth",
                "-encoding",
            ) and at + 1 < len(rest):
                at += 1
        elif word not in (",",):
            out.extend(part for part in word.split(",") if part or word == "")
        at += 1
    return out


def _method(text: str, programs: Programs, scope: Scope, excerpt: str) -> None:
    """``[System.IO.Directory]::Delete('C:\\x', $true)`` and ``$item.Delete()``."""
    found = re.match(
        r"\[(?:System\.)?IO\.(Directory|File)\]::(Delete|WriteAllText)\(\s*['\"]?([^'\",)]+)", text, re.IGNORECASE
    )
    if found is None and "." in text[:600] and (on := _DELETED.search(text[:600])) is not None:
        remove_path(on.group(1), True, programs, scope, excerpt, "powershell.io-delete")
    elif found is not None and not found.group(3).startswith("$"):
        deep = found.group(1).lower() == "directory"
        remove_path(found.group(3), deep, programs, scope, excerpt, "powershell.io-delete")


def _words(node: Node, source: bytes, names: dict[str, str]) -> list[str]:
    out: list[str] = []
    name = node.child_by_field_name("command_name")
    if name is not None:
        out.append(_expanded(_spelled(name, source).strip("'\""), names))
    elements = node.child_by_field_name("command_elements")
    for child in elements.named_children[:256] if elements is not None else ():
        if child.type == "command_argument_sep":
            continue
        text = _spelled(child, source)
        quoted = text[:1] in "'\"" and text[-1:] == text[:1]
        out.append(_expanded(text[1:-1] if quoted else text, names))
    return out


def _expanded(text: str, names: dict[str, str]) -> str:
    if "$" not in text:
        return text
    for name, value in sorted(names.items(), key=lambda item: -len(item[0]))[:64]:
        if name in text.lower():
            text = re.sub(re.escape(name) + r"(?!\w)", lambda _, value=value: value, text, flags=re.IGNORECASE)  # type: ignore[misc]
    return text[:8192]


def _spelled(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


@cache
def _language() -> Language:
    import tree_sitter_powershell

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the grammar still hands over a number
        return Language(tree_sitter_powershell.language())


def _parse(source: bytes) -> Node | None:
    parser = getattr(_parsers, "parser", None)
    if parser is None:
        parser = _parsers.parser = Parser(_language())
    return parse(parser, stand_ins(source))
