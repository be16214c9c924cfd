"""Who speaks to us: an address that a client cannot choose."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Networks = Sequence[IPv4Network | IPv6Network]

SITE_BITS = 64  # of an IPv6 address: what one household is given


def networks(text: str) -> Networks:
    """The setting's networks, `10.0.0.0/8,::1`; `ValueError` for what is none."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def client(peer: str, forwarded: Iterable[str], trusted: Networks) -> str:
    """The peer, or behind proxies that we trust the nearest address that is none of theirs (X-Forwarded-For, in order).

    An IPv6 address is told by its site alone, since whoever has one has 2^64.
    """
    named = [part.strip() for value in forwarded for part in value.split(",")]
    nearest = peer
    for address in (peer, *reversed(named)):
        if not _is_address(address):
            break
        nearest = address
        if not any(ip_address(address) in network for network in trusted):
            break
    return _site(nearest)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _site(address: str) -> str:
    if not _is_address(address) or ip_address(address).version == 4:
        return address
    return str(ip_network(f"{address}/{SITE_BITS}", strict=False))
