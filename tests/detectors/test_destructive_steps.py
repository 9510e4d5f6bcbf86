"""Runs of several steps: what a step leaves for the next, in the shell and on the disk, and what was saved before."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from detectors.destructive import Destructive
from detectors.destructive.effects import ORDER
from detectors.destructive.memory import MANY_REMOVED, MAX_OWN, Memory
from detectors.destructive.steps import MAX_SCRIPTS, MAX_VARIABLES
from detectors.detector import RuleSet, Run
from detectors.event import ToolCall, ToolResult

RULES = RuleSet.defaults(Destructive)
LETTERS = dict(zip(ORDER, "WNBUR", strict=True))  # wide, narrow, rebuilt, unseen, reversible
LONG = "echo hi\n" * 400
MANY = "all: a b c\n\tgcc x.c\n" * 99
Step = str | tuple[str, dict[str, Any]]


class Story:
    """One run; its state goes through bytes after each event."""

    def __init__(self, workspace: str | None = "/work/project") -> None:
        self.workspace = workspace
        self.state = Memory()
        self.number = 0

    def see(self, event: ToolCall | ToolResult) -> set[str]:
        run = Run(run_id="r", workspace=self.workspace)
        found = {finding.rule for finding in Destructive().observe(event, self.state, run, RULES)}
        self.state = msgspec.msgpack.decode(msgspec.msgpack.encode(self.state), type=Memory)
        return found

    def do(self, step: Step, worked: bool = True, agent: str = "") -> str:
        """The letter of the worst rule, ``-`` for none."""
        self.number += 1
        tool, arguments = ("bash", {"command": step}) if isinstance(step, str) else step
        call = f"c{self.number}"
        found = self.see(
            ToolCall(id=f"e{self.number}", time=1.0, run_id="r", tool=tool, call_id=call, arguments=arguments,
                     agent_id=agent)
        )  # fmt: skip
        self.see(ToolResult(time=1.0, run_id="r", call_id=call, exit_code=0 if worked else 1))
        return next((LETTERS[rule] for rule in ORDER if rule in found), "-")


STORIES: list[tuple[list[Step], str, str]] = [  # steps, what each breaks, why
    (["cat > x.sh <<'E'\nrm -rf /etc\nE", "chmod +x x.sh", "./x.sh"], "--W", "written, then run"),
    (["cat > x.sh <<'E'\nrm -rf build\nE", "bash x.sh"], "--", "a script that does no harm"),
    (["echo 'rm -rf \"$1\"' > c.sh", "bash c.sh /etc"], "-W", "its argument"),
    (["echo 'rm -rf \"$1\"' > c.sh", "bash c.sh build"], "--", "its argument"),
    (["tee x.sh <<'E'\nrm -rf /etc\nE", "source x.sh"], "-W", "by tee, and sourced"),
    (["echo 'rm -rf /etc' > x.sh", "mv x.sh y.sh", "bash y.sh"], "--W", "under another name"),
    (["echo 'rm -rf /etc' > x.sh", "echo 'ls' > x.sh", "bash x.sh"], "---", "written anew"),
    (["cat > x.py <<'E'\nimport shutil\nshutil.rmtree('/srv/data')\nE", "python3 x.py"], "-N", "python"),
    (["cat > x.py <<'E'\nprint('shutil.rmtree')\nE", "python3 x.py"], "--", "python that prints"),
    ([f"cat > l.sh <<'E'\n{LONG}rm -rf /etc\nE", "bash l.sh"], "-W", "a long script"),
    ([f"cat > l.sh <<'E'\n{LONG}E", "bash l.sh"], "--", "a long script that does no harm"),
    ([("write_file", {"path": "x.sh", "content": "rm -rf /usr\n"}), "bash x.sh"], "-W", "by a file tool"),
    ([("editor", {"command": "create", "path": "x.py", "file_text": "import os\nos.system('rm -rf /usr')"}),
      "python x.py"], "-W", "by an editor tool"),
    (["printf 'wipe:\\n\\trm -rf /srv/data\\nall:\\n\\techo\\n' > Makefile", "make wipe"], "-N", "a target"),
    (["printf 'wipe:\\n\\trm -rf /srv/data\\nall:\\n\\techo\\n' > Makefile", "make all"], "--", "another target"),
    (["echo '{\"scripts\":{\"clean\":\"rm -rf /etc\"}}' > package.json", "npm run clean"], "-W", "an npm script"),
    (["echo '{\"scripts\":{\"clean\":\"rm -rf /etc\"}}' > package.json", "npm run build"], "--", "another one"),
    ([("edit_file", {"path": "package.json", "new_string": '"clean": "rm -rf /etc",'}), "npm run clean"], "-W", "part"),
    ([("edit_file", {"path": "package.json", "new_string": '"clean": "rm -rf dist",'}), "npm run clean"], "--", "part"),
    ([f"cat > Makefile <<'E'\n{MANY}wipe:\n\trm -rf /srv/data\nE", "make wipe"], "-N", "a long Makefile"),
    ([f'echo \'{{"scripts": {{"a": "{LONG[:900]}", "b": "rm -rf /etc"}}}}\' > package.json', "npm run b"], "-W", ""),
    (["echo 'rm -rf /etc' > x.sh", "echo '0 0 * * * bash /work/project/x.sh' | crontab -"], "-W", "run by cron"),
    (["export D=/etc", "rm -rf $D"], "-W", "a variable"),
    (["D=build", 'rm -rf "$D"'], "--", "a variable"),
    (["D=/tmp/x", "rm -rf $D/*"], "-N", "a variable, if the shell lasts; the workspace, if it doesn't"),
    (["alias ll='rm -rf /etc'", "ll"], "-W", "an alias"),
    (["alias ll='ls -l'", "ll"], "--", "an alias"),
    (["wipe() { rm -rf /usr; }", "wipe"], "-W", "a function"),
    (["ls() { rm -rf /usr; }", "ls"], "-W", "a function by the name of what does no harm"),
    (["cd /", "rm -rf etc"], "-W", "a folder"),
    (["cd /etc && ls", "ls", "rm -f passwd"], "--W", "a folder, two steps before"),
    (["cd build", "rm -rf *"], "-N", "a folder, if the shell lasts; the workspace, if it doesn't"),
    (["git add -A && git commit -qm x", "rm -rf src"], "-R", "committed before"),
    (["git add -A", "git commit -m x", "rm -rf src docs"], "--R", "committed in two steps"),
    (["git commit -m x", "rm -rf src"], "-N", "what was not added is not in it"),
    (["git add -A && git commit -m x", "rm -rf .git"], "-W", "with what was saved"),
    (["git add -A && git commit -m x", "rm -rf ."], "-W", "with what was saved, and what git ignores"),
    (["git add -A && git commit -m x", "rm .env app.db"], "-N", "what git ignores"),
    (["git add -A && git commit -m x", "rm -rf /srv/other"], "-N", "elsewhere"),
    (["git stash", "git reset --hard origin/main"], "-R", "stashed before"),
    (["git stash", "git clean -fd"], "-N", "not what git does not know"),
    (["git stash -u", "git clean -fd"], "-R", "with what git does not know"),
    (["git stash -u", "git clean -fdx"], "-N", "not what git ignores"),
    (["git commit -am wip && git checkout -- ."], "R", "committed, and only then"),
    (["git commit -am wip; git checkout -- ."], "N", "perhaps not committed"),
    (["git clone https://e.org/x.git && cd x", "cd x && git reset --hard HEAD~1"], "--", "its own clone"),
    (["mkdir t", "rm -rf t"], "--", "its own"),
    (["mkdir t", "mv t u", "rm -rf u"], "---", "its own under another name"),
    (["mv src u", "rm -rf u"], "-N", "what is moved is not made"),
    (["git clone --depth 1 https://x.test/y.git /opt/y", "rm -rf /opt/y"], "--", "a clone"),
    (["tar xzf foo-1.2.tar.gz", "rm -rf foo-1.2"], "--", "unpacked"),
    (["tar czf /backup/s.tgz src", "rm -rf src"], "-R", "saved in an archive"),
    (["tar czf /backup/s.tgz src", "rm -rf lib"], "-N", "another folder was"),
    (["tar czf src/s.tgz src", "rm -rf src"], "-N", "the copy lies within"),
    (["cp -a src /backup/", "rm -rf src/a"], "-R", "a part of what was saved"),
    (["pg_dump shop > s.sql", "dropdb shop"], "-R", "a dump"),
    (["pg_dump shop | gzip > s.gz", "dropdb shop"], "-R", "a packed dump"),
    (["pg_dump -s shop > s.sql", "dropdb shop"], "-W", "a dump of the schema alone"),
    (["pg_dump shop > /dev/null", "dropdb shop"], "-W", "a dump into nothing"),
    (["pg_dump shop > s.sql", "psql shop -c 'drop table users'"], "-R", "a table of what was dumped"),
    (["pg_dump shop > s.sql", "psql blog -c 'drop table users'"], "-W", "a table of another database"),
    (["dropdb shop", "createdb shop"], "WB", "destroyed and built anew"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "expected", "why"), STORIES, ids=[f"{case[0][0]} - {case[2]}" for case in STORIES])
def test_story(steps: list[Step], expected: str, why: str) -> None:
    story = Story()
    assert "".join(story.do(step) for step in steps) == expected, why


@pytest.mark.parametrize(
    ("before", "then", "expected"),
    [("tar czf /backup/s.tgz src", "rm -rf src", "N"), ("pg_dump shop > s.sql", "dropdb shop", "W"),
     ("git clone https://x.test/y.git /opt/y", "rm -rf /opt/y", "N"),
     ("git add -A && git commit -m x", "rm -rf src", "N"), ("git stash", "git reset --hard", "N")],
)  # fmt: skip
def test_what_failed_saved_nothing_and_made_nothing(before: str, then: str, expected: str) -> None:
    story = Story()
    story.do(before, worked=False)
    assert story.do(then) == expected


def test_within_one_command_what_came_before_has_to_have_worked() -> None:
    assert Story().do("pg_dump shop > s.sql && dropdb shop") == "R"
    assert Story().do("pg_dump shop > s.sql; dropdb shop") == "W"
    assert Story().do("set -e; pg_dump shop > s.sql; dropdb shop") == "R"
    assert Story().do("set -e; pg_dump shop > s.sql || true; dropdb shop") == "W"


@pytest.mark.parametrize("workspace", [None, "/work/project", "/home/me/shop"])
def test_wherever_the_run_works(workspace: str | None) -> None:
    story = Story(workspace)
    story.do("tar czf /backup/s.tgz src && wget https://x.test/i.sh -O ~/i.sh && git clone https://x.test/lib.git")
    assert [story.do(step) for step in ("rm -rf src", "rm ~/i.sh", "rm -rf lib", "rm -rf docs")] == ["R", "-", "-", "N"]


def test_a_sub_agent_has_a_shell_of_its_own() -> None:
    story = Story()
    story.do("alias ll='rm -rf /etc'", agent="a")
    assert story.do("ll", agent="b") == "-"
    assert story.do("ll", agent="a") == "W"


def test_a_folder_that_goes_file_by_file_is_seen() -> None:
    story = Story()
    found = "".join(story.do(f"rm src/f{n}.py") for n in range(MANY_REMOVED + 3))
    assert found == "-" * (MANY_REMOVED - 1) + "N---"


def test_its_own_files_may_go_one_by_one() -> None:
    story = Story()
    for n in range(MANY_REMOVED):
        story.do(f"echo x > f{n}.py")
        assert story.do(f"rm f{n}.py") == "-"


def test_what_is_kept_is_bounded() -> None:
    story = Story()
    for n in range(60):
        story.do(f"cat > s{n}.sh <<'E'\nrm -rf /srv/d{n}\n{LONG}E")
        story.do(f"export V{n}={'x' * 100} && alias a{n}='rm -rf /{'y' * 300}' && f{n}() {{ {'ls; ' * 80} }}")
        story.do(f"mkdir m{n} && cd /srv/{'z' * 300}", agent=f"agent-{n % 5}")
    session = story.state.sessions[""] if "" in story.state.sessions else next(iter(story.state.sessions.values()))
    assert len(session.files) <= MAX_SCRIPTS and len(session.variables) <= MAX_VARIABLES
    assert len(story.state.own) <= MAX_OWN
    assert len(msgspec.msgpack.encode(story.state)) < 6_144


def test_a_run_that_only_reads_keeps_no_more_than_its_folder() -> None:
    story = Story()
    for step in ("ls -la", "cd /work/project/src && grep -rn x .", "git status", "python3 app.py", "cat README.md"):
        assert story.do(step) == "-"
    assert len(msgspec.msgpack.encode(story.state)) < 60
