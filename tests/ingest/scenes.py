"""Who bad commands are about."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec

from schemas.ids import PhotoId
from schemas.settings import Settings
from tests.ingest.test_photos import IMAGE
from tests.ingest.world import Person, World


class Scene(msgspec.Struct, frozen=True):
    """Ben, who commands, and Ana."""

    world: World
    ben: Person
    ana: Person
    settings: Settings

    async def post(self, path: str, by: Person | None = None, key: str | None = None, **members: Any) -> httpx.Response:
        if key is None:
            return await self.world.post(path, by or self.ben, **members)
        headers = {**(by or self.ben).headers, "idempotency-key": key}
        return await self.world.http.post(path, json=members, headers=headers)

    async def comment(self, text: str = "Fog!", key: str | None = None, **members: Any) -> httpx.Response:
        """Ben's, on a photo of Ana's."""
        return await self.post(f"/v1/photos/{await self.photo()}/comments", key=key, text=text, **members)

    async def photo(self) -> PhotoId:
        return await self.world.photo(self.ana)

    async def ticket(self, image: bytes = IMAGE) -> dict[str, Any]:
        answer = await self.post("/v1/uploads", content_type="image/jpeg", bytes=len(image))
        found: dict[str, Any] = answer.json()
        return found


Case = Callable[[Scene], Awaitable[httpx.Response]]
