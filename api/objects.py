"""Door to S3: signs links to renditions. No request is made; signing is a few hashes on this machine.

A link's date is the start of its ten-minute window, not this second: within a window the same key has the same link in
every process, so a page keeps its ETag and a cache in front its objects. boto3's `generate_presigned_url` (215 us,
always now) cannot; its own signer at a given time takes 61 us, and a test holds the two equal.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import quote

import boto3
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from schemas.ids import EPOCH
from schemas.objects import LINK_SECONDS
from schemas.settings import Settings

WINDOW = timedelta(minutes=10)  # so a link is good for 50 to 60 minutes
REMEMBERED = 50_000  # links, some 400 B each: a hot photo is signed once per window


class _At(S3SigV4QueryAuth):
    """botocore's own signer, which takes the time from the request instead of the clock."""

    def add_auth(self, request: AWSRequest) -> None:
        self._modify_request_before_signing(request)  # type: ignore[attr-defined]  # the stubs leave it out
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))  # type: ignore[attr-defined]  # also


@dataclass(frozen=True, eq=False)  # compared by identity: it is part of the key of what is remembered
class Objects:
    """Links into the private bucket at `base` (`https://host/bucket`)."""

    base: str
    region: str
    session: boto3.Session = field(repr=False)
    window: timedelta = WINDOW

    def link(self, key: str, now: datetime) -> str:
        """A GET link to `key` that is good for an hour at most."""
        return _signed(self, key, self.window_of(now))

    def window_of(self, now: datetime) -> datetime:
        """Until the next window begins links stay as they are."""
        return _window(now, self.window)

    def credentials(self) -> Credentials:
        """The keys to sign with; a role's are renewed by boto3 when they age."""
        found = self.session.get_credentials()
        frozen = found.get_frozen_credentials() if found else None
        if frozen is None or not frozen.access_key or not frozen.secret_key:
            raise RuntimeError("S3 credentials are missing; expected S3_ACCESS_KEY or the default chain to give some")
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)


def open_objects(settings: Settings) -> Objects:
    """The door for these settings; with an endpoint of its own the bucket stands in the path, at AWS in the host."""
    endpoint, bucket, region = settings.s3_public_endpoint, settings.s3_bucket, settings.s3_region
    base = f"{endpoint.rstrip('/')}/{bucket}" if endpoint else f"https://{bucket}.s3.{region}.amazonaws.com"
    session = boto3.Session(settings.s3_access_key or None, settings.s3_secret_key or None, region_name=region)
    return Objects(base, region, session)


@lru_cache(maxsize=64)  # asked of each photo of a page
def _window(now: datetime, window: timedelta) -> datetime:
    return now - (now - EPOCH) % window


@lru_cache(maxsize=REMEMBERED)
def _signed(objects: Objects, key: str, at: datetime) -> str:
    request = AWSRequest("GET", f"{objects.base}/{quote(key)}")
    request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
    _At(objects.credentials(), "s3", objects.region, LINK_SECONDS).add_auth(request)
    return str(request.url)
