import pytest

from ingest.rules.paths import Paths

PATHS = Paths([("/v1/rolls", ["POST"]), ("/v1/rolls/{id}", ["PATCH"]), ("/v1/rolls/{id}", ["GET"]), ("/a.b", ["PUT"])])


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/v1/rolls", {"POST"}), ("/v1/rolls/7", {"PATCH", "GET"}), ("/v1/rolls/%", {"PATCH", "GET"}), ("/a.b", {"PUT"})],
)
def test_a_path_offers_the_methods_of_all_its_routes(path: str, methods: set[str]) -> None:
    assert set(PATHS.methods(path) or ()) == methods


@pytest.mark.parametrize("path", ["", "/", "/v1/rolls/", "/v1/rolls/7/8", "/axb", "/v1/rolls\n", "x/v1/rolls"])
def test_elsewhere_there_is_nothing(path: str) -> None:
    assert PATHS.methods(path) is None
