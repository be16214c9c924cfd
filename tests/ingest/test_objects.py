import subprocess
import sys

import msgspec
import pytest

from ingest.objects import Objects
from ingest.rules.photos import AskUpload
from local.stack import Stack
from schemas.ids import UploadId, UserId

LOADED = "import gc, sys; from ingest import workers; workers.served(); print(gc.get_freeze_count(), *sys.modules)"


def test_a_worker_that_collects_only_events_does_not_load_the_photo_store_s_client() -> None:
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    frozen, *modules = told.stdout.split()

    assert "ingest.objects" in modules
    assert not {"boto3", "botocore"} & set(modules)
    assert int(frozen) > 10_000, "what a worker always holds is not looked through for garbage"


@pytest.mark.parametrize("public", ["http://photos.test", "http://127.0.0.1:1"])
async def test_a_ticket_is_for_the_address_that_phones_see_and_asks_nobody(public: str) -> None:
    settings = Stack.named("test").settings
    settings = msgspec.structs.replace(settings, s3_endpoint="http://127.0.0.1:1", s3_public_endpoint=public)

    asked = AskUpload(content_type="image/jpeg", bytes=7)
    url, fields = await Objects(settings).ticket(UserId("ana"), UploadId("up"), asked)

    assert url.startswith(public)
    assert fields["key"] == "uploads/ana/up"
