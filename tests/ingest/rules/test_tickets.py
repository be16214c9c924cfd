from ingest.rules.tickets import DRAWN_BYTES, is_of, upload_id
from schemas.ids import UploadId, UserId

ANA, BEN = UserId("1"), UserId("2")


def test_a_ticket_is_its_owner_s_and_nobody_else_s() -> None:
    upload = upload_id(ANA, bytes(DRAWN_BYTES))

    assert len(upload) == 32
    assert is_of(ANA, upload)
    assert not is_of(BEN, upload)
    assert not is_of(ANA, UploadId("0" * 32))
    assert upload_id(ANA, bytes(range(DRAWN_BYTES))) != upload
