"""A Kafka as managed ones are: TLS, SCRAM and ACLs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from msgspec.structs import replace

from monitor.settings import Settings

ADMIN_PASSWORD = "admin-secret"
USERS = {"nobody": "nobody-secret", "reader": "reader-secret", "owner": "owner-secret"}

PROPERTIES = """
listeners=SASL_SSL://127.0.0.1:@PORT@,CONTROLLER://127.0.0.1:@CONTROLLER_PORT@
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:SSL
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule \
required username="admin" password="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={directory}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={directory}/ca.pem
listener.name.controller.ssl.client.auth=required
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:CN=broker
"""


@dataclass(frozen=True)
class SecureKafka:
    """One broker behind TLS, SCRAM-SHA-512 and ACLs. ``admin`` may do everything, the other users nothing."""

    admin: Settings
    stranger_ca: Path

    def user(self, name: str, prefix: str) -> Settings:
        return replace(self.admin, sasl_username=name, sasl_password=USERS[name], topic_prefix=prefix)

    def grant(self, user: str, operation: AclOperation, prefix: str) -> None:
        """A right on all topics whose names start with the prefix."""
        admin = AdminClient(
            {
                "bootstrap.servers": ",".join(self.admin.brokers), "security.protocol": "SASL_SSL",
                "ssl.ca.location": self.admin.ssl_cafile, "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": "admin", "sasl.password": ADMIN_PASSWORD,
            }
        )  # fmt: skip
        binding = AclBinding(
            ResourceType.TOPIC, prefix, ResourcePatternType.PREFIXED, f"User:{user}", "*", operation,
            AclPermissionType.ALLOW,
        )  # fmt: skip
        for future in admin.create_acls([binding]).values():
            future.result(timeout=20)
        wanted = AclBindingFilter(
            ResourceType.TOPIC, prefix, ResourcePatternType.PREFIXED, f"User:{user}", "*", operation,
            AclPermissionType.ALLOW,
        )  # fmt: skip
        end = time.monotonic() + 20
        while not admin.describe_acls(wanted).result(timeout=20):  # the controller has it before the broker minds it
            assert time.monotonic() < end
            time.sleep(0.05)


def openssl(directory: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60)


def authority(directory: Path, name: str) -> Path:
    openssl(
        directory, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
        "-keyout", f"{name}.key", "-out", f"{name}.pem",
    )  # fmt: skip
    return directory / f"{name}.pem"


def certificates(directory: Path) -> None:
    """An authority, the broker's certificate for 127.0.0.1, and its key in PKCS#8 with it in one file."""
    authority(directory, "ca")
    openssl(
        directory, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker",
        "-keyout", "broker.key", "-out", "broker.csr",
    )  # fmt: skip
    (directory / "san").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(
        directory, "x509", "-req", "-in", "broker.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-days", "2", "-extfile", "san", "-out", "broker.crt",
    )  # fmt: skip
    openssl(directory, "pkcs8", "-topk8", "-nocrypt", "-in", "broker.key", "-out", "broker.p8")
    parts = [(directory / name).read_text() for name in ("broker.p8", "broker.crt")]
    (directory / "broker.pem").write_text("".join(parts))


@pytest.fixture(scope="session")
def secure_kafka(start_kafka: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> SecureKafka:
    directory = tmp_path_factory.mktemp("tls")
    certificates(directory)
    properties = directory / "server.properties"
    properties.write_text(PROPERTIES.format(directory=directory, password=ADMIN_PASSWORD))
    users = {"admin": ADMIN_PASSWORD, **USERS}
    format_arguments = [
        argument
        for name, password in users.items()
        for argument in ("--format", "--add-scram", "--format", f"SCRAM-SHA-512=[name={name},password={password}]")
    ]
    cluster = start_kafka("--config", str(properties), *format_arguments)

    admin = Settings(
        brokers=cluster.brokers,
        security_protocol="SASL_SSL",
        ssl_cafile=str(directory / "ca.pem"),
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="admin",
        sasl_password=ADMIN_PASSWORD,
        partitions=2,
        replication_factor=1,
        broker_wait_s=10.0,
    )
    return SecureKafka(admin, authority(directory, "stranger"))
