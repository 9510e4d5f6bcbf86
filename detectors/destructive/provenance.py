"""What a command line brings into being, and of what it makes a copy first.

Both are effects of the kind that lowers others, so they count only once they are seen to succeed (`detector`): by the
result of the call, or by a later command that runs only then. Keys: ``files:/path`` is the run's own from then on,
``saved:files:/path`` and ``saved:name`` can be brought back, ``committed:files:/path`` from git, but for what git is
told to ignore, and ``tracked:files:/path`` only what git knew before.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from detectors.destructive.effects import Effect
from detectors.destructive.paths import join, locate
from detectors.destructive.scope import Scope
from detectors.destructive.values import GLOB, ONE, UNSET, is_unknown, literal

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs

MAX_NAMES = 8
_ARCHIVE = re.compile(r"(.+?)\.(?:tar(?:\.\w{1,4})?|tgz|tbz2?|txz|zip)")
_SINK = re.compile(r">>?\s*(?!/dev/null|&)\S|\btee\s+[^-\s]|\bcp - |\brcat\b|\bpipe\b")
_CLONING = frozenset({
    "--depth", "-b", "--branch", "-o", "--origin", "-c", "--config", "-j", "--jobs", "--reference", "--filter", "-u",
    "--template", "--shallow-since", "--separate-git-dir",
})  # fmt: skip
_DUMPING = frozenset({
    "-h", "-p", "-U", "-u", "-P", "-F", "-Z", "-j", "-n", "-N", "-E", "--host", "--port", "--user", "--username",
    "--format", "--jobs", "--compress", "--file", "-f", "-r", "--result-file", "--password",
})  # fmt: skip
# Programs that copy a named thing: their first words, and the options that name it ("" for the word after those).
SNAPSHOTS: dict[str, tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]] = {
    "aws": (
        (("rds", "create-db-snapshot"), ("--db-instance-identifier",)),
        (("rds", "create-db-cluster-snapshot"), ("--db-cluster-identifier",)),
        (("ec2", "create-snapshot"), ("--volume-id",)),
        (("ec2", "create-image"), ("--instance-id",)),
        (("dynamodb", "create-backup"), ("--table-name",)),
        (("redshift", "create-cluster-snapshot"), ("--cluster-identifier",)),
        (("elasticache", "create-snapshot"), ("--cache-cluster-id", "--replication-group-id")),
    ),
    "gcloud": ((("compute", "disks", "snapshot"), ("",)), (("sql", "backups", "create"), ("--instance", "-i"))),
    "zfs": ((("snapshot",), ("",)),),
    "btrfs": ((("subvolume", "snapshot"), ("",)),),
    "velero": ((("backup", "create"), ("--include-namespaces",)),),
    "doctl": ((("compute", "volume", "snapshot"), ("",)), (("compute", "droplet-action", "snapshot"), ("",))),
}
_DUMPERS = frozenset({"pg_dump", "mysqldump", "mariadb-dump", "mongodump"})
NAMES = frozenset({
    "curl", "wget", "tar", "bsdtar", "unzip", "git", "cp", "gcp", "rsync", "zip", "7z", "mv", *SNAPSHOTS, *_DUMPERS,
})  # fmt: skip


def note(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> None:
    """Adds what this command line creates and saves."""
    name = argv[0].rpartition("/")[2]
    words = [literal(word) for word in argv[1:]]
    made: list[str] = []
    saved: list[str] = []
    if name in ("curl", "wget"):
        made = _downloaded(name, words)
    elif name in ("tar", "bsdtar"):
        made, saved = _tar(words, scope)
    elif name == "unzip":
        made = _unzipped(words)
    elif name == "git":
        made = _cloned(words)
        _committed(programs, words, scope, excerpt)
    elif name in ("cp", "gcp", "rsync"):
        saved = _copied(name, words, scope)
    elif name in ("zip", "7z"):
        plain = _plain(words[1:] if name == "7z" else words, frozenset())
        saved = _apart(plain[1:], plain[0], scope) if len(plain) > 1 else []
    elif name == "mv":
        _moved(programs, words, scope, excerpt)
    elif name in _DUMPERS:
        _save(programs, _dumped(words, excerpt + " " + scope.sink), excerpt)
    else:
        _save(programs, _snapshot(name, words), excerpt)
    keys = ["files:" + path for path in (_path(word, scope) for word in made) if path]
    keys += ["saved:files:" + path for path in saved]
    for key in keys[:MAX_NAMES]:
        saving = key.startswith("saved:")
        programs.shell.effects.append(
            Effect(
                action="create",
                thing="backup" if saving else "files",
                target=key.partition("files:")[2],
                width="one",
                reversible="yes",
                keys=(key,),
                excerpt=excerpt[:200],
                entry="run.saved" if saving else "run.made",
            )
        )


def _committed(programs: Programs, words: list[str], scope: Scope, excerpt: str) -> None:
    """What git keeps from now on: all files once they are added and committed, or those that it knows."""
    folder = scope.cwd
    while len(words) > 1 and words[0] in ("-C", "-c"):
        folder = join(folder, words[1]) if words[0] == "-C" else folder
        words = words[2:]
    if not words or words[0] not in ("add", "commit", "stash") or is_unknown(folder) or "--dry-run" in words:
        return
    rest, letters = words[1:], "".join(word[1:] for word in words if word[:1] == "-" and word[1:2] != "-")
    below = f"files:{folder}"
    keys: tuple[str, ...] = ()
    if words[0] == "add":
        every = not {"-A", "--all", "."}.isdisjoint(rest) and not {"-n", "-p", "-i"}.intersection(rest)
        keys = ("staged:" + below,) if every else ()
    elif words[0] == "commit":
        _keep(programs, ("committed:" + below, "staged:" + below), excerpt, MOVED)
        keys = ("tracked:" + below,) if "--all" in rest or "a" in letters.partition("m")[0] else ()
    elif not rest or rest[0] in ("push", "save") or rest[0].startswith("-"):
        every = not {"--include-untracked", "--all"}.isdisjoint(rest) or "u" in letters or "a" in letters
        keys = ("committed:" + below if every else "tracked:" + below,) if "--" not in rest else ()
    if keys:
        _keep(programs, keys, excerpt, "run.committed")


def _keep(programs: Programs, keys: tuple[str, ...], excerpt: str, entry: str) -> None:
    programs.shell.effects.append(
        Effect(action="create", thing="backup", target="", width="one", reversible="yes", keys=keys,
               excerpt=excerpt[:200], entry=entry)
    )  # fmt: skip


def _save(programs: Programs, names: list[str], excerpt: str) -> None:
    for name in names[:MAX_NAMES]:
        programs.shell.effects.append(
            Effect(action="create", thing="backup", target=name, width="one", reversible="yes", keys=("saved:" + name,),
                   excerpt=excerpt[:200], entry="run.saved")
        )  # fmt: skip


def _path(word: str, scope: Scope) -> str:
    """Absolute; empty for what could be anything."""
    word = word.replace(UNSET, "")
    if not word or is_unknown(word) or GLOB in word or ONE in word or word in (".", "..", "-", "/"):
        return ""
    return locate(word, scope.cwd, scope.context).path.rstrip("/")


def _plain(words: list[str], valued: frozenset[str]) -> list[str]:
    return [
        word for at, word in enumerate(words) if not word.startswith("-") and not (at and words[at - 1] in valued)
    ]  # fmt: skip


def _after(words: list[str], flags: tuple[str, ...]) -> str:
    for at, word in enumerate(words):
        if word in flags and at + 1 < len(words):
            return words[at + 1]
        name, equals, value = word.partition("=")
        if equals and name in flags:
            return value
    return ""


def _downloaded(name: str, words: list[str]) -> list[str]:
    target = _after(words, ("-o", "--output") if name == "curl" else ("-O", "--output-document"))
    if target:
        return [target]
    letters = "".join(word[1:] for word in words if word[:1] == "-" and word[1:2] != "-")
    if name == "curl" and "o" in letters:
        at = next(at for at, word in enumerate(words) if word[:1] == "-" and word[1:2] != "-" and "o" in word)
        return words[at + 1 : at + 2]
    if name == "wget" and "O" in letters:
        at = next(at for at, word in enumerate(words) if word[:1] == "-" and word[1:2] != "-" and "O" in word)
        return words[at + 1 : at + 2]
    if name == "curl" and "O" not in letters and "--remote-name" not in words:
        return []
    return [posixpath.basename(word.split("?", 1)[0]) for word in words if "://" in word]


def _stem(archive: str) -> str:
    found = _ARCHIVE.fullmatch(posixpath.basename(archive))
    return found.group(1) if found is not None else ""


def _tar(words: list[str], scope: Scope) -> tuple[list[str], list[str]]:
    letters = "".join(
        word.lstrip("-") for at, word in enumerate(words) if (word[:1] == "-" and word[1:2] != "-") or not at
    )
    folder = _after(words, ("-C", "--directory"))
    plain = _plain(words, frozenset({"-C", "--directory", "--exclude"}))
    if words and not words[0].startswith("-"):
        plain = plain[1:]
    if "x" in letters or "--extract" in words or "--get" in words:
        archive = next((word for word in plain if _ARCHIVE.fullmatch(word)), scope.files.get("://", ""))
        stem = _stem(archive)
        return ([posixpath.join(folder, stem) if folder else stem] if stem else []), []
    if "c" not in letters and "--create" not in words:
        return [], []
    archive = _after(words, ("-f", "--file")) or (plain[0] if plain else "")
    if archive in ("", "-", "/dev/null", "/dev/stdout"):
        return [], []
    inner = scope
    if folder:
        inner = scope.fork()
        inner.cwd = join(scope.cwd, folder)
    return [], _apart([word for word in plain if word != archive], archive, inner)


def _apart(sources: list[str], goal: str, scope: Scope) -> list[str]:
    """The sources of a copy that does not lie within them."""
    target = _path(goal, scope)
    if not target or target.startswith("/dev/"):
        return []
    found = [
        path
        for path in (
            _path(word, scope) or (locate(".", scope.cwd, scope.context).path if word == "." else "")
            for word in sources
        )
        if path
    ]
    return [path for path in found if not (target + "/").startswith(path + "/")]


def _unzipped(words: list[str]) -> list[str]:
    """A folder that is named as the archive is: another may have been there before."""
    folder = _after(words, ("-d",))
    stems = [stem for word in _plain(words, frozenset({"-d"})) if (stem := _stem(word))]
    if not folder:
        return stems
    name = posixpath.basename(folder.rstrip("/"))
    return [folder] if name and any(stem.startswith(name) or name.startswith(stem) for stem in stems) else []


def _cloned(words: list[str]) -> list[str]:
    if words[:1] != ["clone"]:
        return []
    plain = _plain(words[1:], _CLONING)
    if len(plain) > 1:
        return [plain[1]]
    return [posixpath.basename(plain[0].rstrip("/").rpartition(":")[2]).removesuffix(".git")] if plain else []


def _copied(name: str, words: list[str], scope: Scope) -> list[str]:
    if "-n" in words or "--dry-run" in words:
        return []
    plain = _plain(words, frozenset({"-e", "--exclude", "--rsh", "-t"}))
    if len(plain) < 2:
        return []
    goal = plain[-1]
    if ":" in goal.split("/", 1)[0]:
        return [path for path in (_path(word, scope) for word in plain[:-1]) if path]  # to another machine
    return _apart(plain[:-1], goal, scope)


def _moved(programs: Programs, words: list[str], scope: Scope, excerpt: str) -> None:
    plain = _plain(words, frozenset({"-t", "-S"}))
    if len(plain) != 2:
        return
    source, goal = _path(plain[0], scope), _path(plain[1], scope)
    if source and goal:
        goals = [goal] if not plain[1].endswith("/") else []
        for path in [*goals, f"{goal}/{posixpath.basename(source)}"]:
            programs.shell.effects.append(
                Effect(action="create", thing="files", target=path, width="one", reversible="yes",
                       keys=("files:" + path, "files:" + source), excerpt=excerpt[:200], entry=MOVED)
            )  # fmt: skip


MOVED = "run.moved"
"""The entry of an effect whose first key is the run's own if the second was."""


def _dumped(words: list[str], text: str) -> list[str]:
    """Databases of a dump that goes into a file or to another place; tables, where only those are dumped."""
    if not {"-s", "--schema-only", "--no-data", "-d0"}.isdisjoint(words):
        return []
    target = _after(words, ("-f", "--file", "-r", "--result-file", "--archive", "--out", "-o"))
    if target == "/dev/null" or not (target or _SINK.search(text)):
        return []
    table = _after(words, ("-t", "--table", "--collection"))
    if table:
        return [table]
    named = _after(words, ("-d", "--dbname", "--db", "--databases", "-B"))
    plain = _plain(words, _DUMPING | {"-d", "--dbname", "--db"})
    return [named] if named else plain[1:] if len(plain) > 1 else plain


def _snapshot(name: str, words: list[str]) -> list[str]:
    for first, flags in SNAPSHOTS.get(name, ()):
        if tuple(words[: len(first)]) == first:
            rest = words[len(first) :]
            plain = [word for word in rest if not word.startswith("-")]
            found = plain[0].partition("@")[0] if flags == ("",) and plain else _after(rest, flags)
            return [found] if found else []
    return []
