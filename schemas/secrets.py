"""Secrets: what proves who somebody is. Records of `credentials.v1`, compacted, never exported; a tombstone ends one.

The key says what it is: `password:<user id>` or `session:<SHA-256 of the token, hex>`.
"""

from datetime import datetime

import msgspec

from schemas.ids import UserId


class Password(msgspec.Struct, frozen=True, kw_only=True, tag="password"):
    """An Argon2id hash in its usual text form."""

    user: UserId
    hash: str


class Session(msgspec.Struct, frozen=True, kw_only=True, tag="session"):
    """Who the bearer of a token is until `expires_at`; the token itself is stored nowhere."""

    token_sha256: str
    user: UserId
    expires_at: datetime


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A tombstone: the secret under `key` is gone."""

    key: str


Secret = Password | Session | Ended

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Password | Session] = msgspec.json.Decoder(Password | Session)


def key(secret: Password | Session) -> str:
    """The record's key."""
    match secret:
        case Password():
            return password_key(secret.user)
        case Session():
            return session_key(secret.token_sha256)


def password_key(user: UserId) -> str:
    """The key of a password's record."""
    return f"password:{user}"


def session_key(token_sha256: str) -> str:
    """The key of a session's record, with which a tombstone ends it."""
    return f"session:{token_sha256}"


def encode(secret: Password | Session) -> bytes:
    """The bytes of a secret in the log."""
    return _encoder.encode(secret)


def decode(key: bytes | None, value: bytes | None) -> Secret:
    """The secret in a record; `msgspec.DecodeError` names what is wrong with it."""
    if value is None:
        return Ended(key=(key or b"").decode())
    return _decoder.decode(value)
