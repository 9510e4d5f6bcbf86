"""A real Prometheus on the loopback, and a worker's metrics for it to scrape."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from monitor.health import HealthServer
from monitor.messages import Ack, Alert, Command
from monitor.metrics import Metrics
from monitor.watchdog.metrics import WatchdogMetrics

ROOT = Path(__file__).parents[2]
RULES = ROOT / "dashboards" / "prometheus" / "killcord.rules.yml"
PATIENCE_S = 60


@pytest.fixture(scope="session")
def programs():
    """The folder of ``prometheus`` and ``promtool``. Without them: a skip on a laptop, a failure in CI."""
    found = [shutil.which(name) for name in ("prometheus", "promtool")]
    if all(found):
        return Path(found[0]).parent
    script = Path(__file__).with_name("prometheus.sh")
    done = subprocess.run([script, "install", ROOT / ".cache" / "prometheus"], capture_output=True, text=True)
    if done.returncode == 0:
        return Path(done.stdout.strip())
    reason = f"no Prometheus: {done.stderr.strip()}. Put prometheus and promtool on PATH."
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def promtool(programs):
    def run(*arguments):
        return subprocess.run([programs / "promtool", *arguments], capture_output=True, text=True, timeout=PATIENCE_S)

    return run


class Busy:
    """A worker's metrics in which everything happened once more with each call of ``work``."""

    def __init__(self):
        self.metrics = Metrics()
        self.metrics.ready_when(lambda: None)
        self.metrics.assigned([0, 1])
        self.metrics.policy("3f2a", [("destructive.wide", "critical", "kill"), ("loops.repeat", "warning", "pause")])
        self.work()

    def work(self):
        m = self.metrics
        alert = dict.fromkeys(Alert.__struct_fields__)
        m.events({"tool.call": 20, "heartbeat": 5})
        m.unknown_kinds()
        m.undecodable()
        m.duplicates()
        m.finding("destructive.wide")
        m.alert(Alert(**alert | {"revision": 1, "rule": "destructive.wide", "severity": "critical", "mode": "kill"}))
        m.command(Command(**dict.fromkeys(Command.__struct_fields__) | {"action": "kill"}), 0.02)
        m.ack(Ack(**dict.fromkeys(Ack.__struct_fields__) | {"status": "stopped"}), 0.15)
        m.batch(0.002)
        m.checkpoint(0.01)
        m.lag(0, 3)
        m.behind(0, 0.1)
        m.event_age(0.01)
        m.runs(4)
        m.pending(1)
        m.escalated()
        m.governed()
        m.policy_reload("taken")


@pytest.fixture(scope="session")
def worker():
    """``(target, work)``: what Prometheus scrapes as host:port, and a call after which more has happened."""
    busy = Busy()
    server = HealthServer(busy.metrics.registry, alive=lambda: None, ready=lambda: None, host="127.0.0.1", port=0)
    with server:
        yield f"{server.host}:{server.port}", busy.work


@pytest.fixture(scope="session")
def watchdog():
    """As `worker`, of a watchdog."""
    metrics = WatchdogMetrics()

    def work():
        metrics.canary.observe(0.03)
        metrics.killed.inc()
        metrics.workers.set(2)
        metrics.silence.set(0.4)

    work()
    server = HealthServer(metrics.registry, alive=lambda: None, ready=lambda: None, host="127.0.0.1", port=0)
    with server:
        yield f"{server.host}:{server.port}", work


@pytest.fixture(scope="session")
def exposition(worker, watchdog):
    """The text that a worker and a watchdog give to a scrape."""
    texts = []
    for target, _ in (worker, watchdog):
        with urllib.request.urlopen(f"http://{target}/metrics", timeout=10) as response:
            texts.append(response.read().decode())
    return "".join(texts)


class Prometheus:
    """A running server, asked through its HTTP API."""

    def __init__(self, url):
        self.url = url

    def get(self, path, **parameters):
        url = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return {"status": "error", "error": f"{error.code}: {error.read().decode()}"}

    def query(self, expr):
        """The result of an instant query. Fails with Prometheus's own words."""
        answer = self.get("/api/v1/query", query=expr)
        assert answer["status"] == "success", f"{expr}\n{answer.get('error')}"
        return answer["data"]["result"]

    def wait_for(self, expr):
        deadline = time.monotonic() + PATIENCE_S
        while not (result := self.query(expr)):
            assert time.monotonic() < deadline, f"nothing in {PATIENCE_S} s: {expr}"
            time.sleep(0.1)
        return result


@pytest.fixture(scope="session")
def prometheus(programs, worker, watchdog, tmp_path_factory):
    """Prometheus that has scraped both, more than once and with work in between, and evaluates the rules."""
    target, work = worker
    home = tmp_path_factory.mktemp("prometheus")
    config = home / "prometheus.yml"
    scrape = [
        {"job_name": "killcord", "static_configs": [{"targets": [target]}]},
        {"job_name": "killcord-watchdog", "static_configs": [{"targets": [watchdog[0]]}]},
    ]
    settings = {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "500ms"}
    config.write_text(json.dumps({"global": settings, "rule_files": [str(RULES)], "scrape_configs": scrape}))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    log = (home / "log").open("wb")
    process = subprocess.Popen(
        [
            programs / "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address={address}",
        ],
        stdout=log,
        stderr=log,
    )
    try:
        server = Prometheus(f"http://{address}")
        _ready(server, process, home / "log")
        server.wait_for("count_over_time(killcord_build_info[1m]) >= 2")
        server.wait_for("count_over_time(killcord_workers[1m]) >= 2")
        work()
        watchdog[1]()
        server.wait_for("killcord_escalations_total >= 2")
        server.wait_for("killcord_canary_seconds_count >= 2")
        yield server
    finally:
        process.kill()
        process.wait()
        log.close()


def _ready(server, process, log):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(f"{server.url}/-/ready", timeout=1):
                return
        except OSError:
            assert process.poll() is None, f"Prometheus ended:\n{log.read_text()}"
            assert time.monotonic() < deadline, f"not ready in {PATIENCE_S} s:\n{log.read_text()}"
            time.sleep(0.05)
