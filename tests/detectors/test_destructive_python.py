"""Python: what is not parsed would not have been judged either, and what is parsed is read as a whole."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.destructive import python_code, python_tree
from detectors.destructive.calls import effects_of_call
from detectors.destructive.context import Context
from detectors.destructive.effects import REVERSIBLE, Effect, verdict
from detectors.destructive.python_words import may_matter

WORTH = [  # code, whether it is parsed, why
    ("import os; os.remove('/etc/passwd')", True, "plain"),
    ("from os import (\n remove as r)\nr('/etc/passwd')", True, "by another name"),
    ("items.remove(x)", False, "no file without os"),
    ("import os\ncache.removed(os.environ)", False, "a longer name"),
    ("__import__('o' 's').system('rm -rf /')  # draw", True, "a module by a text that is put together"),
    ("ｏｓ.remove('/etc/passwd')", True, "letters that Python takes for others"),
    ("Path(x).unlink()", True, "a path's own"),
    ("drawn = ecosystem_evaluation(executor)", False, "parts of longer names"),
    ("exec(code)", True, "code that may be a text in it"),
    ("exec(requests.get(u).text)", True, "code that is downloaded"),
    ("import commands; commands.getoutput('rm -rf /')", True, "Python 2"),
    ("db.execute('drop table t')", True, "SQL"),
    ("(remove)", False, "at either end"),
    ("import shutil; shutil.move('/etc/nginx', '/tmp/x')", True, "moved away"),
    ("import shutil; shutil.move('a', 'b')", False, "moved about"),
    ("open('src/a.py', 'w').close()", True, "emptied"),
    ("open('src/a.py').close()", False, "read"),
    (
        "import subprocess\nsubprocess.run(['./maze.sh', '{ \"a\": 1}'], stdout=subprocess.PIPE)",
        False,
        "nobody knows it",
    ),
    ("import subprocess as s\n'{ \"a\"'; s.run(['./maze.sh'])", True, "by another name it may be anything"),
    ("import subprocess\n'rm '; p = subprocess.Popen; p(['./maze.sh'])", True, "and so it may"),
    ("import subprocess # 'rm '\nsubprocess.run(['r' 'm', x])", True, "put together"),
    ("import subprocess # 'rm '\nsubprocess.run(['/opt/shopctl', v, '--all']); v = 'delete'", True, "a verb"),
    ("from subprocess import run\nrun(['rm', x])", True, "imported by itself"),
    ("import asyncio\nasyncio.create_subprocess_shell('rm -rf /srv')", True, "asyncio's"),
    ("db.query('DROP TABLE users')", True, "SQL by any call"),
    ("Path('data.csv').write_text('')", True, "emptied"),
    ("Path('/etc/hosts').write_text(text)", True, "overwritten"),
    ("Path('notes.md').write_text(text)", False, "written"),
    ("getattr(s, 'rm' + 'tree')('/opt')", True, "a name that is put together"),
    ("vars(os)['system']('rm -rf /')", True, "a name by a text"),
    ("import os; os.chmod('/etc/shadow', 0o777)", True, "opened to everyone"),
]
PIECES = [
    "import os\n", "from os import remove as r\n", "import subprocess as sp\n", "import shutil, commands\n",
    "from shutil import rmtree\n", "x = '/etc'\n", "os.remove('/etc/passwd')\n", "r('/etc/hosts')\n", "rmtree(x)\n",
    "sp.run(['rm', '-rf', x])\n", "commands.getoutput('rm -rf /')\n", "exec(urlopen(u).read())\n", "eval(get(x))\n",
    "Path('/etc').joinpath(x).unlink()\n", "os.path.join(x, 'a').rmdir()\n", "db.execute(\"drop table t\")\n",
    "__import__('o' 's').system('rm -rf /')\n", "ｏｓ.remove('/etc/fstab')\n", "# draw\n", "y = [r(x) for x in z]\n",
    "if x:\n  os.removedirs(f'{x}/b')\n", "importlib.import_module('shutil').rmtree(x)\n", "self.remove(x)\n",
    "distutils.dir_util.remove_tree('/usr')\n", "def f(a=os.system('rm -rf ~')): pass\n", "raw('delete from t')\n",
]  # fmt: skip


def judged(code: str) -> tuple[Effect, ...]:
    return effects_of_call("python", {"code": code}, Context())


@pytest.mark.parametrize(("code", "parsed", "why"), WORTH)
def test_code_is_parsed_where_it_could_destroy(code: str, parsed: bool, why: str) -> None:
    assert may_matter(code) is parsed, why


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=6))
def test_code_that_is_not_parsed_has_no_effects(pieces: list[str]) -> None:
    code = "".join(pieces)
    if may_matter(code):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(python_code, "may_matter", lambda *_: True)
        read = effects_of_call("python", {"code": code + "# read anew"}, Context())
    assert read == judged(code) == ()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_nodes_come_in_the_order_of_the_source(pieces: list[str]) -> None:
    tree = ast.parse("".join(pieces))

    def walk(node: ast.AST) -> list[ast.AST]:
        return [node, *(below for child in ast.iter_child_nodes(node) for below in walk(child))]

    seen = [node for node in walk(tree) if type(node) in python_tree._SEEN]
    assert python_tree.in_order(tree) == seen


TOGETHER = [  # a command, whether anything is lost, why
    ("rm /opt/app/a.py && python3 -c \"open('/opt/app/a.py','w').write('x')\"", False, "written anew"),
    ("rm /opt/app/a.py && python3 -c \"open('/opt/app/b.py','w').write('x')\"", True, "another is written"),
    ("rm /opt/app/a.py && python3 -c \"open('/opt/app/a.py').read()\"", True, "read, which fails"),
    ("printf 'rm -rf /srv' > x.sh; python3 -c \"import subprocess; subprocess.run(['./x.sh'])\"", True, "its own"),
    ("printf 'ls /srv' > x.sh; python3 -c \"import subprocess; subprocess.run(['./x.sh'])\"", False, "one that reads"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "lost", "why"), TOGETHER, ids=[case[2] for case in TOGETHER])
def test_code_is_read_with_what_the_script_did_before(command: str, lost: bool, why: str) -> None:
    found = [verdict(effect) for effect in effects_of_call("bash", {"command": command}, Context("/home/dev/app"))]
    assert any(one not in (None, REVERSIBLE) for one in found) == lost, why


WALK = "import os\nfor r, ds, fs in os.walk('{}'):\n    for f in fs:\n        {}"
TREES = [  # code, how wide the worst of it is, why
    (WALK.format("/home", "os.remove(os.path.join(r, f))"), "all", "a whole tree"),
    (WALK.format("/tmp/x", "os.remove(os.path.join(r, f))"), "", "a scratch folder"),
    (WALK.format("/home", "if f.endswith('.pyc'): os.remove(os.path.join(r, f))"), "", "only what is built again"),
    (WALK.format("/home", "print(f)"), "", "looked at"),
    ("import os; [os.remove(os.path.join(r, f)) for r, d, fs in os.walk('/etc') for f in fs]", "all", "in one line"),
    ("import os, shutil\nfor d in os.listdir('/srv'):\n    shutil.rmtree('/srv/' + d)", "all", "what a folder holds"),
    ("import os, shutil\nfor e in os.scandir('/home'):\n    shutil.rmtree(e.path)", "all", "its entries"),
    ("import os\nfor f in sorted(os.listdir('build')):\n    os.remove(os.path.join('build', f))", "", "what is built"),
    ("import glob, os\nfor f in glob.glob('/etc/*'):\n    os.remove(f)", "all", "a pattern"),
    ("from pathlib import Path\nfor p in Path('.').rglob('*.pyc'):\n    p.unlink()", "", "a pattern in a tree"),
    ("from pathlib import Path\nfor p in Path('/srv').rglob('*'):\n    p.unlink()", "all", "a tree"),
    ("import shutil\nDIRS = ['/var/lib', '/srv']\nfor d in DIRS:\n    shutil.rmtree(d)", "all", "a list with a name"),
    ("import shutil\ndef wipe(d):\n    shutil.rmtree(d)\nwipe('/home')", "all", "a function of its own"),
    ("import shutil\ndef wipe(d):\n    wipe(d)\n    shutil.rmtree(d)\nwipe('/srv')", "all", "a function within itself"),
    ("import os; os.system('%s -rf %s' % ('rm', '/srv'))", "all", "a format"),
    ("import os; os.system('{} -rf {}'.format('rm', '/srv'))", "all", "another format"),
    ("import subprocess, shlex; subprocess.run(shlex.split('rm -rf /srv'))", "all", "split into words"),
    ("import sqlite3; sqlite3.connect(':memory:').cursor().execute('DROP TABLE t')", "", "in memory"),
    ("import sqlite3; c = sqlite3.connect('app.db'); c.execute('DROP TABLE t')", "all", "in a file"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "width", "why"), TREES, ids=[case[2] for case in TREES])
def test_what_loops_and_names_come_to(code: str, width: str, why: str) -> None:
    effects = effects_of_call("python", {"code": code}, Context("/home/dev/app"))
    found = {effect.width for effect in effects if verdict(effect) not in (None, REVERSIBLE)}
    assert width in found if width else not found, why
