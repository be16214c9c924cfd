"""What the parts are started with."""

from base64 import urlsafe_b64decode

from local.programs import cluster_id


def test_kafka_takes_no_cluster_id_for_an_option() -> None:
    """A plain random one begins with a dash once in 64 times: over so many draws, for certain."""
    ids = {cluster_id() for _ in range(2_000)}

    assert len(ids) == 2_000
    assert {len(urlsafe_b64decode(f"{each}==")) for each in ids} == {16}
    assert not [each for each in ids if each.startswith("-")]
