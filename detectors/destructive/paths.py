"""From a path in a command to what its loss would mean: the machine, a home, the workspace, a cache, or one file."""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from detectors.destructive.context import NO_HOME, NOWHERE, Context, names_tests
from detectors.destructive.effects import Certainty, Place, Width
from detectors.destructive.memo import remembered
from detectors.destructive.values import GLOB, ONE, STAR, UNSET, display, is_unknown


class Spot(Struct, frozen=True):
    """Where a path lies. path: absolute, normal. place and width: what deleting it with all below it would take."""

    path: str
    place: Place
    width: Width
    certainty: Certainty = "certain"


class _Places(Struct, frozen=True, forbid_unknown_fields=True):
    core: list[str]
    wide: list[str]
    protected: list[str]
    vital: list[str]
    rebuildable_anywhere: list[str]
    system: list[str]
    rebuildable: list[str]
    rebuildable_names: list[str]
    scratch: list[str]
    nothing: list[str]
    environment: dict[str, str]


def _load() -> _Places:
    source = files("detectors.destructive").joinpath("places.yaml").read_bytes()
    return msgspec.yaml.decode(source, type=_Places)


def _compile(globs: list[str]) -> re.Pattern[str]:
    parts = []
    for glob in globs:
        body = re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".+")
        parts.append(body.replace(r"\*", "[^/]*").replace(r"\?", "[^/]").replace("\\~", "~"))
    home = r"(?:/home/[^/]+|/Users/[^/]+|/root)"
    return re.compile("|".join(home + part[1:] if part.startswith("~") else part for part in parts), re.DOTALL)


def _is_name(glob: str) -> bool:
    return glob.startswith("**/") and "/" not in glob[3:]


_PLACES = _load()
ENVIRONMENT = _PLACES.environment
_CORE = _compile(_PLACES.core)
_WIDE = _compile(_PLACES.wide)
# ``**/name`` looks at the last name alone, which is much quicker than at each place of a path.
_PROTECTED = _compile([glob for glob in _PLACES.protected if not _is_name(glob)])
_PROTECTED_NAMES = _compile([glob[3:] for glob in _PLACES.protected if _is_name(glob)])
_VITAL = _compile(_PLACES.vital)
_ANYWHERE = _compile(_PLACES.rebuildable_anywhere)
_DATA = re.compile(r".*\.(?:db|sqlite3?|dump|rdb|sql\.gz|bak)", re.DOTALL)
_SYSTEM = _compile(_PLACES.system)
# What lies in a folder may be rebuilt where the folder as a whole is not: ``/usr/local/lib``.
_WHOLE = {*_PLACES.core, *_PLACES.wide}
_FOLDERS = (glob[:-3] for glob in _PLACES.rebuildable if glob.endswith("/**"))
_REBUILDABLE = _compile([*_PLACES.rebuildable, *(folder for folder in _FOLDERS if folder not in _WHOLE)])
_TOP = [glob.split("/") for glob in (*_PLACES.core, *_PLACES.wide) if "*" not in glob and glob.startswith("/")]
_NAMES = re.compile(_compile(_PLACES.rebuildable_names).pattern + r"|core\.(?:\*|\d+)", re.DOTALL)  # dumps
_SCRATCH = _compile(_PLACES.scratch)
_NOTHING = _compile(_PLACES.nothing)
_DEVICE = re.compile(r"/dev/(?:[shv]d[a-z*]|xvd|nvme|mmcblk|r?disk|mapper/|dm-|md\d|loop|vg|sr\d|mem|kmem|port|nbd)")
_CLASS = re.compile(rf"{ONE}[^\]/?*{ONE}{GLOB}]{{1,24}}\]")
_MOST = re.compile(r"/(?:[?*]+|\?[^/\]]{1,20}\][?*]*\*)/?")  # `/???`, `/[a-z]*`: [ is kept as ?
_DOTS = re.compile(r"\.?\*+|\*\.\*|\.\[\^?!?\.?\]\*")


def join(cwd: str, path: str) -> str:
    """``path`` seen from ``cwd``, normalised; an unknown part stays one."""
    joined = path if path.startswith("/") else f"{cwd}/{path}"
    normal = posixpath.normpath(joined)
    return normal[1:] if normal.startswith("//") else normal


@remembered(entries=2048, characters=256)
def locate(word: str, cwd: str, context: Context) -> Spot:
    """Judge one path word as if everything under it went away.

    A variable that nobody set counts as empty (likely); an unknown value in the middle keeps what stands before it.
    """
    certainty: Certainty = "certain"
    if UNSET in word:
        rest = word.replace(UNSET, "")
        if not rest.strip("/" + GLOB + ONE) and not rest:
            return Spot(display(word), "unknown", "unknown", "possible")
        word, certainty = rest, "likely"
    if ONE in word:
        word = _CLASS.sub(ONE, word)
    text = word.replace("*", STAR).replace(GLOB, "*").replace(ONE, "?")
    head = text.split("/", 1)[0]
    if is_unknown(head):
        last = text.rstrip("/").rpartition("/")[2]
        rebuilt = not is_unknown(last) and "/.." not in text and _NAMES.fullmatch(last) is not None
        return Spot(display(word), "rebuildable" if rebuilt else "unknown", "unknown", "possible")
    path = join(cwd, text)
    if is_unknown(path):
        certainty = "possible"
    spot = _classify(path, context)
    return Spot(_shown(spot.path), spot.place, spot.width, certainty)


def _shown(path: str) -> str:
    """As people write it: below a workspace that was not named, or a home, from there on."""
    text = display(path)
    if text == NOWHERE or text.startswith(NOWHERE + "/"):
        return text[len(NOWHERE) + 1 :] or "."
    return "~" + text[len(NO_HOME) :] if text == NO_HOME or text.startswith(NO_HOME + "/") else text


def _classify(path: str, context: Context) -> Spot:
    contents = path
    while True:  # deleting all that is in a folder is deleting the folder
        folder, name = posixpath.split(contents)
        if name and _DOTS.fullmatch(name) and folder != contents:
            contents = folder
        else:
            break
    if contents == "/" or _MOST.fullmatch(contents):
        return Spot(path, "root", "all")
    if _NOTHING.fullmatch(contents):
        return Spot(path, "nothing", "one")
    if "*" in contents or "?" in contents:
        contents = _meant(contents)
    root = context.root
    if _DEVICE.match(contents):
        return Spot(path, "device", "all")
    if _REBUILDABLE.fullmatch(contents) and not (_REBUILDABLE.fullmatch(root) and _touches(contents, root)):
        return Spot(path, "rebuildable", "many")
    if _CORE.fullmatch(contents):
        return Spot(path, "core", "all")
    if _WIDE.fullmatch(contents):
        return Spot(path, "wide", "all")
    if root == contents or root.startswith(contents + "/"):
        return Spot(path, "workspace root", "all")
    inside = contents.startswith(root + "/") and not _shared(root)
    names = (contents[len(root) :] if inside else contents).strip("/").split("/")
    if ".git" in names[-1:] or names[-2:] in ([".git", "objects"], [".git", "refs"]):
        scratch = not inside and _SCRATCH.fullmatch(contents)
        return Spot(path, "scratch" if scratch else "repository", "all")
    if not inside and _SCRATCH.fullmatch(contents):
        return Spot(path, "scratch", "many")
    machine = not inside and ("*" in names[0] or "?" in names[0])  # a pattern over the whole machine
    system = machine or (not inside and _SYSTEM.fullmatch(contents) is not None)
    candidates = names if inside or machine else names[1:]
    rebuilt = _ANYWHERE if machine else _NAMES
    if (machine or not system) and any(rebuilt.fullmatch(name) for name in candidates):
        return Spot(path, "rebuildable", "many")
    if _VITAL.fullmatch(contents):
        return Spot(path, "protected", "all")
    if (inside or context.root == NOWHERE) and _DATA.fullmatch(names[-1]) and names_tests(names[-1]):
        return Spot(path, "rebuildable", "one")
    if _PROTECTED_NAMES.fullmatch(contents.rpartition("/")[2]) or _PROTECTED.fullmatch(contents):
        return Spot(path, "protected", "many" if "*" in contents else "one")
    if system:
        return Spot(path, "rebuildable" if _rebuilt_by_system(names) else "system", "many")
    if is_unknown(contents) and not inside and is_unknown(names[0]):
        return Spot(path, "unknown", "unknown")
    known = inside or (context.root == NOWHERE and not contents.startswith("/~/"))
    return Spot(path, "workspace" if known else "elsewhere", "many")


def _touches(path: str, root: str) -> bool:
    """Whether one lies in the other: who works where others build keeps there what no build brings back."""
    return path == root or path.startswith(root + "/") or root.startswith(path + "/")


def _meant(pattern: str) -> str:
    """The system's own folder that a pattern such as ``/et?`` stands for, if it is one; else the pattern."""
    parts = pattern.split("/")
    if len(parts) > 4 or not parts[-1].strip("*?"):
        return pattern
    for folder in _TOP:
        if len(folder) == len(parts) and all(map(fnmatchcase, folder, parts)):
            return "/".join(folder)
    return pattern


@lru_cache(maxsize=64)
def _shared(root: str) -> bool:
    """A workspace that is said to be a folder of the system, or all homes, makes nothing there the run's."""
    home = re.fullmatch(r"/home/[^/]+|/Users/[^/]+|/root", root) is not None
    return not home and bool(_CORE.fullmatch(root) or _WIDE.fullmatch(root))


def _rebuilt_by_system(names: list[str]) -> bool:
    """What lies in folders of packages, and what images are stripped of."""
    last = names[-1]
    return (
        last in ("__pycache__", "node_modules", "tests", "test", "examples")
        or last.endswith((".pyc", ".pyo", ".la", ".a", ".o", ".js.map"))
        or not {"node_modules", "site-packages", "dist-packages"}.isdisjoint(names[:-1])
    )
