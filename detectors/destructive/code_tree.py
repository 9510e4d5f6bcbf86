"""JavaScript, Ruby, PHP and Perl by tree-sitter: their calls, with names followed through plain assignments.

One reader serves all of them: what differs are the names of the nodes (`_Grammar`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from detectors.destructive import code_handed as ways
from detectors.destructive.bounds import MAX_ROWS, TooMuch, check_documents, check_nesting, rows_of_the_same
from detectors.destructive.code import MAX_VALUE, Call, Calls, Value, may_fit
from detectors.destructive.code_grammars import GRAMMARS, parsed, unescaped
from detectors.destructive.perl_loops import loops_as_calls
from detectors.destructive.values import GLOB, UNKNOWN, clean

if TYPE_CHECKING:
    from tree_sitter import Node

    from detectors.destructive.programs import Programs
    from detectors.destructive.scope import Scope

MAX_CODE = 8 * 1024  # what lies beyond is looked at for words alone
MAX_NODES = 6_000
MAX_DEPTH = 12  # of one value, and of the names it is put together from
MAX_NAMED = 800  # calls whose names are looked for as a whole
_MAX_ITEMS = 64
_HANDING = frozenset({"glob", "each_child", "foreach", "each", "forEach", "map", "each_entry"})
# Parts of the names that the rules look for: without any of them nothing is parsed.
_WORTH = re.compile(
    r"rm|pass|del|remove|rename|mv|cop[iy]|open\W|CUSTOM|unlink|exec|spawn|system|drop|truncate|destroy|flush|purge|wipe|terminate|kill|trash|popen|qx|`"
    r"|query|\.do\b|empty|write|sync|erase|fetch|request|Command|clear|revoke|raw|shell|cancel|refund|sql|run|update|put_",
    re.IGNORECASE,
)
_HARM = re.compile(
    r"rm\s+-|rmSync|rmdir|rimraf|rm_r|rmtree|remove_tree|unlink|removeSync|emptyDir|execSync|spawn|system\b|shell_exec"
    r"|drop\s*(?:table|database|Database|\()|truncate|delete_all|destroy_all|deleteMany|flush(?:all|db)|DELETE\b",
    re.IGNORECASE,
)
_NAMES = frozenset({"identifier", "name", "function", "method", "constant"})
_JOINS = frozenset({
    "path.join", "path.resolve", "File.join", "path.posix.join", "Path.join", "join", "resolve", "Rails.root.join",
    "File.expand_path", "base_path", "storage_path",
})  # fmt: skip
_TEMPORARY = frozenset({
    "tmpdir", "mkdtempSync", "mktmpdir", "tempdir", "sys_get_temp_dir", "tempnam", "mkdtemp", "makeTempDir",
    "makeTempDirSync",
})  # fmt: skip
_MAPPING = frozenset({"array_map", "collect", "map"})
LANGUAGES = frozenset(GRAMMARS)


def analyse_code_tree(language: str, text: str, programs: Programs, scope: Scope, excerpt: str) -> list[str]:
    """Add the effects of a program to the analysis; give the shell commands that it would run."""
    if not _WORTH.search(text):
        return []
    most = MAX_CODE if language == "javascript" else MAX_CODE // 2  # the other parsers are slower
    if len(text) > MAX_ROWS and rows_of_the_same(text[:most]):
        most = MAX_ROWS
    if len(text) > most:
        if _HARM.search(text, most):
            programs.unseen(f"{language} longer than {most // 1024} KiB", excerpt)
        text = text[:most]
    if language == "php":
        text = re.sub(r"<\?(php|=)?|\?>", " ", text)
    if language == "perl":
        text = loops_as_calls(text)
    try:
        check_nesting(text)
        if language == "perl":
            check_documents(text)
    except TooMuch as error:
        programs.unseen(f"a command that could not be read whole: {error}", excerpt)
        return []
    source = text.encode("utf-8", "replace")
    root = parsed(language, source)
    if root is None:
        programs.unseen(f"a command that could not be read whole: {language} that is not a form of it", excerpt)
        return []
    reader = _Reader(language, source, root, programs, scope, excerpt)
    reader.walk()
    return reader.calls.commands


class _Reader:
    def __init__(
        self, language: str, source: bytes, root: Node, programs: Programs, scope: Scope, excerpt: str
    ) -> None:
        self.grammar = GRAMMARS[language]
        self.source = source
        self.root = root
        self.scope = scope
        self.calls = Calls(programs, scope, excerpt)
        self.names: dict[str, Value] = {}
        self.aliases: dict[str, str] = {}
        self.named = self.repeated = 0
        self.functions: dict[str, Node] = {}
        self.within: list[str] = []
        ways.given(self, [clean(word) for word in (scope.params or [])[:8]])

    def walk(self) -> None:
        """Every node in the order of the source, without recursion."""
        work, seen = [self.root], 0
        while work and seen < MAX_NODES:
            node = work.pop()
            seen += 1
            kind = node.type
            if kind in self.grammar.calls:
                self.call(node)
            elif kind in self.grammar.assigns:
                self.assign(node)
            elif kind in self.grammar.shells:
                self.calls.see(Call("backtick", [Value(self.string(node, 0), raw="'")]))
            elif kind in ways.LOOPED:
                self.looped(node)
            elif kind in ways.FUNCTIONS:
                ways.define(self, node, None)
            elif kind == "import_statement":
                self.imported(node)
            work.extend(reversed(node.named_children))

    def text(self, node: Node, most: int = 200) -> str:
        return clean(
            self.source[node.start_byte : min(node.end_byte, node.start_byte + most)].decode("utf-8", "replace")
        )

    def assign(self, node: Node) -> None:
        name_field, value_field = self.grammar.assigns[node.type]
        name, value = node.child_by_field_name(name_field), node.child_by_field_name(value_field)
        if name is None or value is None:
            return
        if name.type == "object_pattern":  # const {rmSync: r} = require('fs')
            module = self.name(value, 0)
            for child in name.named_children:
                key = child.child_by_field_name("key") or child
                local = child.child_by_field_name("value") or child
                self.aliases[self.text(local)] = f"{module}.{self.text(key)}"
            return
        if name.type == "variable_declaration" and name.named_children:
            name = name.named_children[0]
        if value.type in ways.FUNCTIONS:
            ways.define(self, value, name)
        if value.type in self.grammar.calls:
            self.aliases[self.text(name)] = self.name(value, 0)
        self.names[self.text(name)] = self.value(value, 0)

    def looped(self, node: Node) -> None:
        """``for (const f of files)`` and the like: the name stands for all of them."""
        name, source = ways.of_loop(node)
        if source is not None:
            ways.each_of(self, name, source, node.child_by_field_name("body") or node.child_by_field_name("block"))

    def joined(self, source: Node) -> Value:
        """A list as one value: a pattern stays one, of several known texts the one that reaches ways.farthest."""
        value = self.value(source, 0)
        return ways.farthest(value.items) if value.items else value

    def parameter(self, node: Node, children: list[Node]) -> None:
        """What ``each`` and ``forEach`` hand to the function that they are given."""
        source = ways.holder_of(node)
        block = node.child_by_field_name("block") or next((c for c in children if "function" in c.type), None)
        if source is None or block is None:
            return
        given = block.child_by_field_name("parameter") or block.child_by_field_name("parameters")
        first = given if given is None or not given.named_children else given.named_children[0]
        if first is not None:
            ways.each_of(self, first, source, block.child_by_field_name("body"))

    def imported(self, node: Node) -> None:
        source = node.child_by_field_name("source")
        module = self.string(source, 0).removeprefix("node:").replace("/", ".") if source is not None else ""
        work = list(node.named_children)
        while work:
            part = work.pop()
            if part.type == "import_specifier":
                name = part.child_by_field_name("name")
                local = part.child_by_field_name("alias") or name
                if name is not None and local is not None:
                    self.aliases[self.text(local)] = f"{module}.{self.text(name)}"
            elif part.type == "identifier":
                self.aliases[self.text(part)] = module
            else:
                work.extend(part.named_children)

    def call(self, node: Node) -> None:
        last = self.last(node)
        if not (last is None or last in _HANDING or last in _MAPPING or last in self.functions or may_fit(last)):
            return
        self.named += 1
        if self.named > MAX_NAMED:
            self.calls.unseen()
            return
        arguments = node.child_by_field_name(self.grammar.calls[node.type][2])
        children: list[Node] = []
        if arguments is not None:
            several = arguments.type in ("arguments", "argument_list", "list_expression", "parenthesized_expression")
            children = list(arguments.named_children) if several else [arguments]
        elif node.type == "func1op_call_expression":
            children = list(node.named_children)
        raw = self.text(arguments, 2000) if arguments is not None else "()"
        name = self.name(node, 0)
        if node.type == "call_expression" and self.text(node.named_children[0]) in ("require", "import"):
            return  # the name is that of what it gives
        if name.endswith((".each", ".forEach", ".map", ".each_entry")):
            self.parameter(node, children)
            ways.hand_on(self, node, name, children)
        if name in ways.YIELDING:
            ways.yielded(self, node)
        if name in self.functions and children:
            ways.enter(self, name, [self.value(child, 0) for child in children[:8]])
        if not may_fit(name) and name not in _MAPPING:
            return
        values = [self.value(child, 0) for child in children[:_MAX_ITEMS]] or ways.called_on(self, node, name)
        if name.startswith(("fs.promises.", "fs/promises.", "fs.extra.", "fs-extra.")):
            name = "fs." + name.rpartition(".")[2]
        if name in _MAPPING and len(values) > 1 and values[0].text.isidentifier():
            name, values = values[0].text, values[1:]  # array_map('unlink', glob('*'))
        self.calls.see(Call(name, values, raw if raw.startswith("(") else f"({raw})"))

    def last(self, node: Node) -> str | None:
        """The last of the names that are called: rules go by it, and most name nothing that any is about."""
        function = node.child_by_field_name(self.grammar.calls[node.type][0][0])
        if function is not None and function.type == "member_expression":
            function = function.child_by_field_name("property")
        elif function is None or node.type == "new_expression" or function.type not in _NAMES:
            return None
        text = self.text(function) if function is not None else ""
        return text if text.isidentifier() and text not in self.aliases else None

    def name(self, node: Node, depth: int) -> str:
        """What is called, with dots: ``User.where().delete_all``; what names stand for is put in their place."""
        if depth > MAX_DEPTH:
            return ""
        spelled = self.grammar.calls.get(node.type)
        if spelled is None:
            return self.dotted(node, depth)
        functions, receivers, _ = spelled
        function = next((child for field in functions if (child := node.child_by_field_name(field))), None)
        receiver = next((child for field in receivers if (child := node.child_by_field_name(field))), None)
        if function is None:
            first = self.text(node).split("(")[0].split(None, 1)
            return first[0] if first else ""
        called = self.dotted(function, depth + 1)
        if node.type == "new_expression":
            return f"new {called}"
        if called in ("require", "import") and receiver is None:
            argument = node.child_by_field_name("arguments")
            module = self.string(argument, 0).strip("()'\"` ") if argument is not None else ""
            return module.removeprefix("node:").replace("/", ".")
        if receiver is None:
            return called
        return f"{self.chain(receiver, depth + 1)}.{called}"

    def chain(self, node: Node, depth: int) -> str:
        """What something is called on."""
        if node.type in self.grammar.calls:
            name = self.name(node, depth)
            spelled = self.text(node)
            called = self.source[node.end_byte - 1 : node.end_byte] == b")"
            return name if spelled.startswith(("require(", "import(")) else f"{name}()" if called else name
        return self.dotted(node, depth)

    def dotted(self, node: Node, depth: int) -> str:
        if depth > MAX_DEPTH:
            return ""
        kind = node.type
        if kind == "member_expression":
            inner, last = node.child_by_field_name("object"), node.child_by_field_name("property")
            return f"{self.chain(inner, depth + 1)}.{self.text(last)}" if inner and last else ""
        if kind == "subscript_expression":
            inner, last = node.child_by_field_name("object"), node.child_by_field_name("index")
            return f"{self.chain(inner, depth + 1)}.{self.value(last, depth + 1).text}" if inner and last else ""
        if kind in ("await_expression", "parenthesized_expression") and node.named_children:
            return self.chain(node.named_children[0], depth + 1)
        text = self.text(node)[:200]
        if kind in self.grammar.calls:
            return self.name(node, depth + 1)
        if text in self.aliases:
            return self.aliases[text]
        return re.sub(r"\s+", "", text.replace("->", ".").replace("::", ".").replace("?.", ".")).lstrip("$\\")

    def value(self, node: Node, depth: int) -> Value:
        """What an expression is worth, as far as it is known."""
        kind, raw = node.type, self.text(node)[:200]
        if depth > MAX_DEPTH:
            return Value(raw=raw)
        if kind in ("argument", "parenthesized_expression", "expression_list") and len(node.named_children) == 1:
            return self.value(node.named_children[0], depth + 1)
        if kind in self.grammar.lists:
            if kind == "quoted_word_list":
                return Value(
                    items=[Value(word) for word in re.sub(r"^qw\W|\W$", "", raw).split()[:_MAX_ITEMS]], raw=raw
                )
            items = [self.value(child, depth + 1) for child in node.named_children[:_MAX_ITEMS]]
            if len(items) == 1 and items[0].items is not None:
                return Value(items=items[0].items, raw=raw)
            return Value(items=items, raw=raw)
        if kind == "array_element_initializer" and node.named_children:
            return self.value(node.named_children[-1], depth + 1)
        if kind == "object_creation_expression":
            return ways.listing(self, node, depth) or Value(raw=raw)
        if kind == "await_expression" and node.named_children:
            return self.value(node.named_children[0], depth + 1)
        if "string" in kind or kind == "heredoc_body" or kind == "template_literal":
            return Value(self.string(node, depth), raw=raw or "'")
        if kind in self.grammar.joins and len(node.named_children) == 2:
            left, right = (self.value(child, depth + 1).text for child in node.named_children)
            return Value((left + right)[:MAX_VALUE], raw=raw)
        if kind in self.grammar.calls:
            return self.called(node, raw, depth)
        if kind == "element_reference" and raw.startswith("Dir[") and node.named_children:
            text = self.value(node.named_children[-1], depth + 1).text
            return Value(text.replace("*", GLOB), raw=raw)
        known = self.names.get(raw)
        if known is not None:
            return Value(known.text, known.items, raw)
        if kind in ("number", "integer", "true", "false"):
            return Value(raw, raw=raw)
        if raw in ("process.env.HOME", "Dir.home", "ENV['HOME']", 'ENV["HOME"]'):
            return Value(self.scope.context.home, raw=raw)
        if raw in ("__dirname", "__DIR__", "Rails.root"):
            return Value(self.scope.cwd, raw=raw)
        return Value(raw=raw)

    def called(self, node: Node, raw: str, depth: int) -> Value:
        """What well-known functions give: joined paths, homes, folders for the moment, patterns."""
        name = self.name(node, depth + 1)
        arguments = node.child_by_field_name(self.grammar.calls[node.type][2])
        children = (
            list(arguments.named_children)
            if arguments is not None and arguments.type != "string_literal"
            else [arguments]
            if arguments is not None
            else []
        )
        last = name.rpartition(".")[2]
        if name in _JOINS:
            parts = [self.value(child, depth + 1).text for child in children[:8]]
            return Value("/".join(part for part in parts if part)[:MAX_VALUE], raw=raw)
        if last in ("homedir", "home"):
            return Value(self.scope.context.home, raw=raw)
        if last in ways.PASSING and (holder := ways.holder_of(node)) is not None:
            return self.value(holder, depth + 1)
        if last in _TEMPORARY:
            return Value("/tmp/" + UNKNOWN, raw=raw)
        if name == "list.files" and children:
            return Value(f"{self.value(children[0], depth + 1).text}/{GLOB}", raw=raw)
        if name in ("process.cwd", "Dir.pwd", "getcwd", "Deno.cwd"):
            return Value(self.scope.cwd, raw=raw)
        if last in ("glob", "globSync", "readdirSync", "readdir", "scandir", "each_child") and children:
            text = self.value(children[0], depth + 1).text
            return Value(
                text.replace("*", GLOB) if "*" in text else text if "glob" in last else GLOB, raw=raw
            )
        if (
            last in ways.SAME
            and len(children) == 1
        ):
            return Value(self.value(children[0], depth + 1).text, raw=raw)
        return Value(raw=raw)

    def string(self, node: Node, depth: int) -> str:
        """A string with what stands in it, without its quotes."""
        begin, end = node.start_byte, node.end_byte
        tokens = node.children
        if tokens and not tokens[0].is_named and tokens[0].start_byte == begin:
            begin = tokens[0].end_byte
        if tokens and not tokens[-1].is_named and tokens[-1].end_byte == end:
            end = tokens[-1].start_byte
        if not tokens and end - begin >= 2 and self.source[begin : begin + 1] in (b"'", b'"'):
            begin, end = begin + 1, end - 1
        out: list[str] = []
        self._pieces(node, begin, end, out, depth)
        return clean("".join(out))[:MAX_VALUE]

    def _pieces(self, node: Node, begin: int, end: int, out: list[str], depth: int) -> None:
        at = begin
        for child in node.named_children[:256]:
            if child.start_byte < begin or child.end_byte > end:
                continue
            if "content" in child.type or child.type in ("string_fragment", "escape_sequence", "heredoc_content"):
                out.append(unescaped(self.source[at : child.start_byte]))
                if child.named_children and depth < MAX_DEPTH:
                    self._pieces(child, child.start_byte, child.end_byte, out, depth + 1)
                else:
                    out.append(unescaped(self.source[child.start_byte : child.end_byte]))
            else:
                out.append(unescaped(self.source[at : child.start_byte]))
                inner = child
                if child.type in ("interpolation", "template_substitution") and child.named_children:
                    inner = child.named_children[0]
                out.append(self.value(inner, depth + 1).text if depth < MAX_DEPTH else UNKNOWN)
            at = child.end_byte
        out.append(unescaped(self.source[at:end]))
