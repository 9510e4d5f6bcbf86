"""The Compose file against its schema, and against what it names."""

import json
import re
import xml.etree.ElementTree
from pathlib import Path

import jsonschema
import pytest
import yaml

from monitor.settings import load

ROOT = Path(__file__).parents[2]
SERVICES = ["kafka", "topics", "worker", "watchdog", "prometheus", "grafana"]


@pytest.fixture(scope="session")
def schema():
    return json.loads(Path(__file__).with_name("compose-spec.json").read_text())


def test_it_fits_the_schema(compose, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(compose)


BROKEN = [  # change, what the schema says of it
    ({"services": {"worker": {"imagee": "x"}}}, "imagee"),
    ({"services": {"worker": {"depends_on": {"kafka": {"condition": "healthy"}}}}}, "healthy"),
    ({"service": {}}, "service"),
]


@pytest.mark.parametrize(("broken", "named"), BROKEN)
def test_the_schema_would_say_what_is_wrong(schema, broken, named):
    with pytest.raises(jsonschema.ValidationError, match=named):
        jsonschema.Draft202012Validator(schema).validate(broken)


def test_the_services(compose):
    assert list(compose["services"]) == SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_mounts_is_there(compose, name):
    for volume in compose["services"][name].get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists(), volume
            assert volume.endswith(":ro"), volume
        else:
            assert source in compose["volumes"], volume


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_can_be_waited_for(compose, name):
    waits = compose["services"][name].get("depends_on", {})
    conditions = waits if isinstance(waits, dict) else {other: {} for other in waits}
    for other, wanted in conditions.items():
        assert other in compose["services"]
        if wanted.get("condition") == "service_healthy":
            assert "healthcheck" in compose["services"][other]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_reached_from_this_machine_alone(compose, name):
    for port in compose["services"][name].get("ports", []):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(compose, name):
    service = compose["services"][name]
    assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"])


@pytest.mark.parametrize("name", ["topics", "worker", "watchdog"])
def test_killcord_accepts_its_environment(compose, name, tmp_path):
    env = dict(compose["services"][name]["environment"])
    if "KILLCORD_POLICY" in env:
        env["KILLCORD_POLICY"] = str(_on_host(compose["services"][name], env["KILLCORD_POLICY"]))
    assert load(env=env).settings.brokers == ("kafka:19092",)


def _on_host(service, path):
    for volume in service["volumes"]:
        source, target = volume.split(":")[:2]
        if path.startswith(target):
            return ROOT / source / path[len(target) :].lstrip("/")
    raise AssertionError(f"{path} is not mounted")


def test_kafka_is_the_one_that_the_tests_run(compose):
    pom = xml.etree.ElementTree.parse(ROOT / "tests" / "kafka" / "pom.xml")
    version = next(node.text for node in pom.iter() if node.tag.endswith("kafka.version"))
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{version}"


def test_kafka_advertises_what_clients_are_told(compose):
    listeners = compose["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    advertised = dict(part.split("://") for part in listeners.split(","))
    assert advertised["CONTAINERS"] == compose["services"]["worker"]["environment"]["KILLCORD_BROKERS"]
    assert advertised["HOST"] == load(env={}).settings.brokers[0]


@pytest.mark.parametrize(
    ("name", "service", "port"),
    [("killcord", "worker", "metrics_port"), ("killcord-watchdog", "watchdog", "watchdog_port")],
)
def test_prometheus_scrapes_the_port_that_a_service_serves(compose, name, service, port):
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    [job] = [job for job in config["scrape_configs"] if job["job_name"] == name]  # as the rules have it
    [found] = job["dns_sd_configs"]
    assert found["names"] == [service]
    assert service in compose["services"]
    assert found["port"] == getattr(load(env={}).settings, port)


def test_grafana_finds_prometheus_and_the_dashboards(compose):
    grafana = compose["services"]["grafana"]
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((provisioning / "dashboards" / "killcord.yml").read_text())["providers"]
    assert source["url"] == "http://prometheus:9090"
    assert source["isDefault"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.startswith(provider["options"]["path"] + "/")
    assert _on_host(grafana, home).is_file()
