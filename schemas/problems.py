"""Errors as clients see them: RFC 9457 problems with a stable code. Raw input is never echoed."""

from typing import Any, Literal

import msgspec

Code = Literal[
    "array_too_long",
    "bad_charset",
    "bad_cursor",
    "bad_develop",
    "bad_email",
    "bad_encoding",
    "bad_fields",
    "bad_film",
    "bad_framing",
    "bad_header",
    "bad_host",
    "bad_id",
    "bad_limit",
    "bad_name",
    "bad_property_name",
    "bad_recipient",
    "bad_request_line",
    "bad_size",
    "bad_text",
    "bad_timezone",
    "bad_username",
    "bad_value",
    "batch_too_large",
    "conflict",
    "decompressed_too_large",
    "empty_batch",
    "empty_body",
    "empty_text",
    "event_too_large",
    "forbidden",
    "gone",
    "headers_too_large",
    "id_conflict",
    "idempotency_in_progress",
    "idempotency_key_invalid",
    "idempotency_key_required",
    "idempotency_key_reused",
    "incomplete_body",
    "internal_error",
    "invalid_credentials",
    "invalid_key",
    "invalid_token",
    "invalid_unicode",
    "invalid_utf8",
    "invite_expired",
    "malformed_json",
    "method_not_allowed",
    "not_an_array",
    "not_an_object",
    "not_finite",
    "not_found",
    "nul_not_allowed",
    "number_out_of_range",
    "overloaded",
    "payload_too_large",
    "rate_limited",
    "rebuilding",
    "request_timeout",
    "roll_closed",
    "self_follow",
    "self_target",
    "string_too_long",
    "suspended",
    "text_too_long",
    "too_deep",
    "too_many",
    "too_many_attempts",
    "too_many_mentions",
    "too_many_params",
    "too_many_properties",
    "type_error",
    "unavailable",
    "unknown_event",
    "unknown_field",
    "unknown_param",
    "unsupported_encoding",
    "unsupported_image",
    "unsupported_media_type",
    "upload_missing",
    "uri_too_long",
    "weak_password",
]

# code -> status, title
PROBLEMS: dict[Code, tuple[int, str]] = {
    "array_too_long": (422, "An array has too many items"),
    "bad_charset": (400, "The body is not UTF-8"),
    "bad_cursor": (400, "The cursor is not one of ours for this page"),
    "bad_develop": (422, "The develop time is not one we know"),
    "bad_email": (422, "The address is not an email address"),
    "bad_encoding": (400, "The body does not decompress"),
    "bad_fields": (422, "Answers have one shape here"),
    "bad_film": (422, "There is no such film"),
    "bad_framing": (400, "The body's length is ambiguous"),
    "bad_header": (400, "A header is not readable"),
    "bad_host": (400, "The host is missing or not ours"),
    "bad_id": (422, "The id is not one of ours"),
    "bad_limit": (422, "The limit is out of range"),
    "bad_name": (422, "The name is not usable"),
    "bad_property_name": (400, "A property name is too long"),
    "bad_recipient": (422, "Nobody else is spoken to"),
    "bad_request_line": (400, "The request line is not readable"),
    "bad_size": (422, "The size is out of range"),
    "bad_text": (422, "The text holds characters we do not accept"),
    "bad_timezone": (422, "There is no such time zone"),
    "bad_username": (422, "The user name is not usable"),
    "bad_value": (422, "A value is out of range"),
    "batch_too_large": (413, "The batch is too large"),
    "conflict": (409, "It exists already"),
    "decompressed_too_large": (413, "The body inflates to too much"),
    "empty_batch": (400, "The batch is empty"),
    "empty_body": (400, "The body is empty"),
    "empty_text": (422, "The text says nothing"),
    "event_too_large": (413, "An event is too large"),
    "forbidden": (403, "This is not yours to do"),
    "gone": (410, "It was here once"),
    "headers_too_large": (431, "The headers are too large"),
    "id_conflict": (422, "Two different events share one id"),
    "idempotency_in_progress": (409, "The same command is being carried out"),
    "idempotency_key_invalid": (400, "The Idempotency-Key is not usable"),
    "idempotency_key_required": (400, "An Idempotency-Key is missing"),
    "idempotency_key_reused": (422, "The Idempotency-Key was used for something else"),
    "incomplete_body": (400, "The body ended early"),
    "internal_error": (500, "Something is broken on our side"),
    "invalid_credentials": (401, "User name or password is wrong"),
    "invalid_key": (401, "The write key is missing or unknown"),
    "invalid_token": (401, "The access token is missing or unknown"),
    "invalid_unicode": (400, "The body holds half a character"),
    "invalid_utf8": (400, "The body is not UTF-8"),
    "invite_expired": (410, "The invite has expired"),
    "malformed_json": (400, "The body is not JSON"),
    "method_not_allowed": (405, "The method is not offered here"),
    "not_an_array": (400, "An array was expected"),
    "not_an_object": (400, "An object was expected"),
    "not_finite": (400, "A number is not finite"),
    "not_found": (404, "There is nothing here"),
    "nul_not_allowed": (400, "A text holds U+0000"),
    "number_out_of_range": (400, "An integer is beyond 2^53-1"),
    "overloaded": (503, "More comes in than can be done"),
    "payload_too_large": (413, "The body is too large"),
    "rate_limited": (429, "More comes than was agreed"),
    "rebuilding": (503, "Views are being rebuilt"),
    "request_timeout": (408, "The request did not come in time"),
    "roll_closed": (409, "The roll is closed"),
    "self_follow": (422, "Nobody follows themselves"),
    "self_target": (422, "Nobody does this to themselves"),
    "string_too_long": (422, "A text is too long"),
    "suspended": (403, "The account is suspended"),
    "text_too_long": (422, "The text is too long"),
    "too_deep": (400, "The body is nested too deeply"),
    "too_many": (422, "There are too many of them"),
    "too_many_attempts": (429, "Too many tries failed"),
    "too_many_mentions": (422, "The text names too many people and tags"),
    "too_many_params": (400, "The query has too many parameters"),
    "too_many_properties": (400, "An event has too many properties"),
    "type_error": (422, "A member has the wrong type or is missing"),
    "unavailable": (503, "Something we depend on is away"),
    "unknown_event": (422, "The event type is not one we know"),
    "unknown_field": (422, "A member is not one we know"),
    "unknown_param": (422, "A query parameter is not one we know"),
    "unsupported_encoding": (415, "The content encoding is not accepted"),
    "unsupported_image": (415, "The image type is not accepted"),
    "unsupported_media_type": (415, "The content type is not accepted"),
    "upload_missing": (422, "Nothing was uploaded under this ticket"),
    "uri_too_long": (414, "The URL is too long"),
    "weak_password": (422, "The password is too easy to guess"),
}

RETRYABLE_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:darkroom:problem:"
MAX_ERRORS = 20
MAX_BYTES = 2048
LIMITED_IN_BYTES: frozenset[Code] = frozenset({"payload_too_large", "decompressed_too_large", "event_too_large"})


class Fault(msgspec.Struct, frozen=True):
    """One member that is wrong: a JSON pointer and a code."""

    pointer: str
    code: Code


class Refused(msgspec.Struct, frozen=True):
    """Why something was not accepted; rules return it, doors raise it inside `Refusal`."""

    code: Code
    detail: str
    errors: tuple[Fault, ...] = ()
    retry_after_s: int | None = None
    limit: int | None = None
    headers: tuple[tuple[str, str], ...] = ()  # of this refusal alone; names in lower case
    other_status: int | None = None  # where one code has two: a key is unknown (401), or another app's (403)

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return self.other_status or PROBLEMS[self.code][0]


class Refusal(Exception):
    """Carries a `Refused` to the edge, which answers with it."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(f"{refused.code}: {refused.detail}")
        self.refused = refused


def refusal(
    code: Code,
    detail: str,
    *errors: Fault,
    retry_after_s: int | None = None,
    limit: int | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    other_status: int | None = None,
) -> Refusal:
    """What a door raises, in one line: code, detail, and the members that are wrong."""
    return Refusal(Refused(code, detail, errors, retry_after_s, limit, headers, other_status))


def body(refused: Refused, *, instance: str, request_id: str) -> bytes:
    """The problem document (`application/problem+json`, at most 2 kB)."""
    status, title = refused.status, PROBLEMS[refused.code][1]
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + refused.code,
        "title": title,
        "status": status,
        "code": refused.code,
        "detail": refused.detail[:300],
        "instance": instance[:200],
        "request_id": request_id,
        "retryable": status in RETRYABLE_STATUS,
        "errors": refused.errors[:MAX_ERRORS],
    }
    if refused.limit is not None:
        document["limit"] = refused.limit
        if refused.code in LIMITED_IN_BYTES:
            document["max_bytes"] = refused.limit
    while len(encoded := msgspec.json.encode(document)) > MAX_BYTES and document["errors"]:
        document["errors"] = document["errors"][: len(document["errors"]) // 2]
    return encoded


def headers(refused: Refused) -> dict[str, str]:
    """The headers that go with the document: its type, when to come back, how to sign in."""
    found = {"content-type": CONTENT_TYPE, "cache-control": "no-store", "x-content-type-options": "nosniff"}
    if refused.retry_after_s is not None or refused.status in (429, 503):
        found["retry-after"] = str(refused.retry_after_s or 1)
    if refused.code == "invalid_token":
        found["www-authenticate"] = "Bearer"
    return {**found, **dict(refused.headers)} if refused.headers else found
