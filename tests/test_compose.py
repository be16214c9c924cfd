"""docker-compose.yml and Dockerfile, held against the settings and the local programs without Docker."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.programs import rooms
from schemas.settings import Settings, address

COMPOSE: dict[str, Any] = yaml.safe_load(Path("docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ROOMS = ("ingest", "processors", "api")
ONCE = {"bootstrap", "s3-folder"}  # run to their end and are not restarted
OF_THE_CONTAINER = {"HEALTH_URL"}  # read by the image's health check alone


def test_every_part_and_room_of_the_local_stack_is_a_service() -> None:
    assert set(SERVICES) - ONCE == {"kafka", "valkey", "s3", "bigquery", "public", *ROOMS}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_runs_the_same_command_as_the_local_stack(room: str) -> None:
    local = {program.name: program.argv[1:] for program in rooms()}

    assert tuple(SERVICES[room]["command"][1:]) == local[room]


@pytest.mark.parametrize("room", [*ROOMS, "bootstrap"])
def test_a_room_is_given_settings_that_exist_and_can_be_read(room: str) -> None:
    given = {name: filled(value) for name, value in SERVICES[room]["environment"].items()}
    known = {field.upper() for field in Settings.__struct_fields__}

    assert set(given) - OF_THE_CONTAINER <= known
    settings = Settings.read(given)
    assert settings.kafka_brokers == "kafka:9092"
    assert settings.warehouse_emulator == "bigquery:9050:9060"


def filled(value: str) -> str:
    """`${NAME:-default}` as its default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def test_addresses_name_services_that_listen_there() -> None:
    given = SERVICES["ingest"]["environment"]
    hosts = re.findall(r"(kafka|valkey|s3|bigquery):(\d+)", " ".join(given.values()))

    assert {host for host, _ in hosts} == {"kafka", "valkey", "s3", "bigquery"}
    assert f":{address(given['INGEST_BIND'])[1]}" in Path("local/Caddyfile").read_text()
    assert f":{address(given['API_BIND'])[1]}" in Path("local/Caddyfile").read_text()
    assert {"9050", "9060"} < set(SERVICES["bigquery"]["command"])


@pytest.mark.parametrize("room", ROOMS)
def test_a_health_check_asks_the_address_the_room_listens_on(room: str) -> None:
    given = SERVICES[room]["environment"]

    assert given["HEALTH_URL"] == f"http://127.0.0.1:{address(given[f'{room.upper()}_BIND'])[1]}/ready"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_pinned_unprivileged_and_comes_back(name: str) -> None:
    service = SERVICES[name]

    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+[\w.-]*", service["image"]), "an image is pinned by its version"
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    if name != "s3-folder":  # chowns the volume, once
        assert service["user"] not in ("root", "0")
    if name not in ONCE and name not in ROOMS:  # the rooms' health check is the image's
        assert service["healthcheck"]["test"]


def test_only_what_phones_need_is_published_and_only_on_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {"public": ["127.0.0.1:8000:8000"], "s3": ["127.0.0.1:7070:7070"]}


def test_the_rooms_image_checks_health_installs_by_hash_and_drops_root() -> None:
    dockerfile = Path("Dockerfile").read_text()

    assert "HEALTHCHECK" in dockerfile
    assert dockerfile.count("--require-hashes") == 2
    assert {"USER 10001", "USER 10002"} <= set(dockerfile.splitlines())
    for copied in re.findall(r"^COPY (?!--from)(\S+)", dockerfile, re.MULTILINE):
        assert Path(copied).exists(), f"the image copies {copied}"
