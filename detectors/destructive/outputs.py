"""What programs print, as far as it can be told: for pipes into interpreters and ``$(...)``."""

from __future__ import annotations

import base64
import binascii
import bz2
import lzma
import re
import zlib
from collections.abc import Callable
from importlib.resources import files

import msgspec

from detectors.destructive.listings import NAMES, listing, process
from detectors.destructive.paths import join
from detectors.destructive.scope import Scope
from detectors.destructive.translate import translated
from detectors.destructive.values import CODED, GLOB, NET, UNKNOWN, UNSET, clean, is_unknown, literal, passed_on
from detectors.destructive.words import ansi

MAX_LINES = 32
MAX_TEXT = 8_192  # characters that are cut and sorted for real
_FORMAT = re.compile(r"%%|%[-+ 0-9.]*[sbdqxc]")
MAX_UNPACKED = 64 * 1024  # bytes, of whatever a bomb would become
_SAID = re.compile(
    r"(?:print|puts|say|echo|console\.log|process\.stdout\.write)\s*\(?\s*([\"'])((?:(?!\1).)*)\1\s*\)?\s*;?", re.DOTALL
)
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_PACKED_TEXT = tuple(head.decode("latin-1") for head in _PACKED)
_WHOLE = frozenset({"cut", "sort", "uniq", "paste", "cat"})  # that leave no line out
_KEYED = frozenset({"-aes-256-cbc", "-aes-128-cbc", "-k", "-pass", "-K"})
Model = Callable[[list[str], Scope, "str | None"], str]


def same(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """tee, and cat without files."""
    names = [word for word in argv[1:] if not word.startswith("-")]
    if argv[0].endswith("cat") and names:
        parts = ["" if name == "/dev/null" else _read(name, scope) for name in names]
        return "\n".join(parts)
    if argv[0].endswith("tee") and stdin is not None:
        for name in names:
            scope.write(join(scope.cwd, literal(name)), stdin)
    return stdin if stdin is not None else UNKNOWN


def _read(name: str, scope: Scope) -> str:
    return scope.files.get(join(scope.cwd, literal(name)), UNKNOWN)


def echo(argv: list[str], scope: Scope, stdin: str | None) -> str:
    words = argv[1:]
    escapes = False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        escapes = escapes or "e" in words[0]
        words = words[1:]
    text = " ".join(literal(word) for word in words)
    return (ansi(text) if escapes else text) + "\n"


def printf(argv: list[str], scope: Scope, stdin: str | None) -> str:
    words = [literal(word) for word in argv[1:] if word != "--"]
    if not words:
        return ""
    given = words[1:]
    out = []
    for _ in range(MAX_LINES):  # the form is used again until nothing is left to put in
        before = len(given)
        out.append(_FORMAT.sub(lambda found: _formatted(found.group(), given), ansi(words[0])))
        if not given or len(given) == before:
            break
    return "".join(out)


def _formatted(form: str, given: list[str]) -> str:
    if form == "%%":
        return "%"
    text = given.pop(0) if given else ""
    return ansi(text) if form.endswith("b") else text


def lines(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """head, tail, sort, uniq, cut, paste and grep, for real where the text is known and short."""
    name = argv[0].rpartition("/")[2]
    if stdin is None and "/etc/passwd" in argv:
        return GLOB
    if stdin is not None and GLOB in stdin and name in _WHOLE and not is_unknown(stdin):
        return stdin
    if stdin is None or is_unknown(stdin) or GLOB in stdin or len(stdin) > MAX_TEXT:
        return passed_on(stdin)
    rows = stdin.rstrip("\n").split("\n")
    flags = [word for word in argv[1:] if word.startswith("-") and len(word) > 1]
    letters = "".join(flags)
    number = re.search(r"\d+", " ".join(argv[1:]))
    count = int(number.group()[:6]) if number is not None else 10
    if name == "head":
        rows = rows[:count]
    elif name == "tail":
        rows = rows[count - 1 :] if f"+{count}" in argv else rows[-count:]
    elif name == "sort":
        rows = sorted(rows, reverse="r" in letters)
    elif name == "uniq":
        rows = list(dict.fromkeys(rows))
    elif name == "paste" and "s" in letters:
        mark = re.search(r"d(.?)", letters)
        own = mark.group(1) if mark is not None and mark.group(1) else next((w for w in argv[1:] if w[:1] != "-"), " ")
        rows = [(own if mark is not None else "\t").join(rows)]
    elif name == "cut":
        mark = re.search(r"-d\s*(.)", " ".join(argv[1:]))
        field = re.search(r"-f\s*(\d+)(?!\S)", " ".join(argv[1:]))
        if field is None:
            return CODED
        at = int(field.group(1)[:4]) - 1
        rows = [part[at] if at < len(part := row.split(mark.group(1) if mark else "\t")) else row for row in rows]
    elif name != "cat":
        return passed_on(stdin)
    return "\n".join(rows) + "\n"


def listed(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """ls: the names in a folder, or the words themselves where they are patterns."""
    words = [word for word in argv[1:] if not word.startswith("-")]
    long = any("l" in word for word in argv[1:] if word.startswith("-"))
    if long or any(is_unknown(word) for word in words):
        return UNKNOWN
    folders = not any("d" in word for word in argv[1:] if word.startswith("-") and not word.startswith("--"))
    return "\n".join(word if GLOB in word or not folders else GLOB for word in words) or GLOB


def user(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """whoami, and ``id -un``."""
    return scope.get("USER") if argv[0].endswith("whoami") or "-un" in argv else UNKNOWN


def decoded(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """base64 and base32 decoding, for real where the input is known."""
    if not any(flag in ("-d", "-D", "--decode", "-di") for flag in argv[1:]):
        return UNKNOWN
    text = _input(argv, scope, stdin)
    if text is None or is_unknown(text):
        return CODED
    try:
        raw = base64.b32decode(text) if "32" in argv[0] else base64.b64decode(text)
    except (binascii.Error, ValueError):
        return CODED
    return _as_text(raw)


def _as_text(raw: bytes) -> str:
    """Bytes as a text; what is packed keeps a character a byte."""
    return raw.decode("latin-1") if raw.startswith(_PACKED) else clean(raw.decode("utf-8", "replace"))


def hexadecimal(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """``xxd -r -p``."""
    if not any("r" in flag for flag in argv[1:] if flag.startswith("-")):
        return UNKNOWN
    text = _input(argv, scope, stdin)
    if text is None or is_unknown(text):
        return CODED
    try:
        return _as_text(bytes.fromhex(text.strip()))
    except ValueError:
        return CODED


def unpacked(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """Decompression, for real where the input is known; decryption is never readable here."""
    name = argv[0].rpartition("/")[2]
    if name == "openssl" and ("base64" in argv or "-base64" in argv or "-a" in argv) and not _KEYED.intersection(argv):
        return decoded(["base64", *(word for word in argv[1:] if word == "-d")], scope, stdin)
    reading = name in ("zcat", "gunzip", "bzcat", "xzcat", "bunzip2", "unxz", "zstdcat") or any(
        flag.startswith("-") and "d" in flag for flag in argv[1:]
    )
    if not reading:
        return UNKNOWN
    text = _input(argv, scope, stdin)
    if text is None or is_unknown(text) or not text.startswith(_PACKED_TEXT):
        return CODED
    raw = text.encode("latin-1", "replace")
    unpacker = zlib.decompressobj(31) if raw[:1] == b"\x1f" else bz2.BZ2Decompressor() if raw[:1] == b"B" else None
    try:
        plain = (
            unpacker.decompress(raw, MAX_UNPACKED)
            if unpacker
            else lzma.LZMADecompressor().decompress(raw, MAX_UNPACKED)
        )
    except (zlib.error, OSError, ValueError, EOFError, lzma.LZMAError):
        return CODED
    return clean(plain.decode("utf-8", "replace"))


def _input(argv: list[str], scope: Scope, stdin: str | None) -> str | None:
    names = [word for word in argv[1:] if not word.startswith("-")]
    if names:
        return scope.files.get(join(scope.cwd, literal(names[-1])))
    return stdin


def reversed_lines(argv: list[str], scope: Scope, stdin: str | None) -> str:
    if stdin is None or is_unknown(stdin):
        return passed_on(stdin)
    return "\n".join(line[::-1] for line in stdin.split("\n"))


def _trusted() -> tuple[str, ...]:
    source = files("detectors.destructive").joinpath("installers.yaml").read_bytes()
    return tuple("https://" + place for place in msgspec.yaml.decode(source, type=dict[str, list[str]])["trusted"])


_TRUSTED = _trusted()
_WITHIN = tuple(place.rstrip("/") + after for place in _TRUSTED for after in "/?")


def _origin(argv: list[str]) -> str:
    """What a download is worth: all of its addresses are those of known installers, or nobody has seen it."""
    given = [literal(word) for word in argv[1:] if "://" in word and not word.startswith("-")]
    known = [url for url in given if url in _TRUSTED or url.startswith(_WITHIN)]
    return UNKNOWN if given and len(known) == len(given) else NET


def downloaded(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """curl and wget: their output, or the file they save, is from the network."""
    name = argv[0].rsplit("/", 1)[-1]
    origin = _origin(argv)
    scope.files["://"] = next((word for word in argv if "://" in word), "")
    for at, word in enumerate(argv[1:-1], 1):
        if (name == "curl" and word in ("-o", "--output")) or (name == "wget" and word in ("-O", "--output-document")):
            target = literal(argv[at + 1])
            if target in ("-", "/dev/stdout"):
                return origin
            scope.write(join(scope.cwd, target), origin)
            return ""
    quiet = name == "wget" and not any(word.endswith("O-") for word in argv[1:])
    saved = name == "curl" and any(re.fullmatch(r"-[a-zA-Z]*O[a-zA-Z]*|--remote-name", word) for word in argv[1:])
    if quiet or saved:
        last = literal(argv[-1]).rstrip("/").rsplit("/", 1)[-1].split("?", 1)[0]
        if last:
            scope.write(join(scope.cwd, last), origin)
        return ""
    return origin


def temporary(argv: list[str], scope: Scope, stdin: str | None) -> str:
    return "/tmp/tmp." + UNKNOWN + ("/" if "-d" in argv else "")


def said(argv: list[str], scope: Scope, stdin: str | None) -> str:
    """What a program given inline prints, where that is one text that is written out."""
    code = next((argv[at + 1] for at, word in enumerate(argv[:-1]) if word in ("-c", "-e", "-r", "-E")), "")
    found = _SAID.fullmatch(literal(code).strip()) if len(code) < MAX_TEXT else None
    return ansi(found.group(2)) + "\n" if found is not None else UNKNOWN


def folder(argv: list[str], scope: Scope, stdin: str | None) -> str:
    return scope.cwd


def repository(argv: list[str], scope: Scope, stdin: str | None) -> str:
    return scope.context.root if "--show-toplevel" in argv else listing(argv, scope, stdin)


def base(argv: list[str], scope: Scope, stdin: str | None) -> str:
    word = argv[-1].rstrip("/")
    if is_unknown(word) or len(argv) < 2:
        return UNKNOWN if UNSET not in word else word
    head, _, tail = word.rpartition("/")
    return tail if argv[0].endswith("basename") else head or "."


def resolved(argv: list[str], scope: Scope, stdin: str | None) -> str:
    return join(scope.cwd, argv[-1]) if len(argv) > 1 and not is_unknown(argv[-1]) else UNKNOWN


def silent(argv: list[str], scope: Scope, stdin: str | None) -> str:
    return ""


MODELS: dict[str, Model] = {
    **dict.fromkeys(NAMES, listing), "pgrep": process, "pidof": process,
    **dict.fromkeys(("python", "python3", "perl", "ruby", "node", "php"), said),
    "cat": same, "tac": same, "tee": same, "bat": same, "sponge": same, "echo": echo, "printf": printf,
    "base64": decoded, "base32": decoded, "gbase64": decoded, "xxd": hexadecimal, "gunzip": unpacked, "zcat": unpacked,
    "bzcat": unpacked, "xzcat": unpacked, "bunzip2": unpacked, "unxz": unpacked, "gzip": unpacked, "bzip2": unpacked,
    "xz": unpacked, "zstd": unpacked, "openssl": unpacked, "gpg": unpacked,
    "head": lines, "tail": lines, "sort": lines, "uniq": lines, "cut": lines, "paste": lines, "ls": listed,
    "whoami": user, "id": user,
    "rev": reversed_lines, "tr": translated, "curl": downloaded, "wget": downloaded, "fetch": downloaded,
    "http": downloaded, "nc": downloaded, "mktemp": temporary, "pwd": folder, "git": repository,
    "basename": base, "dirname": base,
    "realpath": resolved, "readlink": resolved, "rm": silent, "mkdir": silent, "touch": silent, "cp": silent,
    "mv": silent,
}  # fmt: skip
