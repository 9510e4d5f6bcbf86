"""The form of the catalogue's files. What is not in here is an error when the file is read.

A file has programs, wrappers and interpreters. Flags are written as on the command line; ``when`` and ``args``
are globs.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from detectors.destructive.effects import Action, Place, Reversible, Thing, Width


class Does(Struct, frozen=True, forbid_unknown_fields=True):
    """What happens. width is left out for paths, where it follows from where they lie.

    over: what is created may lie over something that was there, so it is not the run's own.
    """

    action: Action
    thing: Thing
    reversible: Reversible
    width: Width = "one"
    undo: str = ""
    over: bool = False


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing a program can do. The first entry of a program that fits decides.

    when: its first words, any of these (``push``, ``s3 rm``, ``* delete-*``; ``** rm`` for rm after up to five words;
    ``…`` for a value that is not known).
    any: at least one of these flags.
    all: every one of these. unless: none of these. args: one of the remaining words fits one of these globs.
    text: a regular expression found in the arguments. needs: at least so many remaining words.
    target: ``rest`` (the remaining words), ``paths`` (each a path), ``sources`` (all but the last),
    ``last path``, ``first``, ``none``, ``key:of=``
    (paths after such a prefix), ``word:1`` (the first word, in ``when`` or not),
    ``flag:--name`` (the value of a flag; several by comma), ``path of:-o`` (that value as a path).
    skip: words before the targets (the mode of chmod). deep: flags that make it reach into folders, or ``always``.
    only: path targets count only in these places. widen: flags that make it everything.
    does: left out where it does no harm. fires, quiet: command lines that a test tries.
    """

    id: str
    when: list[str] = []
    any: list[str] = []
    all: list[str] = []
    unless: list[str] = []
    args: list[str] = []
    text: str = ""
    needs: int = 0
    target: str = "rest"
    skip: int = 0
    deep: list[str] | Literal["always"] = []
    only: list[Place] = []
    widen: list[str] = []
    does: Does | None = None
    fires: list[str] = []
    quiet: list[str] = []


class Program(Struct, frozen=True, forbid_unknown_fields=True):
    """values: flags that take the next word. defused: flags with which nothing happens, beside ``--help``,
    ``--dry-run`` and the like. long_dash: as in `split`. any_case: ``when`` fits in capitals and in small letters.
    """

    names: list[str]
    entries: list[Entry]
    values: list[str] = []
    defused: tuple[str, ...] = ()
    long_dash: bool = False
    any_case: bool = False


class Wrapper(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that runs the command given to it.

    sub: its subcommand. skip: words before the command. after: the command starts behind this word.
    joined: the words are joined to one text for a shell. text: flags whose value is such a text.
    of: it is read so only before one of these commands (``python manage.py``).
    elsewhere: the command sees another machine's or container's files, so the workspace is not its folder.
    """

    names: list[str]
    sub: list[str] = []
    values: list[str] = []
    skip: int = 0
    after: str = ""
    joined: bool = False
    text: list[str] = []
    of: list[str] = []
    elsewhere: bool = False
    fires: list[str] = []
    quiet: list[str] = []


class Interpreter(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that runs code. code: flags whose value is code; word: which word is code (1 is the first; 0 none).

    instead: flags that name something else to run. database: which word names a database file.
    Lua and R call functions as JavaScript does. language ``other``: the code is not understood yet, only where it comes
    from.
    """

    names: list[str]
    language: Literal["shell", "python", "sql", "javascript", "ruby", "php", "perl", "cypher", "other"]
    code: list[str] = []
    word: int = 0
    values: list[str] = []
    instead: list[str] = []
    database: int = 0
    stdin: bool = True
    file: bool = True
    long_dash: bool = False
    fires: list[str] = []
    quiet: list[str] = []


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the catalogue. plain: programs whose words are text, or whose verbs mean nothing.

    The entries of the program ``*`` are tried for programs that the catalogue does not know.
    """

    programs: list[Program] = []
    wrappers: list[Wrapper] = []
    interpreters: list[Interpreter] = []
    plain: list[str] = []
