"""Door to S3: signs upload tickets, looks at what was uploaded, puts an original that came through us.

boto3 and its clients take 29 MB and half a second: both wait until the first photo, and happen in a thread. A worker
that collects only events never pays.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from ingest.rules.photos import AskUpload, Original
from schemas.ids import UploadId, UserId
from schemas.objects import TICKET_SECONDS, original
from schemas.problems import refusal
from schemas.settings import Settings

RETRY_AFTER_S = 2

T = TypeVar("T")


class Clients(NamedTuple):
    """Two, when S3 has two addresses: a signature covers the one it is sent to."""

    inside: Any
    outside: Any


class Objects:
    """Every method raises `Refusal(unavailable)` when the store is away, except that signing asks nobody."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bucket = settings.s3_bucket

    @cached_property
    def _clients(self) -> Clients:
        """Made once (`cached_property` locks): boto3's default session is no place for two threads."""
        settings = self._settings
        inside = _client(settings, settings.s3_endpoint)
        apart = settings.s3_public_endpoint != settings.s3_endpoint
        return Clients(inside, _client(settings, settings.s3_public_endpoint) if apart else inside)

    async def ticket(self, user: UserId, upload: UploadId, asked: AskUpload) -> tuple[str, dict[str, str]]:
        """URL and form fields of a presigned POST that takes exactly this key, type and number of bytes."""
        fields = {"Content-Type": asked.content_type}
        if asked.sha256:
            fields["x-amz-checksum-sha256"] = b64encode(bytes.fromhex(asked.sha256)).decode()
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        conditions.append(["content-length-range", asked.bytes, asked.bytes])
        key = original(user, upload)
        signed = await _asked(
            lambda: self._clients.outside.generate_presigned_post(
                self._bucket, key, Fields=fields, Conditions=conditions, ExpiresIn=TICKET_SECONDS
            )
        )
        return signed["url"], signed["fields"]

    async def head(self, user: UserId, upload: UploadId) -> Original | None:
        """What lies under the upload's key; None when nothing does."""
        key = original(user, upload)
        found = await _asked(lambda: _head(self._clients.inside, self._bucket, key))
        return None if found is None else Original(found["ETag"], found["ContentLength"], found.get("ContentType", ""))

    async def put(self, user: UserId, upload: UploadId, content_type: str, image: bytes) -> Original:
        """Stores an original; the same bytes under the same key when it is tried again."""
        key = original(user, upload)
        stored = await _asked(
            lambda: self._clients.inside.put_object(Bucket=self._bucket, Key=key, Body=image, ContentType=content_type)
        )
        return Original(stored["ETag"], len(image), content_type)


def _client(settings: Settings, endpoint: str) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key or None,
        aws_secret_access_key=settings.s3_secret_key or None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if endpoint else "auto"},
            connect_timeout=1,
            read_timeout=5,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=32,
        ),
    )


def _head(client: Any, bucket: str, key: str) -> Any:
    from botocore.exceptions import ClientError

    try:
        return client.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise


async def _asked(question: Callable[[], T]) -> T:
    """The blocking client's answer, from a thread. A 4xx that is not "not there" is a fault of ours and stays one."""
    return await asyncio.to_thread(_answered, question)


def _answered(question: Callable[[], T]) -> T:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return question()
    except BotoCoreError as error:
        raise refusal("unavailable", "the photo store is away", retry_after_s=RETRY_AFTER_S) from error
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
            raise
        raise refusal("unavailable", "the photo store is away", retry_after_s=RETRY_AFTER_S) from error
