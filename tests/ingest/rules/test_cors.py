import pytest

from ingest.rules.cors import Origins
from schemas.settings import Settings, SettingsError


def told(setting: str, origin: str | None) -> dict[bytes, bytes]:
    asked = {} if origin is None else {b"origin": origin.encode()}
    return dict(Origins(setting).headers(asked))


def test_a_page_we_know_may_call_and_read_our_headers() -> None:
    found = told("https://a.example, https://b.example:8443", "https://b.example:8443")

    assert found[b"access-control-allow-origin"] == b"https://b.example:8443"
    assert b"RateLimit-Remaining" in found[b"access-control-expose-headers"]
    assert found[b"vary"] == b"Origin"
    assert b"access-control-allow-credentials" not in found


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://a.example.evil.example", "HTTPS://A.EXAMPLE"]
)
def test_a_strange_page_is_told_nothing(origin: str) -> None:
    assert told("https://a.example", origin) == {b"vary": b"Origin"}


def test_what_is_no_page_costs_no_header() -> None:
    assert told("https://a.example", None) == told("*", None) == {}


def test_any_page_may_call_when_the_setting_says_so() -> None:
    assert told("*", "https://x.example")[b"access-control-allow-origin"] == b"*"


@pytest.mark.parametrize(
    "setting", ["a.example", "https://a.example/", "https://a.example,*", "null", "ftp://a.example"]
)
def test_a_setting_that_is_no_origin_is_refused(setting: str) -> None:
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        Origins(setting)


def test_the_default_is_the_pages_a_developer_serves() -> None:
    assert told(Settings().cors_origins, "http://localhost:3000")
    assert b"access-control-allow-origin" not in told(Settings().cors_origins, "https://darkroom.example")
