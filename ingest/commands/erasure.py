"""Somebody takes their account back, for good."""

import asyncio
from collections.abc import Sequence

import structlog

from ingest.command import Call, Command, Done
from ingest.commands.accounts import ACCESS_LASTS, proven, token_of
from ingest.doors import Doors
from ingest.rules import accounts as rules
from ingest.rules.accounts import Erase
from schemas import ids, secrets
from schemas.facts import UserErased
from schemas.topics import Origin

_tell = structlog.get_logger("ingest")

ROUTE = "DELETE /v1/me"
AT_ONCE = 100  # facts on their way


async def erase(doors: Doors, call: Call) -> Done:
    """The fact first: from then on nobody sees them. Then their photos, what proves who they are, this session last.

    So whoever is cut off in the middle may ask again with the same token, and finishes it; after that it is 401, as
    with any token that is good no more. However often it is asked, it is one fact: its id derives from who is erased.
    """
    if await doors.projections.barred(call.by) != "erased":
        await proven(doors, call, call.by, call.body.password)
    id = ids.command_fact_id(call.by, ROUTE, "", "UserErased")
    fact = UserErased(id=id, at=call.at, by=call.by)
    origin = await doors.log.fact(fact, call.trace)
    _tell.warning("an account is erased", seclog=True, request_id=call.trace)
    photos = await _taken_back(doors, call, fact)
    return Done(204, None, (origin, *photos, *await _locked_out(doors, call)))


async def _taken_back(doors: Doors, call: Call, erased: UserErased) -> Sequence[Origin]:
    """Each photo by a fact of its own, as if they had done it: whatever reads the log knows already what that means."""
    standing = await doors.projections.standing_photos(call.by)
    facts = rules.deletions(erased, standing)
    return [
        origin
        for at in range(0, len(facts), AT_ONCE)
        for origin in await asyncio.gather(*(doors.log.fact(f, call.trace) for f in facts[at : at + AT_ONCE]))
    ]


async def _locked_out(doors: Doors, call: Call) -> Sequence[Origin]:
    """Password and sessions end. A session that begins this very moment is good for no command, and ends in a day."""
    mine, days = token_of(call), (call.at, call.at + ACCESS_LASTS)
    tokens = [token for token in await doors.projections.sessions(call.by, days) if token != mine]
    keys = (secrets.password_key(call.by), *map(secrets.session_key, tokens))
    ended = await asyncio.gather(*(doors.log.end_secret(key, call.trace) for key in keys))
    return (*ended, await doors.log.end_secret(secrets.session_key(mine), call.trace))


COMMANDS = (
    Command(
        "DELETE", ROUTE.split()[1], erase, "signed in", "Delete the account, for good", takes=Erase, status=204,
        is_for_barred=True,
    ),
)  # fmt: skip
