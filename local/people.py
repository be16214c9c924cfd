"""What a phone does, over plain HTTP: used by the demo and the journeys, so both speak only the public contract."""

import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx

PATIENCE = 60  # times; on a busy machine views may be seconds behind, or slower than a reader waits for
PAUSE_S = 0.5


class Unexpected(RuntimeError):
    """An answer that the contract does not promise; the message holds status and problem."""


@dataclass
class Phone:
    """One person's phone, signed in. `base_url` is the public address; everything goes through it."""

    base_url: str
    username: str
    http: httpx.Client
    token: str = ""
    user: str = ""
    last_position: str = ""

    @classmethod
    def register(cls, base_url: str, name: str, *, tz: str = "Europe/Lisbon") -> "Phone":
        """A new person, called `name` and a few random letters so that the demo can be run twice."""
        http = httpx.Client(base_url=base_url, timeout=10)
        phone = cls(base_url, f"{name}_{token_hex(3)}", http)
        made = phone.post("/v1/accounts", username=phone.username, password=f"pass-{token_hex(8)}", tz=tz)
        phone.token, phone.user = made["access_token"], made["user"]["id"]
        phone._be_known()
        return phone

    def _be_known(self) -> None:
        """The session stands in the log; where views are slow, it is good a little later."""
        for _ in range(PATIENCE):
            if self._asked("GET", "/v1/users/me", {"authorization": f"Bearer {self.token}"}).status_code == 200:
                return
            time.sleep(PAUSE_S)
        raise Unexpected(f"{self.username} has registered and is not known")

    def close(self) -> None:
        """Lets go of the connection."""
        self.http.close()

    def post(self, path: str, **members: Any) -> Any:
        """The JSON answer of a command; `Unexpected` when it is refused."""
        return self.call("POST", path, json=members)

    def get(self, path: str, **params: Any) -> Any:
        """The JSON answer of a read that has seen this phone's own commands (X-Read-After)."""
        return self.call("GET", path, params=params)

    def call(self, method: str, path: str, **how: Any) -> Any:
        """One request with this phone's token; remembers the position of what it wrote."""
        headers = how.pop("headers", {})
        if method == "POST":
            headers.setdefault("idempotency-key", token_hex(16))
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        if self.last_position:
            headers["x-read-after"] = self.last_position
        answer = self._asked(method, path, headers, **how)
        if answer.status_code >= 400:
            raise Unexpected(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        self.last_position = answer.headers.get("x-position", self.last_position)
        return answer.json() if answer.content else None

    def _asked(self, method: str, path: str, headers: dict[str, str], **how: Any) -> httpx.Response:
        """The answer; a read that finds the views away is asked again, as its problem says."""
        for _ in range(PATIENCE if method == "GET" else 0):
            answer = self.http.request(method, path, headers=headers, **how)
            if answer.status_code != 503 or '"unavailable"' not in answer.text:
                return answer
            time.sleep(PAUSE_S)
        return self.http.request(method, path, headers=headers, **how)

    def upload(self, picture: Path) -> str:
        """Puts the picture into S3 with a ticket, past us; the upload's id."""
        image = picture.read_bytes()
        ticket = self.post("/v1/uploads", content_type="image/jpeg", bytes=len(image))
        stored = httpx.post(
            ticket["url"], data=ticket["fields"], files={"file": (picture.name, image, "image/jpeg")}, timeout=30
        )
        if stored.status_code >= 300:
            raise Unexpected(f"the upload answered {stored.status_code}: {stored.text[:300]}")
        return str(ticket["upload_id"])

    def take(self, picture: Path, *, roll: str | None = None, caption: str | None = None) -> dict[str, Any]:
        """A photo: uploaded, then told; the answer holds its id and when it is revealed."""
        told = {"upload_id": self.upload(picture), "roll": roll, "caption": caption}
        photo: dict[str, Any] = self.post("/v1/photos", **{name: text for name, text in told.items() if text})
        return photo
