"""Settings: which source wins, and what is said of those that do not fit."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from monitor.settings import FIELDS, Settings, SettingsError, aiokafka_options, environment, load
from monitor.settings.oauth import TokenError, token_provider


def problems(overrides: dict[str, Any] | None = None, *, file: Path | None = None, **env: str) -> list[str]:
    with pytest.raises(SettingsError) as told:
        load(overrides, env=env, file=file)
    return told.value.problems


def test_defaults_are_good_and_say_so() -> None:
    loaded = load(env={"HOME": "/root"})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_the_command_line_wins_over_the_environment_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "killcord.yaml"
    file.write_text("# ours\npartitions: 3\nmetrics_port: 1\nlog_level: debug\n")
    env = {"KILLCORD_METRICS_PORT": "2", "KILLCORD_LOG_LEVEL": "error"}
    loaded = load({"log_level": "warning", "log_format": None}, env=env, file=file)
    assert (loaded.settings.partitions, loaded.origins["partitions"]) == (3, f"file {file}:2")
    assert (loaded.settings.metrics_port, loaded.origins["metrics_port"]) == (2, "environment KILLCORD_METRICS_PORT")
    assert (loaded.settings.log_level, loaded.origins["log_level"]) == ("warning", "command line")
    assert loaded.origins["log_format"] == "default"


def test_killcord_config_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "killcord.yaml"
    file.write_text("brokers: [a:1, b:2]\n")
    assert load(env={"KILLCORD_CONFIG": str(file)}).settings.brokers == ("a:1", "b:2")


CONVERTED = [  # variable, text, setting's value
    ("KILLCORD_BROKERS", " a:1, b:2 ,[::1]:3", ("a:1", "b:2", "[::1]:3")),
    ("KILLCORD_PARTITIONS", " 12 ", 12),
    ("KILLCORD_SESSION_TIMEOUT_S", "10", 10.0),
    ("KILLCORD_EPHEMERAL", "true", True),
    ("KILLCORD_METRICS_PORT", "0", 0),
    ("KILLCORD_CLIENT_ID", "17", "17"),
]


@pytest.mark.parametrize(("variable", "text", "value"), CONVERTED, ids=[row[0] for row in CONVERTED])
def test_text_from_the_environment_becomes_the_settings_type(variable: str, text: str, value: object) -> None:
    settings = load(env={variable: text}).settings
    assert getattr(settings, variable.removeprefix("KILLCORD_").lower()) == value


REFUSED = [  # environment, what is said: setting, value, origin, and the remedy or what was expected
    ({"KILLCORD_PARTITIONS": "many"}, "partitions = 'many' (environment KILLCORD_PARTITIONS): Expected `int`"),
    ({"KILLCORD_PARTITIONS": "0"}, "partitions = '0' (environment KILLCORD_PARTITIONS): Expected `int` >= 1"),
    ({"KILLCORD_COMMIT_INTERVAL_S": "nan"}, "commit_interval_s = 'nan'"),
    ({"KILLCORD_RUN_TTL_S": "inf"}, "Expected a finite number"),
    ({"KILLCORD_LOG_FORMAT": "xml"}, "log_format = 'xml' (environment KILLCORD_LOG_FORMAT): expected one of json, con"),
    ({"KILLCORD_BROKERS": ""}, "brokers = '' (environment KILLCORD_BROKERS): expected host:port, such as"),
    ({"KILLCORD_BROKERS": "kafka"}, "brokers = 'kafka' (environment KILLCORD_BROKERS): expected host:port"),
    ({"KILLCORD_BROKERS": "kafka://a:9092"}, "expected host:port"),
    ({"KILLCORD_TOPIC_PREFIX": "kill cord"}, "topic_prefix = 'kill cord'"),
    ({"KILLCORD_BROKER": "a:1"}, "KILLCORD_BROKER (environment): no such setting. Did you mean KILLCORD_BROKERS?"),
    ({"KILLCORD_XYZZY": "1"}, "KILLCORD_XYZZY (environment): no such setting. `killcord config` lists"),
    ({"KILLCORD_POLICY": "/nowhere.yaml"}, "policy = '/nowhere.yaml' (environment KILLCORD_POLICY): cannot be read"),
    ({"KILLCORD_HEARTBEAT_INTERVAL_S": "5"}, "heartbeat_interval_s = 5 (environment KILLCORD_HEARTBEAT_INTERVAL_S)"),
    ({"KILLCORD_SESSION_TIMEOUT_S": "30"}, "request_timeout_s = 20 (default): must be more than session_timeout_s"),
    ({"KILLCORD_SECURITY_PROTOCOL": "SASL_SSL", "KILLCORD_SASL_USERNAME": "u"}, "set KILLCORD_SASL_PASSWORD"),
    ({"KILLCORD_SASL_USERNAME": "u"}, "security_protocol is PLAINTEXT: choose SASL_SSL, or leave sasl_username out"),
    ({"KILLCORD_SSL_CAFILE": "/etc/hostname"}, "choose SSL or SASL_SSL, or leave ssl_cafile out"),
    (
        {"KILLCORD_SECURITY_PROTOCOL": "SASL_SSL", "KILLCORD_SASL_MECHANISM": "OAUTHBEARER"},
        "OAUTHBEARER takes one of sasl_oauth_token, _token_file and _token_endpoint; given: none",
    ),
    (
        {
            "KILLCORD_SECURITY_PROTOCOL": "SASL_SSL", "KILLCORD_SASL_MECHANISM": "OAUTHBEARER",
            "KILLCORD_SASL_OAUTH_TOKEN_ENDPOINT": "http://idp.example.com/token",
        },
        "the client secret would travel openly: use https://",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("env", "says"), REFUSED, ids=[row[1][:40] for row in REFUSED])
def test_a_setting_that_does_not_fit_is_told_with_origin_and_remedy(env: dict[str, str], says: str) -> None:
    assert any(says in problem for problem in problems(**env)), problems(**env)


def test_all_problems_are_told_at_once() -> None:
    told = problems({"log_level": "loud", "colour": "red"}, KILLCORD_PARTITIONS="x", KILLCORD_BROKRES="a:1")
    assert len(told) == 4
    assert "log_level = 'loud' (command line)" in told[2] + told[3]
    assert any(problem.startswith("colour (command line): no such setting") for problem in told)


def test_what_was_refused_is_not_told_twice() -> None:
    told = problems(KILLCORD_SECURITY_PROTOCOL="ssl", KILLCORD_SSL_CAFILE="/etc/hostname")
    assert len(told) == 1


FILES = [  # content, what is said
    ("partitons: 3\n", "partitons ({file}:1): no such setting. Did you mean partitions?"),
    ("log_level: info\npartitions: x\n", "partitions = 'x' (file {file}:2)"),
    ("- a\n", "expected `name: value` lines"),
    ("a: [\n", "is not YAML"),
]


@pytest.mark.parametrize(("content", "says"), FILES, ids=[row[1] for row in FILES])
def test_a_file_that_does_not_fit_is_told_with_its_line(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "killcord.yaml"
    file.write_text(content)
    assert says.format(file=file) in "\n".join(problems(file=file))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "Give a readable YAML file" in problems(file=tmp_path / "none.yaml")[0]


SECRETS = {
    "KILLCORD_SECURITY_PROTOCOL": "SASL_SSL",
    "KILLCORD_SASL_USERNAME": "user",
    "KILLCORD_SASL_PASSWORD": "hunter2",
}


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    lines = {line.name: line for line in load(env=SECRETS).describe()}
    assert list(lines) == list(FIELDS)
    assert lines["sasl_password"].value == "***"
    assert lines["sasl_oauth_token"].value == ""
    assert lines["sasl_username"].value == "user"
    assert lines["sasl_password"].variable == "KILLCORD_SASL_PASSWORD"
    assert "hunter2" not in str(lines)
    told = problems(**(SECRETS | {"KILLCORD_SECURITY_PROTOCOL": "PLAINTEXT"}))
    assert "hunter2" not in str(told)


def test_secrets_do_not_stand_in_the_settings_repr() -> None:
    assert "hunter2" not in repr(load(env=SECRETS).settings)
    assert "hunter2" not in repr(load(env=SECRETS))


def test_another_process_gets_the_same_settings() -> None:
    settings = load(env={**SECRETS, "KILLCORD_BROKERS": "a:1,b:2", "KILLCORD_EPHEMERAL": "1"}).settings
    assert load(env=environment(settings)).settings == settings


def test_every_setting_is_described() -> None:
    assert all(len(entry.description) > 10 and entry.description.endswith(".") for entry in FIELDS.values())


def test_aiokafka_gets_what_it_takes() -> None:
    options = aiokafka_options(load(env=SECRETS).settings)
    assert options["ssl_context"].check_hostname
    assert {key: value for key, value in options.items() if key != "ssl_context"} == {
        "bootstrap_servers": ["127.0.0.1:9092"],
        "client_id": "killcord",
        "request_timeout_ms": 20_000,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "user",
        "sasl_plain_password": "hunter2",
    }


def test_settings_and_topics_load_nothing_of_the_worker() -> None:
    code = (
        "import sys, monitor.settings, monitor.topics, monitor.topics.connect;"
        "heavy = {'faust', 'river', 'numpy', 'scipy', 'confluent_kafka', 'prometheus_client'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


class TokenEndpoint(BaseHTTPRequestHandler):
    """Gives tokens that are numbered, for the right secret."""

    asked: int
    lifetime: float

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        server = type(self)
        server.asked += 1
        # printf 'the client:s3cret' with the parts form-encoded, in base64
        good = self.headers["Authorization"] == "Basic dGhlJTIwY2xpZW50OnMzY3JldA=="
        answer: dict[str, Any] = {"error": "invalid_client"}
        if good:
            answer = {"access_token": f"token-{server.asked} {body}", "expires_in": server.lifetime}
        data = json.dumps(answer).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, type[TokenEndpoint]]]:
    handler = type("Endpoint", (TokenEndpoint,), {"asked": 0, "lifetime": 300.0})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token", handler
        server.shutdown()
        thread.join()


def oauth(**settings: str) -> Settings:
    return Settings(security_protocol="SASL_SSL", sasl_mechanism="OAUTHBEARER", **settings)


async def test_a_token_endpoint_is_asked_again_only_when_a_token_ends(
    endpoint: tuple[str, type[TokenEndpoint]],
) -> None:
    url, server = endpoint
    provider = token_provider(
        oauth(
            sasl_oauth_token_endpoint=url,
            sasl_oauth_client_id="the client",
            sasl_oauth_client_secret="s3cret",
            sasl_oauth_scope="kafka",
        )
    )
    first = await provider.token()
    assert first == "token-1 grant_type=client_credentials&scope=kafka"
    assert await provider.token() == first
    short = token_provider(
        oauth(
            sasl_oauth_token_endpoint=url,
            sasl_oauth_client_id="the client",
            sasl_oauth_client_secret="s3cret",
        )
    )
    server.lifetime = 1.0
    assert (await short.token(), await short.token()) == (
        "token-2 grant_type=client_credentials",
        "token-3 grant_type=client_credentials",
    )


async def test_a_refused_client_is_told_what_the_endpoint_said(endpoint: tuple[str, type[TokenEndpoint]]) -> None:
    url, _ = endpoint
    wrong = oauth(sasl_oauth_token_endpoint=url, sasl_oauth_client_id="x", sasl_oauth_client_secret="guessed")
    with pytest.raises(TokenError, match=r"answered 401.*invalid_client.*Check the client id, secret"):
        await token_provider(wrong).token()


async def test_a_token_file_is_read_at_each_login(tmp_path: Path) -> None:
    file = tmp_path / "token"
    provider = token_provider(oauth(sasl_oauth_token_file=str(file)))
    with pytest.raises(TokenError, match=r"sasl_oauth_token_file .*No such file"):
        await provider.token()
    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        assert await provider.token() == token
