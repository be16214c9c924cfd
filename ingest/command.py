"""What a command is, and the way each of them goes: wait, admit, read, decide, append, wait, answer."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from secrets import token_bytes
from typing import Any, Literal, TypeVar

from starlette.requests import Request

from ingest import answers, body
from ingest.answers import Answer
from ingest.doors import Doors
from ingest.idempotency import Attempt
from ingest.rules import peers
from ingest.rules.peers import Networks
from schemas import ids
from schemas.facts import Fact
from schemas.ids import FactId, UserId
from schemas.problems import Fault, Refusal, Refused, refusal
from schemas.topics import Origin, parse_position

Policy = Literal["anyone", "signed in", "moderator"]  # a moderator is signed in, and MODERATORS names them

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits in URL-safe base64
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
T = TypeVar("T")
F = TypeVar("F", bound=Fact)

MAX_ID = (1 << 63) - 1


@dataclass(frozen=True)
class Call:
    """One command as it came, and who gives it."""

    request: Request
    at: datetime  # when we accepted it
    trace: str
    raw: bytes
    body: Any  # of the command's `takes`; None when it takes none
    user: UserId | None

    @property
    def by(self) -> UserId:
        """Who is signed in; only commands for which one must be may ask."""
        assert self.user is not None, "only a command that not `anyone` may give knows who gives it"
        return self.user

    def id(self, name: str = "id") -> str:
        """An id in the path; `bad_id` when it is not one of ours."""
        given = str(self.request.path_params[name])
        if not re.fullmatch(r"[1-9][0-9]{0,18}", given) or int(given) > MAX_ID:
            raise refusal("bad_id", f"{name} is not an id", Fault("", "bad_id"))
        return given

    def client(self, proxies: Networks) -> str:
        """The address it came from, as far as it can be believed."""
        forwarded = self.request.headers.getlist("x-forwarded-for")
        return peers.client(self.request.client.host if self.request.client else "", forwarded, proxies)

    @property
    def idempotency_key(self) -> str | None:
        """The header, if sent; 1..255 visible ASCII characters."""
        given = body.header(self.request.scope, b"idempotency-key")
        if given is not None and not IDEMPOTENCY_KEY.fullmatch(given):
            raise refusal("idempotency_key_invalid", "Idempotency-Key is not 1..255 visible ASCII characters")
        return given

    @property
    def needed_key(self) -> str:
        """The same, of a command that is not begun without one."""
        key = self.idempotency_key
        assert key is not None, "only a command that `needs_key` is sure to have one"
        return key

    @property
    def body_hash(self) -> str:
        """Tells one body (and query) from another."""
        return sha256(self.raw + b"\n" + self.request.url.query.encode()).hexdigest()

    def attempt(self, kind: type[F], route: str) -> Attempt[F]:
        """The try of a command that makes one fact; with an Idempotency-Key its retries make the same one."""
        key, hash = self.idempotency_key, self.body_hash
        made = ids.command_fact_id(self.by, route, key, kind.__name__) if key else self.fresh_fact_id()
        return Attempt(made, kind, hash, self.at, self.trace, keyed=key is not None)

    def fresh_fact_id(self) -> FactId:
        """For a fact that no retry will ask for again."""
        return ids.fresh_fact_id(self.at, token_bytes(10))


@dataclass(frozen=True)
class Done:
    """What a command did: the answer's status and body, and where its records stand (the first is told)."""

    status: int
    told: dict[str, Any] | None = None
    positions: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Command:
    """One route. `takes` is the body's type; None: no body, or `{}`. `raw` types are handed on as they come."""

    method: str
    path: str
    does: Callable[[Doors, Call], Awaitable[Done]]
    policy: Policy
    says: str  # for the OpenAPI document: summary
    takes: type[Any] | None = None
    status: int = 200
    gives: dict[str, Any] = field(default_factory=dict)  # an example of the answer
    raw: tuple[str, ...] = ()
    raw_bytes: int = body.COMMAND_BYTES
    max_bytes: int = body.COMMAND_BYTES
    query: frozenset[str] = frozenset()  # the parameters that it knows
    needs_key: bool = False  # an Idempotency-Key must come with it
    is_for_barred: bool = False  # who is suspended may give it, too, and to finish what they began who is erased


async def carry_out(doors: Doors, command: Command, request: Request) -> Answer:
    """The whole way of one command; every refusal is raised as `Refusal`."""
    if unknown := request.query_params.keys() - command.query:
        raise body.unknown_parameters(len(unknown), command.query)
    await _read_after(doors, request)
    user = await _admitted(doors, command, request)
    raw, found = await _body(command, request)
    call = Call(request, doors.clock(), request.state.request_id, raw, found, user)
    if command.needs_key and call.idempotency_key is None:
        raise refusal("idempotency_key_required", "send an Idempotency-Key; a retry sends the same")
    return await _answer(doors, request, await command.does(doors, call))


async def _admitted(doors: Doors, command: Command, request: Request) -> UserId | None:
    """Who gives the command, once its policy lets them; before anything else is looked at, so nothing is told by it."""
    token = bearer(request) if command.policy != "anyone" else None
    user = await doors.projections.admit(sha256(token.encode()).hexdigest() if token else None)
    if command.policy != "anyone" and user is None:
        raise refusal("invalid_token", "the access token is missing or unknown")
    if command.policy == "moderator" and user not in doors.moderators:
        raise refusal("forbidden", "this is for moderators")
    if user is not None and not command.is_for_barred:
        await _expect_no_bar(doors, user)
    return user


async def _expect_no_bar(doors: Doors, user: UserId) -> None:
    match await doors.projections.barred(user):
        case "suspended":
            raise refusal("suspended", "a moderator suspended this account")
        case "erased":  # a session that their deletion did not know of
            raise refusal("invalid_token", "the access token is missing or unknown")


async def _read_after(doors: Doors, request: Request) -> None:
    """`X-Read-After`: what the client saw accepted must be visible to this command, within a second."""
    given = body.header(request.scope, b"x-read-after")
    if given is None:
        return
    if (position := parse_position(given)) is None:
        raise refusal("bad_value", "X-Read-After is not topic:partition:offset")
    await doors.projections.seen((position,))


def bearer(request: Request) -> str | None:
    """The access token, if the request carries exactly one that looks like ours."""
    given = body.header(request.scope, b"authorization") or ""
    scheme, _, token = given.partition(" ")
    return token if scheme.lower() == "bearer" and TOKEN.fullmatch(token) else None


async def _body(command: Command, request: Request) -> tuple[bytes, Any]:
    """The bytes, and the command in them (None when they are a picture, or when there is no command)."""
    if command.raw and body.header(request.scope, b"content-type") in command.raw:
        return await body.read(request.scope, request.receive, max_bytes=command.raw_bytes), None
    raw = await body.read(request.scope, request.receive, max_bytes=command.max_bytes)
    if command.takes is None and not raw:
        return raw, None
    body.expect_type(request.scope, "application/json")
    return raw, body.command(raw, command.takes or body.Nothing)


async def _answer(doors: Doors, request: Request, done: Done) -> Answer:
    """Once `views` has passed what was appended, or after a second, or at once if the client so prefers."""
    headers = {"x_position": str(done.positions[0])} if done.positions else {}
    if done.positions and "respond-async" not in (body.header(request.scope, b"prefer") or ""):
        await doors.projections.seen(done.positions)
    return (
        answers.empty(done.status, **headers) if done.told is None else answers.told(done.status, done.told, **headers)
    )


def accepted(decision: T | Refused) -> T:
    """The fact a rule decided on; its refusal goes to the edge."""
    if isinstance(decision, Refused):
        raise Refusal(decision)
    return decision
