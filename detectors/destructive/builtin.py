"""Commands that change the shell itself or hand a command on in a way of their own: cd, eval, xargs, find, trap."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from detectors.destructive import editors, outputs
from detectors.destructive.ansible import ansible
from detectors.destructive.awk import awk
from detectors.destructive.containers import docker
from detectors.destructive.copies import copied
from detectors.destructive.effects import Effect
from detectors.destructive.escapes import NAMES, escaped
from detectors.destructive.go_code import go_run
from detectors.destructive.paths import join
from detectors.destructive.recipes import make, package_script
from detectors.destructive.scope import Scope
from detectors.destructive.sed import sed
from detectors.destructive.values import GLOB, ONE, UNKNOWN, UNSET, is_unknown, literal

if TYPE_CHECKING:
    from detectors.destructive.programs import Programs

# What it prints; None where the catalogue has more to say.
Builtin = Callable[["Programs", list[str], Scope, str | None, str], str | None]

_XARGS_VALUES = frozenset({"-n", "-P", "-L", "-s", "-d", "-E", "-a", "-I", "--max-args", "--max-procs", "--delimiter"})
_FIND_TESTS = frozenset({
    "-name", "-iname", "-path", "-ipath", "-wholename", "-regex", "-iregex", "-mtime", "-atime", "-ctime", "-mmin",
    "-amin", "-cmin", "-newer", "-size", "-user", "-group", "-perm", "-inum", "-links", "-empty", "-uid", "-gid",
    "-samefile", "-lname", "-newermt", "-nouser", "-nogroup",
})  # fmt: skip
_OF_MANY = frozenset({
    "-mtime", "-atime", "-ctime", "-mmin", "-amin", "-cmin", "-newer", "-newermt", "-user", "-group", "-uid", "-gid",
    "-perm",
})  # fmt: skip
MAX_LINES = 32


def lines_of(stdin: str | None) -> list[str]:
    """The words that reach xargs or a reading loop; one unknown word when nobody knows."""
    if stdin is None or not stdin.strip():
        return [UNKNOWN]
    return [line for line in stdin.replace("\0", "\n").splitlines() if line.strip()][:MAX_LINES] or [UNKNOWN]


def cd(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    targets = [word for word in argv[1:] if not word.startswith("-") or word == "-"]
    if argv[0] == "popd" or targets[:1] == ["-"]:
        scope.cwd = scope.variables.get("OLDPWD", scope.context.root)
        return ""
    scope.variables["OLDPWD"] = scope.cwd
    target = targets[0] if targets else scope.context.home
    if UNSET in target:
        target = target.replace(UNSET, "") or scope.context.home  # cd "" stays, cd $X with an empty X goes home
    scope.cwd = join(scope.cwd, target) if not target.startswith(UNKNOWN) else "/" + UNKNOWN
    return ""


def evaluate(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    return programs.code("shell", " ".join(argv[1:]), scope, excerpt, stdin)


def source(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    if len(argv) < 2:
        return ""
    text = scope.files.get(join(scope.cwd, literal(argv[1])))
    if argv[1] == "/dev/stdin" and stdin is not None:
        text = stdin
    return programs.code("shell", text, scope, excerpt) if text is not None else ""


def passing(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    """exec, command, builtin: the rest is the command."""
    rest = argv[1:]
    while rest and (rest[0].startswith("-") or rest[0] == "{"):
        if argv[0] == "command" and rest[0] in ("-v", "-V"):
            return rest[1] if len(rest) > 1 else ""
        rest = rest[2:] if argv[0] == "exec" and rest[0] == "-a" else rest[1:]
    return programs.run(rest, scope, stdin, excerpt, itself=argv[0] in ("command", "builtin", "exec")) if rest else ""


def trap(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    if len(argv) > 2 and argv[1] not in ("-", "-l", "-p"):
        programs.code("shell", argv[1], scope.fork(), excerpt)
    return ""


def alias(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    for word in argv[1:]:
        name, equals, text = word.partition("=")
        if equals:
            scope.aliases[name] = literal(text)
    return ""


def read(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    names = [word for word in argv[1:] if word.isidentifier()]
    line = lines_of(stdin)[0].strip() if stdin is not None else UNKNOWN
    separator = scope.variables.get("IFS") or None
    parts = line.split(separator[:1] if separator and separator.strip() else None, max(0, len(names) - 1))
    for at, name in enumerate(names):
        scope.variables[name] = UNKNOWN if is_unknown(line) else parts[at].strip() if at < len(parts) else ""
    return ""


def positional(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    """``set -- a b`` and ``shift``."""
    if argv[0] == "shift" and scope.params:
        scope.params = scope.params[1:]
    elif argv[0] == "set" and "--" in argv:
        scope.params = argv[argv.index("--") + 1 :]
    return ""


def xargs(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    at, replace = 1, ""
    if argv[0] == "xargs" and ("-p" in argv[1:4] or "--interactive" in argv[1:4]):
        return UNKNOWN
    while at < len(argv) and argv[at].startswith("-") and argv[at] != "-":
        flag = argv[at]
        if flag == "-I" or flag.startswith("--replace"):
            replace = argv[at + 1] if flag == "-I" and at + 1 < len(argv) else "{}"
        elif flag.startswith("-I"):
            replace = flag[2:]
        elif flag == "-i":
            replace = "{}"
        at += 1 + (flag in _XARGS_VALUES)
    command = argv[at:]
    if argv[0] == "parallel" and ":::" in command:
        split = command.index(":::")
        stdin, command = "\n".join(command[split + 1 :]), command[:split]
        replace = replace or ("{}" if any("{}" in word for word in command) else "")
    if not command:
        if argv[0] == "parallel" and stdin:
            programs.code("shell", stdin, scope.fork(), excerpt)
        return stdin or ""
    given = lines_of(stdin)
    if argv[0] == "parallel" and replace and len(command) == 1:
        for line in given:
            programs.code("shell", command[0].replace(replace, line), scope.fork(), excerpt)
        return UNKNOWN
    if replace:
        for line in given:
            programs.run([word.replace(replace, line) for word in command], scope.fork(), None, excerpt)
        return UNKNOWN
    whole = any(flag.startswith(("-0", "--null", "-d", "--delimiter")) for flag in argv[1:at])
    words = given if whole else [word for line in given for word in line.split(" ") if word]
    if len(command) == 1 and argv[0] == "parallel" and " " in command[0]:
        for word in words:
            programs.code("shell", command[0] + " " + word, scope.fork(), excerpt)
        return UNKNOWN
    return programs.run(command + words, scope.fork(), None, excerpt)


def find(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    """find: what it selects is a pattern under its roots; -delete, -exec and pipes act on that."""
    at = 1
    while at < len(argv) and argv[at] in ("-L", "-H", "-P"):
        at += 1
    roots = []
    while at < len(argv) and not argv[at].startswith(("-", "(", "!")):
        roots.append(argv[at])
        at += 1
    tests = argv[at:]
    selected = [path for root in roots or ["."] for path in _selections(root, tests)]
    for index, word in enumerate(tests):
        if word == "-delete" and ("-type", "d") not in pairwise(tests):  # of folders it deletes the empty ones
            for path in selected:
                programs.remove(path, scope, excerpt, "find.delete")
        elif word in ("-exec", "-execdir", "-ok", "-okdir"):
            command: list[str] = []
            for part in tests[index + 1 :]:
                if part in (";", "+"):
                    break
                command.append(part)
            if command and word not in ("-ok", "-okdir"):
                for path in selected:
                    filled = [part.replace("{}", path) for part in command]
                    programs.run(filled, scope.fork(), None, excerpt)
    return "\n".join(selected)


def _selections(root: str, tests: list[str]) -> list[str]:
    """Names joined by ``-o`` alone are looked at one by one."""
    names = [(word, name) for word, name in pairwise(tests) if word in ("-name", "-iname")]
    if len(names) < 2 or tests.count("-o") + tests.count("-or") < len(names) - 1 or not {"!", "-not"}.isdisjoint(tests):
        return [_selection(root, tests)]
    return [_selection(root, list(name)) for name in names[:MAX_LINES]]


def _selection(root: str, tests: list[str]) -> str:
    """The paths that pass the tests, as one word: ``/src/*.o``, or with an unknown part for tests that are no name."""
    if root.strip("/") == UNSET:
        root = UNKNOWN if root == UNSET else "/"
    root = root.rstrip("/") or ("/" if root else "")
    base = "" if root == "/" else root
    names = [tests[i + 1] for i, word in enumerate(tests[:-1]) if word in ("-name", "-iname")]
    negated = any(word in ("!", "-not") for word in tests)
    if len(names) == 1 and not negated and names[0].strip("*.?" + GLOB + ONE):
        if base in ("/home", "/Users"):
            base += "/" + GLOB  # below somebody's home, not one of the homes
        return f"{base}/{names[0].replace('*', GLOB)}"
    if not _OF_MANY.isdisjoint(tests) and not names and base in (".", ""):
        return f"{base}/{GLOB}{UNKNOWN}"  # by their age or owner: as many as there are
    if any(word in _FIND_TESTS for word in tests) or _part(tests) or any(name.strip("*" + GLOB) for name in names):
        return f"{base}/{UNKNOWN}"
    if not names and not any(word in ("-mindepth", "-type") for word in tests):
        return root or "/"
    return f"{base}/{GLOB}" if "-maxdepth" in tests else f"{base}/{GLOB}{GLOB}"


def _part(tests: list[str]) -> bool:
    """Links, sockets and the like, or the files of one level only."""
    types = [tests[i + 1] for i, word in enumerate(tests[:-1]) if word == "-type"]
    return bool(types) and (types[0] not in ("f", "d") or (types[0] == "f" and "-maxdepth" in tests))


def nothing(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    return ""


def crontab(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str | None:
    """A table of jobs that is put in place of the one before: each job will run, and the old ones are gone."""
    words = [word for at, word in enumerate(argv) if at and not word.startswith("-") and argv[at - 1] != "-u"]
    if "-l" in argv:
        return UNKNOWN
    if any(word in ("-r", "-e", "-ir", "-ri", "--help", "-T") for word in argv):
        return None
    text = scope.files.get(join(scope.cwd, literal(words[0]))) if words else stdin
    if not words and excerpt.rstrip().endswith("/dev/null") and "<" in excerpt:
        text = ""
    if text is None:
        return None
    for line in literal(text).splitlines()[:MAX_LINES]:
        fields = line.split(None, 1 if line.lstrip().startswith("@") else 5)
        if len(fields) > 1 and not line.lstrip().startswith("#") and "=" not in fields[0]:
            programs.code("shell", fields[-1], scope.fork(), excerpt)
    if UNKNOWN not in text:  # nothing of what ``crontab -l`` printed is in it
        programs.shell.effects.append(
            Effect(action="overwrite", thing="schedule", target="", width="many", reversible="no",
                   undo="unless it is kept elsewhere", excerpt=excerpt[:200], entry="schedule.crontab-new")
        )  # fmt: skip
    return ""


def mapfile(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    """The lines of the input as an array."""
    names = [word for word in argv[1:] if word.isidentifier()]
    scope.variables[names[-1] if names else "MAPFILE"] = " ".join(lines_of(stdin))
    return ""


def printf(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
    if argv[1:2] == ["-v"] and len(argv) > 3:
        scope.variables[argv[2]] = outputs.printf(["printf", *argv[3:]], scope, stdin)
        return ""
    return outputs.printf(argv, scope, stdin)


def copy(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str | None:
    return "" if copied(programs, argv, scope, stdin, excerpt) else None


def container(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> None:
    docker(programs, argv, scope, stdin, excerpt)


def tee(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> None:
    if "/proc/sysrq-trigger" in argv:
        programs.write("/proc/sysrq-trigger", scope, excerpt, append=False)
    if stdin == "" or excerpt.rstrip().endswith("/dev/null"):
        for word in argv[1:]:
            if not word.startswith("-") and "-a" not in argv and "--append" not in argv:
                programs.write(word, scope, excerpt, append=False, emptying=True)


def archive(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> None:
    """tar with ``--remove-files``: what goes into no archive is gone."""
    if "--remove-files" in argv and "/dev/null" in argv:
        for word in argv[2:]:
            if not word.startswith("-") and word != "/dev/null":
                programs.remove(word, scope, excerpt, "tar.remove-files")
    escape(programs, argv, scope, stdin, excerpt)


def escape(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> None:
    escaped(programs, argv, scope, stdin, excerpt)


def editor(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> None:
    editors.edited(programs, argv, scope, stdin, excerpt)
    escape(programs, argv, scope, stdin, excerpt)


def django(programs: Programs, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str | None:
    """manage.py: SQL that it prints to empty the database, and its way into one."""
    if argv[1:2] == ["sqlflush"]:
        return "TRUNCATE every_table;"
    if argv[1:2] == ["dbshell"] and stdin is not None:
        return programs.code("sql", stdin, scope, excerpt)
    return None


BUILTINS: dict[str, Builtin] = {
    "cd": cd, "pushd": cd, "popd": cd, "chdir": cd, "eval": evaluate, "source": source, ".": source, "exec": passing,
    "command": passing, "coproc": passing, "builtin": passing, "noglob": passing, "trap": trap, "alias": alias,
    "read": read, "set": positional, "shift": positional, "xargs": xargs, "parallel": xargs, "find": find,
    "gfind": find,
    ":": nothing, "true": nothing, "false": nothing, "test": nothing, "[": nothing, "wait": nothing, "sleep": nothing,
    "awk": awk, "gawk": awk, "mawk": awk, "nawk": awk, "sed": sed, "gsed": sed, "make": make, "gmake": make,
    "npm": package_script, "yarn": package_script, "pnpm": package_script, "bun": package_script, "crontab": crontab,
    "docker": container, "podman": container, "nerdctl": container, "mapfile": mapfile, "readarray": mapfile,
    "printf": printf, "cp": copy, "mv": copy, "ln": copy, "install": copy, **dict.fromkeys(NAMES, escape),
    "tar": archive, "tee": tee, **dict.fromkeys(editors.NAMES, editor), "ansible": ansible,
    "go": go_run, "manage.py": django, "django-admin": django,
}  # fmt: skip
