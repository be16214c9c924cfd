"""A client that posts what it is given, one request after the other, and judges each answer."""

import http.client
import time
from dataclasses import dataclass, field

import msgspec

HANGS_S = 20.0  # nothing takes so long but a hang, on the busiest machine
PROMISED_503 = {"overloaded", "unavailable"}
RETRIES = 50


@dataclass
class Phone:
    """Keeps its connection while the server does; remembers what it heard."""

    port: int
    statuses: dict[int, int] = field(default_factory=dict)
    slowest_s: float = 0.0
    shed: int = 0
    _held: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """The status; a promised 503 is asked again, as phones do. Fails on any other 5xx, and on a hang."""
        for _ in range(RETRIES):
            status, answer = self._asked(path, body, headers)
            if status != 503:
                break
            assert msgspec.json.decode(answer)["code"] in PROMISED_503, answer
            self.shed += 1
            time.sleep(0.1)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        assert status < 500, f"{status} {answer!r}"
        assert status == 200 or msgspec.json.decode(answer)["status"] == status
        return status

    def close(self) -> None:
        """Hangs up."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def _asked(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        began = time.monotonic()
        if self._held is None:
            self._held = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANGS_S)
        self._held.request("POST", path, body, headers)
        answer = self._held.getresponse()
        said = answer.read()
        if answer.will_close:
            self.close()
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        return answer.status, said
