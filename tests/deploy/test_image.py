"""What the image does, done without Docker: its install steps, its start command, its health check."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60


def test_it_runs_as_an_ordinary_user(image):
    assert image.user == "killcord"
    assert any(step == "RUN" and text.startswith("useradd") and "killcord" in text for step, text in image.steps)


def test_what_is_copied_is_let_through_to_the_build(image):
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for step, text in image.steps:
        if step == "COPY" and not text.startswith("--from"):
            for source in text.split()[:-1]:
                assert f"!{source}" in ignored, source


def copied(image, context):
    """What the build's COPY steps take from the checkout, in ``context``."""
    for step, text in image.steps:
        if step == "COPY" and not text.startswith("--from"):
            *sources, target = text.split()
            for source in map(Path, sources):
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, context / target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / source, context / target)


def test_the_install_steps_make_a_killcord_without_the_tests_packages(image, tmp_path, clean_env):
    """Each RUN of the build stage, its two absolute folders put under ``tmp_path``."""
    clean_env |= {"PIP_NO_COMPILE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}  # half the time
    context = tmp_path / "src"
    context.mkdir()
    copied(image, context)
    for step, text in image.steps[: [step for step, _ in image.steps].index("FROM", 1)]:
        if step != "RUN":
            continue
        command = re.sub(r"(?<!\S)/(build|opt)\b", rf"{tmp_path}/\1", text)
        command = re.sub(r"^python\b", shlex.quote(sys.executable), command)
        done = subprocess.run(command, shell=True, cwd=context, env=clean_env, capture_output=True, text=True)
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    home = tmp_path / "opt" / "killcord" / "bin"
    env = clean_env | {"PATH": f"{home}:/usr/bin:/bin"}
    done = subprocess.run([*image.entrypoint, "--help"], cwd="/", env=env, capture_output=True, text=True)
    assert "worker" in done.stdout, done.stderr
    # The shipped policy and all other data files must be in the package, not only beside it.
    done = subprocess.run([*image.entrypoint, "policy", "show"], cwd="/", env=env, capture_output=True, text=True)
    assert "kills_per_minute" in done.stdout, done.stderr
    listed = subprocess.run([home / "pip", "list"], env=env, capture_output=True, text=True).stdout
    assert "faust-streaming" in listed
    assert "pytest" not in listed


@pytest.fixture
def container(image, compose, clean_env, kafka, tmp_path):
    """``container(service)``: the argument list, environment and metrics port of a service, brought to this machine.

    What differs from the container: the broker's address, a topic prefix of the test's own, the port, and where the
    mounted folders are.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ours = {
        "HOME": "/nonexistent",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KILLCORD_BROKERS": ",".join(kafka),
        "KILLCORD_TOPIC_PREFIX": f"t{uuid.uuid4().hex[:10]}",
        "KILLCORD_METRICS_PORT": str(port),
    }

    def described(name):
        service = compose["services"][name]
        env = clean_env | image.env | service["environment"] | ours
        for volume in service.get("volumes", []):
            source, target = volume.split(":")[:2]
            env = {key: value.replace(target, str(ROOT / source)) for key, value in env.items()}
        return [*image.entrypoint, *service.get("command", image.command)], env, port

    return described


def answer(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def test_the_start_commands_of_topics_and_worker(container, image, tmp_path):
    here = tmp_path / "root"  # the container's, which is read-only
    here.mkdir()
    command, env, _ = container("topics")
    for _ in range(2):  # a second `docker compose up` finds the topics there
        done = subprocess.run(command, env=env, cwd=here, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stdout + done.stderr

    command, env, port = container("worker")
    output = tmp_path / "worker.log"
    with output.open("wb") as log:
        process = subprocess.Popen(command, env=env, cwd=here, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while (state := answer(port, "/readyz"))[0] != 200:
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, f"{state}\n{output.read_text()}"
            time.sleep(0.1)
        python = [sys.executable if word == "python" else word for word in image.healthcheck]
        healthy = subprocess.run(python, env=env, capture_output=True, text=True, timeout=PATIENCE_S)
        assert healthy.returncode == 0, healthy.stderr
        assert "\nkillcord_ready 1.0\n" in answer(port, "/metrics")[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, output.read_text()  # compose's stop_grace_period
    finally:
        process.kill()
        process.wait()
    assert not list(here.iterdir())
    unhealthy = subprocess.run(python, env=env, capture_output=True, text=True, timeout=PATIENCE_S)
    assert unhealthy.returncode != 0


def test_a_container_without_arguments_starts_a_worker(image, compose):
    assert image.entrypoint == ["killcord"]
    assert image.command == compose["services"]["worker"]["command"] == ["worker"]
