"""The catalogue of what programs do: read once from ``catalogue/*.yaml``, compiled for look-up by program name."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from itertools import pairwise

import msgspec
from msgspec import Struct

from detectors.destructive.arguments import Arguments, split
from detectors.destructive.catalogue_schema import Entry, File, Interpreter, Program, Wrapper
from detectors.destructive.values import CODED, NET, UNKNOWN, UNSET


class CatalogueError(ValueError):
    """A file of the catalogue is wrong. Names the file, the place and the value."""


# With any of these nothing happens, whatever the program: where it is not known, the program ends with an error.
_DEFUSED = frozenset({"--help", "--version", "--dry-run", "--dryrun", "--what-if", "--whatif", "-WhatIf", "--simulate"})
_SWITCHES = frozenset({"--yes", "--force", "--verbose", "--quiet", "--debug", "--json", "--all", "--assume-yes", "--"})
_DEEPEST = 5  # words that ``**`` stands for, at most


Part = str | frozenset[str] | re.Pattern[str]  # one word, one of several in small letters, or a glob


class When(Struct, frozen=True):
    """Words to be found at the start, or with ``**`` up to `_DEEPEST` words later."""

    parts: tuple[Part, ...]
    deep: bool

    def end(self, words: list[str]) -> int:
        """Where the rest begins; 0 if they are not there."""
        size = len(self.parts)
        for start in range(min(_DEEPEST, len(words) - size) + 1 if self.deep else len(words) >= size):
            if all(_is(part, word) for part, word in zip(self.parts, words[start : start + size], strict=False)):
                return start + size
        return 0


def _is(part: Part, word: str) -> bool:
    if isinstance(part, str):
        return word == part
    return word.lower() in part if isinstance(part, frozenset) else part.fullmatch(word) is not None


class Pattern(Struct, frozen=True):
    """An entry made ready: globs as regular expressions, by words. heads: the first words of ``when`` in small
    letters, if all are known."""

    entry: Entry
    when: tuple[When, ...]
    args: re.Pattern[str] | None
    text: re.Pattern[str] | None
    heads: frozenset[str] | None = None


class Known(Struct, frozen=True):
    """A program made ready for look-up. telling, globs: no pattern fits a line none of whose words is among these, in
    small letters, or fits one of these; telling is None where some pattern asks for no words."""

    values: frozenset[str]
    defused: frozenset[str]
    long_dash: bool
    patterns: tuple[Pattern, ...]
    telling: frozenset[str] | None = None
    globs: re.Pattern[str] | None = None

    def may_fit(self, words: list[str]) -> bool:
        """Quick, and errs on the side of true."""
        if self.telling is None:
            return True
        return any(
            word.lower() in self.telling or (self.globs is not None and self.globs.fullmatch(word)) for word in words
        )


class Match(Struct, frozen=True):
    """entry: what fits. words: those after ``when``."""

    entry: Entry
    words: list[str]
    arguments: Arguments


class Catalogue(Struct, frozen=True):
    """programs, wrappers and interpreters by program name."""

    programs: dict[str, Known]
    wrappers: dict[str, tuple[Wrapper, ...]]
    interpreters: dict[str, Interpreter]
    entries: tuple[Entry, ...]
    plain: frozenset[str] = frozenset()

    def find(self, argv: list[str], listed: bool = False) -> Match | None:
        """The entry for a command line, ``argv[0]`` being the program's bare name, or None if it does no known harm.

        listed: a program that is not in the catalogue is not judged by its words.
        """
        known = self.programs.get(argv[0])
        if known is None:
            if listed or len(argv) < 2 or argv[0] in self.plain or not self.programs:
                return None
            known = self.programs.get("*")
            if known is None:
                return None
            argv = _without_values(argv)
        arguments = split(argv[1:], known.values, known.long_dash)
        words = arguments.words
        if not known.may_fit(words):
            return None
        if not known.defused.isdisjoint(_shown(arguments, argv)) or "help" in (words[:1] + words[-1:]):
            return None
        for pattern in known.patterns:
            rest = _fit(pattern, arguments, argv)
            if rest is not None:
                return Match(pattern.entry, rest, arguments) if pattern.entry.does else None
        return None


def _shown(arguments: Arguments, argv: list[str]) -> dict[str, str]:
    """The flags, without a ``--version`` that stands between others: there it says which."""
    if "--version" not in arguments.flags or "--version" in (argv[1], argv[-1]):
        return arguments.flags
    return {flag: value for flag, value in arguments.flags.items() if flag != "--version"}


def _without_values(argv: list[str]) -> list[str]:
    """For a program that nobody described: what follows a long flag may be its value, and no verb."""
    out = argv[:1]
    for before, word in pairwise(argv):
        if not before.startswith("--") or "=" in before or before in _SWITCHES or word.startswith("-"):
            out.append(word)
    return out


def _fit(pattern: Pattern, arguments: Arguments, argv: list[str]) -> list[str] | None:
    entry, flags, words = pattern.entry, arguments.flags, arguments.words
    rest: list[str] = words
    if pattern.when:
        if not words or (pattern.heads is not None and words[0].lower() not in pattern.heads):
            return None
        end = next((end for end in (when.end(words) for when in pattern.when) if end), 0)
        if not end:
            return None
        rest = words[end:]
    if entry.any and flags.keys().isdisjoint(entry.any):
        return None
    if entry.all and not all(flag in flags for flag in entry.all):
        return None
    if entry.unless and any(flag in flags for flag in entry.unless):
        return None
    if len(rest) < entry.needs:
        return None
    if pattern.args is not None and not any(pattern.args.fullmatch(word) for word in rest):
        return None
    if pattern.text is not None and not pattern.text.search(" ".join(argv[1:])[:4096]):
        return None
    return rest


def _glob(text: str) -> str:
    escaped = re.escape(text).replace(r"\*", ".*").replace(r"\?", ".").replace(r"\|", "|")
    return escaped.replace("…", f"[{UNKNOWN}{UNSET}{NET}{CODED}]")


def _part(text: str, any_case: bool) -> Part:
    if "*" in text or "?" in text or "…" in text:
        return re.compile(_glob(text), re.DOTALL | re.IGNORECASE)
    return frozenset(text.lower().split("|")) if any_case or "|" in text else text


def _compile(entry: Entry, any_case: bool) -> Pattern:
    when = tuple(
        When(tuple(_part(part, any_case) for part in words.removeprefix("** ").split()), words.startswith("** "))
        for words in entry.when
    )
    args = re.compile("|".join(_glob(glob) for glob in entry.args), re.DOTALL | re.IGNORECASE) if entry.args else None
    text = re.compile(entry.text, re.IGNORECASE) if entry.text else None
    return Pattern(entry, when, args, text, _heads(when))


def _heads(when: tuple[When, ...]) -> frozenset[str] | None:
    """The first words in small letters; None where one of them may be anything."""
    heads: set[str] = set()
    for words in when:
        first = words.parts[0]
        if words.deep or isinstance(first, re.Pattern):
            return None
        heads.update({first.lower()} if isinstance(first, str) else first)
    return frozenset(heads)


def _known(group: list[Program]) -> Known:
    patterns = tuple(_compile(entry, program.any_case) for program in group for entry in program.entries)
    telling, globs = _telling(patterns)
    return Known(
        values=frozenset(flag for program in group for flag in program.values),
        defused=_DEFUSED.difference(*(program.values for program in group)).union(*(p.defused for p in group)),
        long_dash=any(program.long_dash for program in group),
        patterns=patterns,
        telling=telling,
        globs=globs,
    )


def _telling(patterns: tuple[Pattern, ...]) -> tuple[frozenset[str] | None, re.Pattern[str] | None]:
    """Of each row of words one part, which has to be among the words of whatever fits: a name, else a glob."""
    names: set[str] = set()
    globs: list[str] = []
    for pattern in patterns:
        if not pattern.when:
            return None, None
        for when in pattern.when:
            plain = next((part for part in when.parts if not isinstance(part, re.Pattern)), None)
            if plain is not None:
                names.update({plain.lower()} if isinstance(plain, str) else plain)
            else:
                globs.extend(f"(?:{part.pattern})" for part in when.parts[:1] if isinstance(part, re.Pattern))
    return frozenset(names), re.compile("|".join(globs), re.DOTALL | re.IGNORECASE) if globs else None


def build(parsed: list[File]) -> Catalogue:
    """Put the files together. Entries of a program named in several files are tried in the order of the files."""
    grouped: dict[str, list[Program]] = {}
    wrappers: dict[str, list[Wrapper]] = {}
    interpreters: dict[str, Interpreter] = {}
    entries: dict[str, Entry] = {}
    for file in parsed:
        for program in file.programs:
            for entry in program.entries:
                if entry.id in entries:
                    raise CatalogueError(f"catalogue entry id {entry.id!r} is used twice: give each entry its own")
                entries[entry.id] = entry
            for name in program.names:
                grouped.setdefault(name, []).append(program)
        for wrapper in file.wrappers:
            for name in wrapper.names:
                wrappers.setdefault(name, []).append(wrapper)
        for interpreter in file.interpreters:
            for name in interpreter.names:
                interpreters[name] = interpreter
    programs = {name: _known(group) for name, group in grouped.items()}
    return Catalogue(
        programs,
        {name: tuple(group) for name, group in wrappers.items()},
        interpreters,
        tuple(entries.values()),
        frozenset(name for file in parsed for name in file.plain),
    )


def read(name: str, text: bytes) -> File:
    """One file of the catalogue, checked. Raises CatalogueError that names the file and the place."""
    try:
        return msgspec.yaml.decode(text, type=File)
    except msgspec.ValidationError as error:
        raise CatalogueError(f"catalogue/{name}: {error}: see catalogue_schema.py for the form") from error
    except msgspec.DecodeError as error:
        raise CatalogueError(f"catalogue/{name}: not YAML: {error}") from error


@cache
def shipped_files() -> dict[str, File]:
    """The files of the catalogue that comes with Killcord, by name; read at the first call."""
    folder = files("detectors.destructive").joinpath("catalogue")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    return {name: read(name, folder.joinpath(name).read_bytes()) for name in names}


@cache
def shipped() -> Catalogue:
    """The catalogue that comes with Killcord."""
    return build(list(shipped_files().values()))
