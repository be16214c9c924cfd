"""Which web pages may call us (CORS, fetch.spec.whatwg.org). Never with credentials: no cookie means anything here."""

import re
from collections.abc import Mapping

from schemas.settings import SettingsError

Headers = tuple[tuple[bytes, bytes], ...]

ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
EXPOSED = b"RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Position, X-Request-Id"
PREFLIGHT: Headers = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Encoding, Content-Type, Idempotency-Key, Prefer, X-Read-After, X-Request-Deadline, "
        b"X-Request-Id, X-Write-Key",
    ),
    (b"access-control-max-age", b"7200"),  # what browsers keep at most
)


class Origins:
    """Those of a setting `https://a.example,https://b.example`, or `*`; `SettingsError` when one is none."""

    def __init__(self, setting: str) -> None:
        given = [origin.strip() for origin in setting.split(",") if origin.strip()]
        self._any: Headers | None = _allowing(b"*") if given == ["*"] else None
        for origin in given if self._any is None else ():
            if not ORIGIN.fullmatch(origin):
                raise SettingsError(f"CORS_ORIGINS has {origin!r}; expected https://host[:port], or * alone")
        self._named = {origin.encode(): (*_allowing(origin.encode()), (b"vary", b"Origin")) for origin in given}

    def headers(self, asked: Mapping[bytes, bytes]) -> Headers:
        """For the answer to a request with these headers; none when no page asks, or a strange one."""
        origin = asked.get(b"origin")
        if origin is None:
            return ()
        return self._any or self._named.get(origin, ((b"vary", b"Origin"),))


def _allowing(origin: bytes) -> Headers:
    return ((b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED))
