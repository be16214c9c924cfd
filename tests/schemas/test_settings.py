import re

import pytest

from schemas.settings import Emulator, Settings, SettingsError, address, emulator, explained


def test_an_empty_environment_is_the_local_stack() -> None:
    assert Settings.read({}) == Settings()


def test_a_setting_is_read_from_its_upper_case_name() -> None:
    assert Settings.read({"KAFKA_REPLICATION": "3", "DOCS": "1", "UNRELATED": "x"}) == Settings(
        kafka_replication=3, docs=True
    )


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"KAFKA_REPLICATION": "many"}, "kafka_replication"),
        ({"DOCS": "maybe"}, "DOCS"),
        ({"ENVIRONMENT": "moon"}, "moon"),
        ({"REDIS_URL": "0-62=redis://a:6379/0"}, "REDIS_URL is no table of buckets: bucket 63 has no server"),
    ],
)
def test_a_wrong_setting_is_named(env: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(named)):
        Settings.read(env)


@pytest.mark.parametrize("forgotten", ["S3_SECRET_KEY", "CURSOR_SECRET", "WRITE_KEYS"])
def test_production_refuses_each_secret_of_the_local_stack(forgotten: str) -> None:
    own = {"S3_SECRET_KEY": "a", "CURSOR_SECRET": "b", "WRITE_KEYS": "k=app", "ENVIRONMENT": "production"}
    Settings.read(own)
    del own[forgotten]

    with pytest.raises(SettingsError, match=forgotten):
        Settings.read(own)


def test_hosts_are_the_public_address_loopback_and_what_is_allowed_beside() -> None:
    settings = Settings(public_url="https://Darkroom.Example:443/", allowed_hosts="c.darkroom.example, [fd00::1]:80,")

    assert settings.hosts() == {
        b"darkroom.example", b"c.darkroom.example", b"[fd00::1]", b"localhost", b"127.0.0.1", b"[::1]"
    }  # fmt: skip


def test_every_setting_is_explained() -> None:
    assert all(explanation.endswith(".") for _, explanation in explained().values())


@pytest.mark.parametrize("bind", ["8001", "host:", ":80", "host:http"])
def test_an_address_without_host_or_port_is_refused(bind: str) -> None:
    with pytest.raises(SettingsError, match="host:port"):
        address(bind)


def test_the_emulators_addresses_are_read_from_one_setting() -> None:
    assert emulator("box:9050:9060") == Emulator(rest="http://box:9050", grpc="box:9060")
    assert emulator("") is None


@pytest.mark.parametrize("text", ["box", "box:9050", ":9050:9060", "box:9050:grpc", "box:1:2:3"])
def test_an_emulator_without_both_ports_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="host:restport:grpcport"):
        emulator(text)
