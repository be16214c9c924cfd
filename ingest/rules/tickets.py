"""Upload ids: half of one is drawn, half tells whose it is, so that another's ticket is known and nothing is kept.

No secret: who makes one up for himself has a ticket to nothing, since only S3's signature lets anything be uploaded.
"""

from hashlib import sha256

from schemas.ids import UploadId, UserId

DRAWN_BYTES = 8


def upload_id(user: UserId, drawn: bytes) -> UploadId:
    """The upload of `user` that is called by `DRAWN_BYTES` random bytes."""
    whose = sha256(f"upload of {user} ".encode() + drawn).digest()[:DRAWN_BYTES]
    return UploadId((drawn + whose).hex())


def is_of(user: UserId, upload: UploadId) -> bool:
    """Whether `user` was given this ticket."""
    return upload == upload_id(user, bytes.fromhex(upload)[:DRAWN_BYTES])
