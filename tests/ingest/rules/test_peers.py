import pytest

from ingest.rules import peers

INSIDE = peers.networks("10.0.0.0/8, ::1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("93.184.216.34", [], "93.184.216.34"),
        ("93.184.216.34", ["1.2.3.4"], "93.184.216.34"),  # who is not trusted may say what they like
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4, 10.0.0.2"], "1.2.3.4"),  # what a client put in front of it counts for nothing
        ("10.0.0.1", ["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["1.2.3.4, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("::1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        ("", [], ""),
    ],
)
def test_a_client_cannot_choose_its_address(peer: str, forwarded: list[str], client: str) -> None:
    assert peers.client(peer, forwarded, INSIDE) == client


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        peers.networks("10.0.0.0/8,nowhere")
