"""Door to S3: originals as they were uploaded, renditions as the film made them.

boto3 blocks, so each call has a thread. What is not there is a value (`Missing`), for it spoils one photo; what does
not answer is an exception, which the loop retries.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import ClientError

from processors.intents import Append, Put, Sweep
from processors.processor import Effects
from schemas.facts import Fact, PhotoCaptured
from schemas.objects import MAX_UPLOAD_BYTES
from schemas.settings import Settings

THREADS = 8  # a batch of photos; more would only wait for the film
ANSWER_S = 10.0  # below the loop's own 20 s, so that a thread does not outlive its call for long


class Missing(msgspec.Struct, frozen=True):
    """There is no such original: never uploaded, replaced since (another ETag), or gone. A stable reason."""

    reason: str


class Original(msgspec.Struct, frozen=True):
    """What a phone uploaded, and the type that its ticket was for."""

    body: bytes
    content_type: str


class Originals:
    """The `known` of `develop`: for each captured photo the original that its fact means, for other facts None."""

    def __init__(self, settings: Settings) -> None:
        self._bucket = settings.s3_bucket
        self._client = client(settings)
        self._threads = ThreadPoolExecutor(THREADS, "originals")

    async def __call__(self, values: Sequence[Any]) -> Sequence[Original | Missing | None]:
        """In the order of `values`."""
        return await asyncio.gather(*(self._found(value) for value in values))

    async def _found(self, fact: Fact) -> Original | Missing | None:
        if not isinstance(fact, PhotoCaptured):
            return None
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._get, fact.original, fact.etag)

    def _get(self, key: str, etag: str) -> Original | Missing:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key, IfMatch=f'"{etag.strip(chr(34))}"')
        except ClientError as error:
            return _missing(error)
        if answer["ContentLength"] > MAX_UPLOAD_BYTES:
            return Missing("original_too_large")
        return Original(answer["Body"].read(), answer.get("ContentType", ""))


class Renditions:
    """The store of `develop`: first all objects of a batch, then its facts in order.

    Keeps no memory of its own: an object is put again under the same key, a fact appended again has the same id.
    """

    def __init__(self, settings: Settings, append: Callable[[Fact], Awaitable[None]]) -> None:
        self._settings = settings
        self._append = append
        self._client: Any = None
        self._threads = ThreadPoolExecutor(THREADS, "renditions")

    async def open(self) -> None:
        """Makes the client; it connects with its first call."""
        self._client = self._client or client(self._settings)

    async def progress(self) -> Mapping[tuple[str, int], int] | None:
        """Kafka's committed offset decides."""
        return None

    async def apply(self, effects: Sequence[Effects]) -> None:
        """A fact goes out only when every object that it names is there, unless its photo is taken back already."""
        intents = [intent for each in effects for intent in each.intents]
        await asyncio.gather(*(self._put(intent) for intent in intents if isinstance(intent, Put)))
        await asyncio.gather(*(self._swept(intent) for intent in intents if isinstance(intent, Sweep)))
        for intent in intents:
            if isinstance(intent, Append):
                await self._append(intent.fact)

    async def close(self) -> None:
        """Waits for no call."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _put(self, put: Put) -> None:
        def call() -> None:
            self._client.put_object(
                Bucket=self._settings.s3_bucket, Key=put.key, Body=put.body, ContentType=put.content_type
            )

        await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def _swept(self, sweep: Sweep) -> None:
        """A thousand objects with each call; an attempt that takes too long has made the next one shorter."""

        def call() -> None:
            bucket = self._settings.s3_bucket
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=sweep.prefix):
                if found := [{"Key": each["Key"]} for each in page.get("Contents", ())]:
                    _expect_all(self._client.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True}))

        await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _expect_all(answer: Mapping[str, Any]) -> None:
    """S3 says 200 and names what it kept."""
    if kept := answer.get("Errors"):
        raise OSError(f"{len(kept)} objects could not be deleted: {kept[0].get('Code')}")


def client(settings: Settings) -> Any:
    """A client that asks once: the loop is what retries. Empty keys mean the default credential chain."""
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint or None,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key or None,
        aws_secret_access_key=settings.s3_secret_key or None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if settings.s3_endpoint else "auto"},
            connect_timeout=ANSWER_S / 2,
            read_timeout=ANSWER_S,
            max_pool_connections=THREADS,
            retries={"mode": "standard", "total_max_attempts": 1},
        ),
    )


def _missing(error: ClientError) -> Missing:
    """What the refusal says of the original; raised again when it says something of the server."""
    code = str(error.response.get("Error", {}).get("Code"))
    reasons = {
        "NoSuchKey": "original_missing",
        "404": "original_missing",
        "PreconditionFailed": "original_changed",
        "412": "original_changed",
    }
    if code not in reasons:
        raise error
    return Missing(reasons[code])
