"""Page cursors: opaque to clients, signed by us, bound to one endpoint and one reader. Pure.

    base64url( HMAC-SHA256(secret, endpoint, reader, position)[:16] + position )

A cursor holds nothing but a position, so it survives restarts and rebuilds; the position is an id the reader was shown,
with a mark before it when the cursor leads back.
"""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hmac import compare_digest, digest

from schemas.ids import UserId

MAC_BYTES = 16  # 128 bits: a forged cursor shows nothing the reader may not see anyway
MAX_CHARS = 1_500  # a ranked feed carries its order
BACK = "<"


def cursor(secret: bytes, endpoint: str, reader: UserId, position: str) -> str:
    """The text a client hands back to go on after `position`; `endpoint` is the path with its ids."""
    mac = _mac(secret, endpoint, reader, position)
    return urlsafe_b64encode(mac + position.encode()).rstrip(b"=").decode()


def position(secret: bytes, endpoint: str, reader: UserId, text: str) -> str | None:
    """The position in a cursor; None when it was not made by us for this endpoint and reader.

    It is made again and compared as text: base64 has several spellings of the same bytes.
    """
    if len(text) > MAX_CHARS or not text.isascii():
        return None
    try:
        raw = b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = raw[MAC_BYTES:].decode()
    except (NotBase64, UnicodeDecodeError):
        return None
    return found if compare_digest(cursor(secret, endpoint, reader, found), text) else None


def place(position: str, *, is_back: bool) -> str:
    """What the cursor of the page after this position holds, or of the one before it."""
    return BACK + position if is_back else position


def parted(place: str) -> tuple[str, bool]:
    """The position, and whether the cursor leads back."""
    return place.removeprefix(BACK), place.startswith(BACK)


def _mac(secret: bytes, endpoint: str, reader: UserId, position: str) -> bytes:
    return digest(secret, "\n".join((endpoint, reader, position)).encode(), "sha256")[:MAC_BYTES]
