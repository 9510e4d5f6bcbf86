"""What a command line does: builtins, wrappers that run another, interpreters that run code, and the catalogue."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

import re2

from detectors.destructive import builtin, outputs, provenance
from detectors.destructive.arguments import split
from detectors.destructive.catalogue import Catalogue
from detectors.destructive.catalogue_schema import Interpreter, Wrapper
from detectors.destructive.commands import effects_of, file_effect
from detectors.destructive.context import NOWHERE
from detectors.destructive.effects import HARMLESS, Effect
from detectors.destructive.inert import READERS
from detectors.destructive.languages import analyse_language, cost
from detectors.destructive.paths import Spot, join, locate
from detectors.destructive.python_words import MAX_WHOLE, telling_lines
from detectors.destructive.scope import Scope
from detectors.destructive.spelling import REMOVERS, spelled
from detectors.destructive.sql import analyse_sql
from detectors.destructive.sql_words import generated_sql
from detectors.destructive.steps import KEPT
from detectors.destructive.throwaway import lowered
from detectors.destructive.values import CODED, GLOB, NET, ONE, UNKNOWN, UNSET, is_unknown, literal, passed_on
from detectors.destructive.windows_names import is_windows, windows_command

if TYPE_CHECKING:
    from detectors.destructive.shell import Shell

_EXCERPT = 200
_WORST = ("rm", "dd", "shred", "sh", "bash", "mkfs", "mv", "find", "chmod", "kill")
_RUN = frozenset({
    "BASH_ENV", "ENV", "PROMPT_COMMAND", "GIT_SSH_COMMAND", "GIT_PAGER", "GIT_EDITOR", "GIT_EXTERNAL_DIFF", "PAGER",
    "MANPAGER", "EDITOR", "VISUAL", "LESSOPEN", "GIT_SEQUENCE_EDITOR",
})  # fmt: skip
# Of each line of a file that perl changes in place.
_LEAVES_NOTHING = re.compile(r"\s*(?:\$_\s*=\s*(?:''|\"\"|undef|q\(\))\s*|undef\s+\$_|s/\.\*//s?|1|0|next)?\s*;?\s*")
_LUA = re.compile(r"(?<![./])\.\.(?![./])|\blocal\s")
_FOLDERS = frozenset({"-C", "--chdir", "-D"})
_STARTED = re.compile(rf"(?:\A|[;&|\n(])\s*{CODED}")
_SHELLS = frozenset({"ssh", "autossh", "sudo", "doas", "su", "chroot", "nsenter", "unshare"})  # that read their input
_SQL_VERBS = frozenset({"drop", "delete", "truncate", "update", "alter", "grant", "revoke"})
_SQL_OBJECTS = frozenset({"table", "database", "schema", "from", "index", "user"})

_FOREIGN = re2.Options()  # for a pattern that a command brings: whatever it is, matching takes linear time
_FOREIGN.log_errors, _FOREIGN.dot_nl = False, True


class Programs:
    """Runs command lines for a `Shell`, abstractly: adds effects to it and gives what would be printed."""

    def __init__(self, shell: Shell, catalogue: Catalogue) -> None:
        self.shell = shell
        self.catalogue = catalogue

    def run(self, argv: list[str], scope: Scope, stdin: str | None, excerpt: str, itself: bool = False) -> str:
        """One command line. ``stdin`` is None when nothing is piped in; itself: no alias or function of that name."""
        name = argv[0]
        if UNSET in name:  # ``$SUDO rm``, ``r${nothing}m``
            name = name.replace(UNSET, "")
            argv = [name, *argv[1:]] if name else argv[1:]
            if not name:
                return self.run(argv, scope, stdin, excerpt) if argv else ""
        if not name.isalnum():
            name = posixpath.basename(literal(name).rstrip("/")) or name
            if GLOB in argv[0] or ONE in argv[0]:
                name = self._matching(posixpath.basename(argv[0]))
            if argv[0].startswith(("/etc/init.d/", "/etc/rc.d/")):
                return self.run(["service", name, *argv[1:]], scope, stdin, excerpt)
            if NET in argv[0]:
                self.unseen("what a download prints, run as a command", excerpt)
                return UNKNOWN
        if name in scope.aliases and not itself:
            text = scope.aliases[name] + " " + _quote(argv[1:])
            inner = scope.fork()
            inner.aliases.pop(name)
            return self.shell.script(text, inner, stdin)
        if name in scope.functions and not itself:
            body, words = scope.functions[name]
            return self.shell.call(body, words, scope, argv[1:], stdin)
        if is_windows(name, argv):
            text = excerpt if excerpt.startswith(argv[0]) else " ".join(argv)
            run = windows_command(argv, text, self, scope, excerpt[:_EXCERPT], stdin)
            return UNKNOWN if run is None else run
        if name in REMOVERS:
            argv = spelled(argv, stdin is not None)
        if name in provenance.NAMES:
            provenance.note(self, argv, scope, stdin, excerpt)
        special = builtin.BUILTINS.get(name)
        if special is not None:
            printed = special(self, argv, scope, stdin, excerpt)
            if printed is not None:
                return printed
        if argv[0] in READERS:
            model = outputs.MODELS.get(name)
            return model(argv, scope, stdin) if model is not None else passed_on(stdin)
        for wrapper in self.catalogue.wrappers.get(name, ()):
            out = self._wrapped(wrapper, [name, *argv[1:]], scope, stdin, excerpt)
            if out is not None:
                return out
        interpreter = self.catalogue.interpreters.get(name)
        generated = ""
        if interpreter is not None:
            before = len(self.shell.effects)
            generated = self._interpret(interpreter, argv, scope, stdin, excerpt)
            if len(self.shell.effects) > before:
                lowered(self.shell.effects, argv, scope, before)
        if name.lower() in _SQL_VERBS and len(argv) > 1 and (name.isupper() or argv[1].lower() in _SQL_OBJECTS):
            self.shell.effects.extend(analyse_sql(excerpt[:2000]))  # a tool that takes SQL where others take commands
            return ""
        own = "/" in argv[0] and not argv[0].startswith("/")  # a script of the project: its words are its own affair
        match = self.catalogue.find([name, *argv[1:]], listed=own or interpreter is not None)
        if match is not None:
            found = effects_of(match, argv, scope.cwd, self.shell.context, excerpt[:_EXCERPT])
            lowered(found, argv, scope)
            self.shell.effects.extend(found)
        elif interpreter is None:
            script = scope.files.get(join(scope.cwd, literal(argv[0]))) if "/" in argv[0] else None
            if script is not None:
                inner = scope.fork()
                inner.params = argv[1:]
                self.code("shell", script, inner, excerpt)
            elif name not in outputs.MODELS and name not in self.catalogue.programs:
                return passed_on(stdin)
        model = outputs.MODELS.get(name)
        return generated or (model(argv, scope, stdin) if model is not None else passed_on(stdin))

    def _matching(self, pattern: str) -> str:
        """The program that ``/b?n/r?`` may be: the worst first."""
        shape = "".join(".*" if mark == GLOB else mark if mark in "[]" else re.escape(mark) for mark in pattern[:40])
        shape = re.sub(rf"{ONE}([\w-]+)\]", r"[\1]", shape.replace("\\" + ONE, ONE)).replace(ONE, ".")
        try:
            fits = re2.compile(shape.encode("utf-8", "replace").decode(), _FOREIGN).fullmatch
        except re2.error:
            return pattern
        return next((name for name in (*_WORST, *self.catalogue.programs) if fits(name)), pattern)

    def _wrapped(self, wrapper: Wrapper, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str | None:
        """Run what a wrapper runs; None when this wrapper does not fit these arguments."""
        at, end = 1, len(argv)
        values = wrapper.values
        need_sub = list(wrapper.sub)
        skip = wrapper.skip
        if wrapper.after:
            if need_sub and not any(word in argv[1:6] for word in need_sub):
                return None
            if wrapper.after not in argv:
                return None
            at = argv.index(wrapper.after) + 1
            need_sub, skip = [], 0
        while at < end:
            word = argv[at]
            if word.startswith("-") and len(word) > 1 and not (wrapper.after and not need_sub and not skip):
                flag, equals, value = word.partition("=")
                if word[1] != "-" and " " in word and word[:2] in wrapper.text:  # ``-S"rm -rf /"``
                    return self.code("shell", word[2:], scope.fork(), excerpt)
                if flag in wrapper.text or (word[1] != "-" and "-" + word[-1] in wrapper.text):
                    text = value if equals else argv[at + 1] if at + 1 < end else ""
                    return self.code("shell", text, scope.fork(), excerpt)
                if flag in _FOLDERS and argv[0] in ("env", "sudo", "doas") and (equals or at + 1 < end):
                    scope = scope.fork()
                    scope.cwd = join(scope.cwd, literal(value if equals else argv[at + 1]))
                joined = word[1] != "-" and len(word) > 2 and "-" + word[-1] in values  # ``-dmS name``
                at += 1 + ((word in values or joined) and not equals)
                continue
            if need_sub:
                if word not in need_sub:
                    return None
                need_sub = []
            elif "=" in word and word.split("=", 1)[0].isidentifier() and not wrapper.joined:
                scope = scope.fork()
                key, _, value = word.partition("=")
                scope.variables[key] = value
            elif word == "-":
                pass
            elif skip:
                skip -= 1
            else:
                break
            at += 1
        rest = argv[at:]
        if not rest and not need_sub and not skip and stdin is not None and argv[0] in _SHELLS:
            inner = scope.fork()
            inner.cwd = NOWHERE if wrapper.elsewhere else scope.cwd
            return self.code("shell", stdin, inner, excerpt)
        if not rest or need_sub or (wrapper.of and posixpath.basename(rest[0]) not in wrapper.of):
            return None
        inner = scope
        if wrapper.elsewhere:
            inner = scope.fork()
            inner.cwd = NOWHERE
        if wrapper.joined:
            return self.code("shell", " ".join(literal(word) for word in rest), inner.fork(), excerpt, stdin)
        return self.run(rest, inner, stdin, excerpt)

    def _interpret(self, known: Interpreter, argv: list[str], scope: Scope, stdin: str | None, excerpt: str) -> str:
        """Run the code that it is given; gives the SQL that a query of it writes, if it does."""
        arguments = split(argv[1:], frozenset(known.values) | frozenset(known.code), known.long_dash)
        if known.language == "shell" and argv[1:2] in (["-n"], ["-nc"]):
            return ""  # it is only read
        for flag in known.code:
            if flag in arguments.flags:
                inner = scope.fork()
                text, rest = arguments.flags[flag], arguments.words
                if text == "--" and rest:
                    text, rest = rest[0], rest[1:]
                if argv[0].rpartition("/")[2].startswith("lua"):  # which is read as JavaScript
                    text = _LUA.sub(lambda found: "+" if found.group() == ".." else "", text)
                if known.language == "shell":
                    inner.params = rest[1:]
                    inner.variables["0"] = rest[0] if rest else UNKNOWN
                else:
                    inner.params = rest
                self.code(known.language, text, inner, excerpt)
                if known.language == "perl" and "-i" in arguments.flags and _LEAVES_NOTHING.fullmatch(text) is not None:
                    for word in rest[:16]:
                        self.write(word, scope, excerpt, append=False, emptying=True)
                return generated_sql(text) if known.language == "sql" else ""
        if arguments.has(known.instead):
            return ""
        words = arguments.words
        if known.database and len(words) >= known.database:
            database = words[known.database - 1]
            if database == ":memory:" or locate(database, scope.cwd, self.shell.context).place in HARMLESS:
                return ""
        if known.word and len(words) >= known.word:
            self.code(known.language, words[known.word - 1], scope.fork(), excerpt)
            return generated_sql(words[known.word - 1]) if known.language == "sql" else ""
        if known.file and words and words[0] != "-" and "-s" not in arguments.flags:
            script = scope.files.get(join(scope.cwd, literal(words[0])))
            if script is not None:
                inner = scope.fork()
                inner.params = words[1:]
                self.code(known.language, script, inner, excerpt)
            return ""
        file = arguments.flags.get("-f", "-") if known.language == "sql" and "-f" in known.values else "-"
        if file not in ("-", "/dev/stdin"):
            self.code("sql", scope.files.get(join(scope.cwd, literal(file)), ""), scope.fork(), excerpt)
            return ""
        if known.stdin and stdin is not None:
            inner = scope.fork()
            inner.params = words
            self.code(known.language, stdin, inner, excerpt)
            return generated_sql(stdin) if known.language == "sql" else ""
        return ""

    def code(self, language: str, text: str, scope: Scope, excerpt: str, stdin: str | None = None) -> str:
        """Text that is executed. What nobody can have read is said to be so."""
        if NET in text and not text.strip(NET + "\n "):
            self.unseen("straight from the network", excerpt)
            return UNKNOWN
        if CODED in text and language == "sql":
            return UNKNOWN  # a dump that is put back
        if CODED in text and (language != "shell" or _STARTED.search(text)):
            self.unseen("decoded from something unreadable", excerpt)
            return UNKNOWN
        text = literal(text)
        if text.startswith(KEPT):
            language = "shell"
        if language == "python" and len(text) > MAX_WHOLE:  # padding must not soften a verdict
            self.unseen(f"Python longer than {MAX_WHOLE // 1024} KiB", excerpt)
            text = telling_lines(text)
        self.shell.spend(cost(language, text))
        if language == "sql" and "\\gexec" in text:
            self.shell.effects.extend(analyse_sql(generated_sql(text), excerpt[:_EXCERPT]))
        if language == "shell":
            out = self.shell.script(text, scope, stdin)
            if NET in text:
                self.unseen("partly from the network", excerpt)
            return out
        for command in analyse_language(language, text, self, scope, excerpt[:_EXCERPT]):
            self.shell.script(command, scope.fork())
        return UNKNOWN

    def setting(self, name: str, value: str, scope: Scope, excerpt: str) -> None:
        """A variable whose value is run: now and then, or by the next program that asks for it."""
        if name not in _RUN or not value:
            return
        script = scope.files.get(join(scope.cwd, literal(value)), "") if name in ("BASH_ENV", "ENV") else value
        if " " in script:
            self.code("shell", script, scope.fork(), excerpt)

    def unseen(self, what: str, excerpt: str) -> None:
        self.shell.effects.append(
            Effect(action="execute_unknown", thing="code", target=what, width="unknown", reversible="unknown",
                   excerpt=excerpt[:_EXCERPT], entry="shell.unseen-code")
        )  # fmt: skip

    def remove(self, path: str, scope: Scope, excerpt: str, entry: str, deep: bool = True) -> None:
        """Deleting a path by other means than a program of the catalogue."""
        spot = locate(path, scope.cwd, self.shell.context)
        effect = file_effect("delete", spot, path, deep, excerpt[:_EXCERPT], entry)
        if effect is not None:
            self.shell.effects.append(effect)

    def write(self, path: str, scope: Scope, excerpt: str, append: bool, emptying: bool = False) -> None:
        """A redirection into ``path``: a new file of the run's own, unless it hits something that was there."""
        if not path or UNSET in path:
            return
        spot = locate(path, scope.cwd, self.shell.context)
        if spot.path == "/proc/sysrq-trigger":
            self.shell.effects.append(
                Effect(action="stop", thing="host", target="", width="all", reversible="no", excerpt=excerpt[:_EXCERPT],
                       entry="shell.sysrq")
            )  # fmt: skip
            return
        if spot.place == "nothing":
            return
        if append and spot.place == "workspace":  # it was emptied to be written anew
            effects = self.shell.effects
            effects[:] = [one for one in effects if one.entry != "shell.empty-file" or one.target != spot.path]
        if spot.place == "device" and not append:
            effect = file_effect("overwrite", spot, path, False, excerpt, "shell.write-device")
        elif (spot.place == "protected" and not append and (emptying or _overwritten(spot.path))) or (
            emptying
            and not append
            and (spot.place in ("system", "elsewhere", "core", "wide") or GLOB in path or _content(spot))
        ):
            effect = file_effect("overwrite", spot, path, False, excerpt, "shell.empty-file")
        elif append or emptying or is_unknown(spot.path):
            return
        else:
            effect = created(spot.path, excerpt)
        if effect is not None:
            self.shell.effects.append(effect)


def created(path: str, excerpt: str) -> Effect:
    """A file or folder that the run makes itself."""
    return Effect(action="create", thing="files", target=path, width="one", reversible="yes",
                  keys=("files:" + path.rstrip("/"),), excerpt=excerpt[:_EXCERPT], entry="shell.create")  # fmt: skip


_CONTENT = re.compile(
    r"(?!.*(?:out|result|report|log|tmp|temp|test|new|empty|init|combined|merged|all|list|dump)).*\.(?:py|[jt]sx?|go|rs|c|h|cc|cpp|hpp"
    r"|java|kt|rb|pl|pm|lua|dart|exs?|hs|clj|sol|zig|jl|erl|php|cs|swift|scala|sql|csv|tsv|parquet|key|ya?ml|toml|ini|cfg|conf|html|s?css|tf|xml|ipynb|md|json|proto|vue|docx|xlsx)",
    re.IGNORECASE,
)


def _content(spot: Spot) -> bool:
    """Whether a file of the workspace that is emptied held what somebody wrote, as far as its name tells."""
    return spot.place == "workspace" and _CONTENT.fullmatch(posixpath.basename(spot.path)) is not None


def _overwritten(path: str) -> bool:
    """Whether a file that is written at a protected place was there: a folder of fragments gets new ones."""
    return path.startswith(("/etc/", "/boot/")) and ".d/" not in path


def _quote(words: list[str]) -> str:
    return " ".join("'" + word.replace("'", "'\\''") + "'" if not word.isalnum() else word for word in words)
