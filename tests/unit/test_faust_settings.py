"""Faust is told what we mean: it takes unknown settings in silence, and lets variables of its own win."""

from __future__ import annotations

from pathlib import Path

import faust
import pytest
from faust.types.settings import Settings as FaustSettings

from monitor.settings import Settings
from monitor.worker.faust_settings import faust_options


def test_every_option_is_a_setting_of_faust() -> None:
    assert set(faust_options(Settings())) - {"id", "env"} <= set(FaustSettings.SETTINGS)


def test_variables_meant_for_other_programs_change_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    quiet = faust.App(**faust_options(Settings(data_dir=str(tmp_path)))).conf
    for name in ("APP_VERSION", "BROKER_COMMIT_EVERY", "WEB_PORT"):
        monkeypatch.setenv(name, "7")
    monkeypatch.setenv("BROKER_URL", "kafka://elsewhere:1")
    monkeypatch.setenv("NODE_HOSTNAME", "elsewhere")
    loud = faust.App(**faust_options(Settings(data_dir=str(tmp_path)))).conf
    assert (loud.id, loud.broker) == (quiet.id, quiet.broker) == ("killcord-worker", quiet.broker)
    assert str(loud.broker[0]) == "kafka://127.0.0.1:9092"
    assert loud.broker_commit_every == quiet.broker_commit_every


EFFECTIVE = [  # Faust's setting, its value with ours
    ("broker_session_timeout", 6.0),
    ("broker_heartbeat_interval", 0.5),
    ("broker_commit_interval", 0.3),
    ("web_enabled", False),
    ("topic_allow_declare", False),
    ("topic_disable_leader", True),
    ("value_serializer", "raw"),
    ("table_standby_replicas", 1),
    ("producer_acks", -1),
    ("consumer_group_instance_id", "worker-1"),
    ("producer_max_request_size", 2**20 + 65_536),
]


@pytest.mark.parametrize(("name", "value"), EFFECTIVE, ids=[row[0] for row in EFFECTIVE])
def test_the_defaults_that_we_change(name: str, value: object) -> None:
    app = faust.App(**faust_options(Settings(worker_instance_id="worker-1")))
    assert getattr(app.conf, name) == value


def test_several_brokers_and_ipv6_reach_aiokafka_as_they_were() -> None:
    from faust.transport.drivers.aiokafka import server_list

    brokers = ("a:1", "b:2", "[::1]:3")
    conf = faust.App(**faust_options(Settings(brokers=brokers))).conf
    assert tuple(server_list(conf.broker, 9092)) == brokers


CREDENTIALS = [  # settings, what Faust's driver hands to aiokafka
    ({}, {"security_protocol": "PLAINTEXT"}),
    ({"security_protocol": "SSL"}, {"security_protocol": "SSL"}),
    (
        {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_username": "u", "sasl_password": "p"},
        {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": "u",
         "sasl_plain_password": "p"},
    ),
    (
        {"security_protocol": "SASL_SSL", "sasl_username": "u", "sasl_password": "p"},
        {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "sasl_plain_username": "u",
         "sasl_plain_password": "p"},
    ),
    (
        {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token": "t"},
        {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "handed"), CREDENTIALS, ids=["none", "tls", "plain", "scram", "oauth"])
def test_how_faust_logs_in(settings: dict[str, str], handed: dict[str, str]) -> None:
    from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

    conf = faust.App(**faust_options(Settings(**settings))).conf
    auth = dict(credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context))
    context, provider = auth.pop("ssl_context", None), auth.pop("sasl_oauth_token_provider", None)
    assert auth == handed
    assert (context is not None) == ("SSL" in handed["security_protocol"].split("_"))
    assert (provider is not None) == (settings.get("sasl_mechanism") == "OAUTHBEARER")
