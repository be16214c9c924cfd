"""Every answer of the api against the oracle. A look asserts; its message names reader, address, found and expected."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemas import projections
from schemas.facts import PhotoCaptured
from schemas.ids import PhotoId, RollId, UserId
from tests.laws.oracle import Oracle, State
from tests.laws.stage import MODERATOR, Answer, Stage

HOME, PHOTO = "/v1/feeds/home", "/v1/photos/{photo}"
PERSON, GRID = "/v1/users/{user}", "/v1/users/{user}/photos"
FOLLOWERS, FOLLOWING = "/v1/users/{user}/followers", "/v1/users/{user}/following"
ROLL, ROLL_PHOTOS, MEMBERS = "/v1/rolls/{roll}", "/v1/rolls/{roll}/photos", "/v1/rolls/{roll}/members"
REPORTS = "/v1/moderation/reports"
REQUESTS, BLOCKS, MUTES = "/v1/follow-requests", "/v1/blocks", "/v1/mutes"
LISTS: Mapping[str, Callable[[Oracle, UserId, Any], Sequence[UserId] | None]] = {
    FOLLOWERS: Oracle.followers,
    FOLLOWING: Oracle.following,
    MEMBERS: Oracle.members,
}
OWN: Mapping[str, Callable[[Oracle, UserId], Sequence[UserId]]] = {
    REQUESTS: Oracle.requests,
    BLOCKS: Oracle.blocked,
    MUTES: Oracle.muted,
}
EVERYTHING = 100  # more than any page here has


async def home(stage: Stage, reader: UserId) -> None:
    """Nothing that views forbid, everything that feeds have brought; exactly the oracle's when all is quiet."""
    page = await stage.ask(HOME, reader, limit=EVERYTHING)
    assert page is not None
    must, may = home_bounds(stage, reader)
    found = [item["id"] for item in page["items"]]
    assert page["next_cursor"] is None
    assert found == [photo for photo in may if photo in found], f"home of {reader} is {found}; may be {may}"
    assert set(must) <= set(found), f"home of {reader} is {found}; must hold {must}"
    _cards(stage, reader, page, dict.fromkeys(may, "revealed"))


def home_bounds(stage: Stage, reader: UserId) -> tuple[list[PhotoId], list[PhotoId]]:
    """What must and what may stand in the feed: the two differ while `feeds` is behind, or died in a record."""
    truth, brought = stage.oracle("views"), stage.oracle("feeds")
    by = {taken.photo: taken.by for taken in truth.photos()}
    may = truth.home(reader)
    unsure = {(one.fact.by, getattr(one.fact, "whom", None)) for one in stage.half_done}
    in_doubt = {getattr(one.fact, "photo", None) for one in stage.half_done}

    def is_sure(photo: PhotoId) -> bool:
        author = by[photo]
        return not {(reader, author), (author, reader)} & unsure and photo not in in_doubt

    return [p for p in may if brought.delivered(reader, p, by[p]) and is_sure(p)], may


async def lists(stage: Stage, reader: UserId) -> None:
    """What stands in the reader's feed, past the api: only what it was brought, newest first, each once."""
    brought, found = stage.oracle("feeds"), list[str]()
    may = {taken.photo for taken in brought.photos() if brought.may_stand(reader, taken.photo, taken.by)}
    for key in (projections.feed(reader), projections.sealed(reader)):
        entries = [str(entry) for entry in await stage.redis.lrange(key, 0, -1)]
        assert entries == sorted(set(entries), key=int, reverse=True), f"{key} is {entries}"
        found += [entry for entry in entries if int(entry) > 0]  # the tail says how far it is complete
    assert set(found) <= may, f"feed of {reader} holds {set(found) - may} that nobody brought"


async def grid(stage: Stage, reader: UserId, user: UserId) -> None:
    page = await stage.ask(GRID, reader, user, limit=EVERYTHING)
    _photos(stage, reader, page, stage.oracle().grid(reader, user), f"photos of {user}")


async def roll_photos(stage: Stage, reader: UserId, roll: RollId) -> None:
    page = await stage.ask(ROLL_PHOTOS, reader, roll, limit=EVERYTHING)
    _photos(stage, reader, page, stage.oracle().roll_photos(reader, roll), f"photos in roll {roll}")


async def photo(stage: Stage, reader: UserId, which: PhotoId) -> None:
    found = await stage.ask(PHOTO, reader, which)
    wanted = stage.oracle().shown(reader, lambda taken: taken.photo == which)
    state = found and found["state"]
    assert state == wanted.get(which), f"{reader} sees {which} as {state}; expected {wanted.get(which)}"
    if found is not None:
        _cards(stage, reader, {"items": [found]}, wanted)


async def moderated(stage: Stage, which: PhotoId) -> None:
    """What a moderator is shown of a photo that others may not see, and what they are told to look at."""
    truth = stage.oracle()
    taken = {fact.photo: fact for fact in truth.photos()}.get(which)
    wanted = taken and (truth.sight(MODERATOR, taken) or truth.moderated(taken))
    found = await stage.ask(PHOTO, MODERATOR, which)
    state = found and found["state"]
    assert state == wanted, f"a moderator sees {which} as {state}; expected {wanted}"
    if found is not None and taken is not None:
        shown = {**_revealed(truth, taken), "state": wanted}
        assert _these(found, shown) == shown, "to a moderator"
        assert found["media"]
    listed = await stage.ask(REPORTS, MODERATOR)
    counts = {item["id"]: item["reports"] for item in listed["items"]} if listed else None
    assert counts == truth.reported(), f"reported is {counts}; expected {truth.reported()}"


async def person(stage: Stage, reader: UserId, user: UserId) -> None:
    found, truth = await stage.ask(PERSON, reader, user), stage.oracle()
    account = truth.registered(user)
    if account is None or truth.apart(reader, user) or truth.unseen(user):
        assert found is None, f"{reader} sees {user}"
        is_told = account is not None and truth.gone(reader, user)
        assert stage.is_gone == is_told, f"{reader} is told that {user} is gone: {stage.is_gone}; expected {is_told}"
        return
    revealed = [state for state in (truth.grid(reader, user) or {}).values() if state == "revealed"]
    wanted = {
        "id": user,
        "username": account.personal.username,
        "photos": len(revealed),
        "followers": sum(truth.follows(other, user) for other in truth.people()),
        "following": sum(truth.follows(user, other) for other in truth.people()),
        "visibility": "private" if truth.private(user) else "public",
        "you_follow": truth.follows(reader, user),
        "you_requested": truth.asks_still(reader, user),
        "follows_you": truth.follows(user, reader),
        "you_mute": truth.mutes(reader, user),
    }
    told = _these(found, wanted)
    assert told == wanted, f"{user} to {reader} is {told}; expected {wanted}"


async def roll(stage: Stage, reader: UserId, which: RollId) -> None:
    found, truth = await stage.ask(ROLL, reader, which), stage.oracle()
    opened = truth.opened(which)
    if opened is None or not truth.admits(which, reader):
        assert found is None, f"{reader} sees roll {which}"
        return
    photos = truth.roll_photos(reader, which) or {}
    wanted = {
        "id": which,
        "name": truth.name(which),
        "photos": sum(state == "revealed" for state in photos.values()),
        "members": sum(truth.member(user, which) for user in truth.people()),
        "you_are_member": truth.member(reader, which),
    }
    told = _these(found, wanted)
    assert told == wanted, f"roll {which} to {reader} is {told}; expected {wanted}"
    assert found is not None
    assert (found["closed_at"] is not None) == truth.closed(which)
    assert found["owner"]["id"] == opened.by


async def people(stage: Stage, path: str, reader: UserId, target: str) -> None:
    page, wanted = await stage.ask(path, reader, target, limit=EVERYTHING), LISTS[path](stage.oracle(), reader, target)
    found = None if page is None else [item["id"] for item in page["items"]]
    assert found == wanted, f"{path} of {target} to {reader} is {found}; expected {wanted}"


async def own_lists(stage: Stage, reader: UserId) -> None:
    for path, answer in OWN.items():
        page, wanted = await stage.ask(path, reader, limit=EVERYTHING), answer(stage.oracle(), reader)
        found = None if page is None else [item["id"] for item in page["items"]]
        assert found == wanted, f"{path} of {reader} is {found}; expected {wanted}"


# --- what an item says ------------------------------------------------------------------------------------------------


def _photos(
    stage: Stage, reader: UserId, page: Answer | None, wanted: Mapping[PhotoId, State] | None, what: str
) -> None:
    found = None if page is None else [(item["id"], item["state"]) for item in page["items"]]
    expected = None if wanted is None else list(wanted.items())
    assert found == expected, f"{what} to {reader}: {found}; expected {expected}"
    if page is not None and wanted is not None:
        _cards(stage, reader, page, wanted)


def _cards(stage: Stage, reader: UserId, page: Answer, states: Mapping[PhotoId, State]) -> None:
    """A revealed card tells all, any other tells its place and time and nothing else."""
    truth = stage.oracle()
    taken = {fact.photo: fact for fact in truth.photos()}
    for item in page["items"]:
        fact = taken[item["id"]]
        wanted = _revealed(truth, fact) if states[fact.photo] == "revealed" else _closed(fact, states[fact.photo])
        assert _these(item, wanted) == wanted, f"to {reader}"
        shows = {"media", "caption", "width", "height", "placeholder", "author"} & item.keys()
        assert bool(shows) == (states[fact.photo] == "revealed"), f"{reader} is shown {shows} of {fact.photo}"


def _revealed(truth: Oracle, taken: PhotoCaptured) -> Answer:
    account = truth.registered(taken.by)
    author = {"id": taken.by, "username": account and account.personal.username}
    return {
        "id": taken.photo, "state": "revealed", "roll": taken.roll, "caption": taken.personal.caption,
        "revealed_at": _text(taken), "author": author,
    }  # fmt: skip


def _closed(taken: PhotoCaptured, state: State) -> Answer:
    return {"id": taken.photo, "state": state, "roll": taken.roll, "reveal_at": _text(taken)}


def _text(taken: PhotoCaptured) -> str:
    return taken.reveal_at.isoformat().replace("+00:00", "Z")


def _these(found: Any, wanted: Mapping[str, Any]) -> Any:
    """Of what was found, the members that are wanted: others may be added any day."""
    if not isinstance(found, dict):
        return found
    chosen = {name: found.get(name) for name in wanted}
    return {n: _these(got, wanted[n]) if isinstance(wanted[n], dict) else got for n, got in chosen.items()}
