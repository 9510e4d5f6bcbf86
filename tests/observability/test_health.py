"""The health server as Kubernetes, Prometheus and a person with curl see it."""

import asyncio
import http.client
import socket
import threading
import time

import pytest

from monitor.health import HealthServer, Heartbeat, PortUnavailable, serve
from monitor.metrics import Metrics
from monitor.settings import Settings


def fetch(server, path, method="GET", headers=None):
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.fixture
def checks():
    return {"alive": None, "ready": None}


@pytest.fixture
def server(checks):
    metrics = Metrics()
    with HealthServer(
        metrics.registry, alive=lambda: checks["alive"], ready=lambda: checks["ready"], host="127.0.0.1", port=0
    ) as running:
        yield running


ANSWERS = [  # alive, ready, path, status, text
    (None, None, "/healthz", 200, "ok\n"),
    (None, None, "/readyz", 200, "ok\n"),
    (None, "no partition of killcord.events is assigned", "/readyz", 503,
     "no partition of killcord.events is assigned\n"),
    (None, "the broker is away", "/healthz", 200, "ok\n"),
    ("the event loop is blocked", None, "/healthz", 503, "the event loop is blocked\n"),
    (None, None, "/", 404, "served are /metrics, /healthz and /readyz\n"),
]  # fmt: skip


@pytest.mark.parametrize(("alive", "ready", "path", "status", "text"), ANSWERS)
def test_answers(server, checks, alive, ready, path, status, text):
    checks |= {"alive": alive, "ready": ready}
    assert fetch(server, path) == (status, text)


def test_metrics_are_prometheus_text(server):
    status, text = fetch(server, "/metrics")
    assert status == 200
    assert "# TYPE killcord_events_total counter" in text


def test_metrics_are_openmetrics_where_wanted(server):
    _, text = fetch(server, "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_nothing_can_be_written(server, path):
    assert fetch(server, path, "POST")[0] == 405


def test_head_has_no_body(server):
    assert fetch(server, "/healthz", "HEAD") == (200, "")


def test_a_check_that_fails_by_itself_is_not_healthy(server, checks):
    checks.clear()
    status, text = fetch(server, "/readyz")
    assert (status, text) == (503, "the check itself failed: KeyError('ready')\n")


def test_a_silent_client_keeps_nobody_waiting(server):
    with socket.create_connection((server.host, server.port)) as silent:
        silent.sendall(b"GET /healthz HT")
        assert fetch(server, "/healthz")[0] == 200


def test_a_port_in_use_names_setting_value_and_remedy(server):
    taken = Settings(metrics_host=server.host, metrics_port=server.port)
    with pytest.raises(PortUnavailable) as caught:
        serve(taken, Metrics(), alive=lambda: None, ready=lambda: None)
    text = str(caught.value)
    assert f"metrics_port = {server.port}" in text
    assert "Address already in use" in text
    assert "KILLCORD_METRICS_PORT" in text


def test_an_address_of_another_machine_is_named():
    elsewhere = Settings(metrics_host="192.0.2.1", metrics_port=9464)
    with pytest.raises(PortUnavailable, match=r"metrics_host = 192\.0\.2\.1"):
        serve(elsewhere, Metrics(), alive=lambda: None, ready=lambda: None)


def test_port_0_serves_nothing():
    assert serve(Settings(metrics_port=0), Metrics(), alive=lambda: None, ready=lambda: None) is None


def test_closing_frees_the_port():
    registry = Metrics().registry
    with HealthServer(registry, alive=lambda: None, ready=lambda: None, host="127.0.0.1", port=0) as first:
        port = first.port
    with HealthServer(registry, alive=lambda: None, ready=lambda: None, host="127.0.0.1", port=port) as second:
        assert fetch(second, "/healthz")[0] == 200


def test_a_heartbeat_that_stops_says_for_how_long():
    now = [100.0]
    heartbeat = Heartbeat(limit_s=10.0, clock=lambda: now[0])
    now[0] = 110.0
    assert heartbeat() is None
    now[0] = 112.5
    assert heartbeat() == "the event loop has been blocked for 12.5 s (limit 10 s)"
    heartbeat.beat()
    assert heartbeat() is None


def test_a_blocked_event_loop_is_seen_from_outside():
    heartbeat = Heartbeat(limit_s=0.2)
    seen = []
    registry = Metrics().registry

    async def main(server):
        task = asyncio.create_task(heartbeat.run(0.02))
        await asyncio.sleep(0)
        seen.append(fetch_in_thread(server))
        deadline = time.monotonic() + 10
        while seen[-1][0] == 200 and time.monotonic() < deadline:
            seen.append(fetch_in_thread(server))  # joins a thread: the loop is blocked all the while
        task.cancel()

    with HealthServer(registry, alive=heartbeat, ready=lambda: None, host="127.0.0.1", port=0) as server:
        asyncio.run(main(server))
    assert seen[0] == (200, "ok\n")
    assert seen[-1][0] == 503
    assert "blocked" in seen[-1][1]


def fetch_in_thread(server):
    answer = []
    thread = threading.Thread(target=lambda: answer.append(fetch(server, "/healthz")))
    thread.start()
    thread.join()
    return answer[0]


def test_readiness_is_a_metric_too():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    reasons = ["no partition assigned"]
    settings = Settings(metrics_port=port)
    server = serve(settings, Metrics(), alive=lambda: None, ready=lambda: reasons[0] if reasons else None)
    try:
        assert "\nkillcord_ready 0.0\n" in fetch(server, "/metrics")[1]
        reasons.clear()
        assert "\nkillcord_ready 1.0\n" in fetch(server, "/metrics")[1]
    finally:
        server.close()
