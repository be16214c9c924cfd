"""The likes and comments that `bad_inputs_ef.csv` describes in words, by the case's id."""

import asyncio

import httpx

from schemas import projections
from schemas.facts import CommentPosted, PhotoLiked, PhotoUnliked
from schemas.ids import PhotoId
from schemas.settings import Settings
from tests.ingest.recorded import fact_of, facts_by, facts_of
from tests.ingest.scenes import Case, Scene
from tests.ingest.world import Person

COMMENTS = Settings().comment_burst


def verbatim(text: str) -> Case:
    async def case(scene: Scene) -> httpx.Response:
        answer = await scene.comment(text)
        fact = fact_of(scene.settings, answer)
        assert isinstance(fact, CommentPosted)
        assert fact.personal.text == answer.json()["comment"]["text"] == text
        assert answer.headers["x-content-type-options"] == "nosniff"
        return answer

    return case


def as_bytes(text: bytes) -> Case:
    async def case(scene: Scene) -> httpx.Response:
        headers = {**scene.ben.headers, "content-type": "application/json"}
        where = f"/v1/photos/{await scene.photo()}/comments"
        return await scene.world.http.post(where, content=b'{"text":' + text + b"}", headers=headers)

    return case


async def on_a_deleted_photo(scene: Scene) -> httpx.Response:
    await scene.world.redis.hset(projections.card(await scene.photo()), "deleted_at", "2026-11-21T12:00:00Z")
    return await scene.comment()


async def on_a_roll(scene: Scene) -> httpx.Response:
    roll = await scene.world.roll(scene.ana, scene.ben, visibility="public")
    return await scene.post(f"/v1/photos/{roll}/comments", text="Fog!")


async def on_a_hidden_photo(scene: Scene) -> httpx.Response:
    cleo = await scene.world.person("cleo")
    photo = await scene.world.photo(scene.ana, visibility="private")
    comment = await scene.world.comment(photo, cleo)
    return await scene.world.delete(f"/v1/photos/{photo}/comments/{comment}", scene.ben)


async def under_another_photo(scene: Scene) -> httpx.Response:
    comment = await scene.world.comment(await scene.photo(), scene.ben)
    other = await scene.world.photo(scene.ben)
    return await scene.world.delete(f"/v1/photos/{other}/comments/{comment}", scene.ben)


async def another_body(scene: Scene) -> httpx.Response:
    assert (await scene.comment("Fog!", key="k")).status_code == 201
    return await scene.comment("Sun!", key="k")


async def in_parallel(scene: Scene) -> httpx.Response:
    answers = await asyncio.gather(*(scene.comment(key="k") for _ in range(2)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    (first, *_) = [answer for answer in answers if answer.status_code == 201]
    later = await scene.comment(key="k")
    assert later.text == first.text
    return later


async def too_many(scene: Scene) -> httpx.Response:
    posted = 0
    while (answer := await scene.comment()).status_code == 201 and posted < 10 * COMMENTS:
        posted += 1  # a slow machine earns some back meanwhile
    assert posted >= COMMENTS
    assert len(facts_by(scene.settings, scene.ben.user)) == posted
    assert int(answer.headers["retry-after"]) >= 1
    return answer


async def back_and_forth(scene: Scene) -> httpx.Response:
    photo = await scene.photo()
    people = [await scene.world.person(f"p{n}") for n in range(50)]

    async def change_their_mind(n: int, person: Person) -> list[httpx.Response]:
        methods = (["PUT", "DELETE"] if n % 2 else ["DELETE", "PUT"]) * 10
        return [await as_phones_do(scene, method, f"/v1/photos/{photo}/like", person) for method in methods]

    answers = await asyncio.gather(*(change_their_mind(n, person) for n, person in enumerate(people)))
    assert {answer.status_code for each in answers for answer in each} == {200}
    assert likers(scene, photo) == {person.user for person in people[::2]}
    return answers[0][-1]


async def as_phones_do(scene: Scene, method: str, path: str, by: Person) -> httpx.Response:
    """Asks again when too much comes at once, which on a busy machine a thousand commands may be."""
    for _ in range(100):
        if (answer := await scene.world.http.request(method, path, headers=by.headers)).status_code != 503:
            break
        await asyncio.sleep(0.2)
    return answer


async def over_and_over(scene: Scene) -> httpx.Response:
    photo = await scene.photo()
    like = f"/v1/photos/{photo}/like"
    answers = await asyncio.gather(*(as_phones_do(scene, "PUT", like, scene.ben) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert likers(scene, photo) == {scene.ben.user}
    return answers[-1]


def likers(scene: Scene, photo: PhotoId) -> set[str]:
    """Who likes the photo once the views have seen all: the set whose size is the count."""
    found = set[str]()
    for fact in facts_of(scene.settings, photo):
        if isinstance(fact, PhotoLiked):
            found.add(fact.by)
        elif isinstance(fact, PhotoUnliked):
            found.discard(fact.by)
    return found


CASES: dict[str, Case] = {
    "in-B10.3": as_bytes(b'"\\ude00\\ud83d"'),
    "in-B12.1": verbatim("\u202eFog\u202c"),
    "in-B12.2": lambda scene: scene.comment("e" + "\u0301" * 1_000),
    "in-B20.3": as_bytes(b"null"),
    "in-B22.2": lambda scene: scene.comment(actor_id=scene.ana.user),
    "in-B29.2": too_many,
    "in-E1.1": lambda scene: scene.comment(""),
    "in-E2.2": lambda scene: scene.comment("e" + "\u0301" * 4_999),
    "in-E3.1": verbatim("<script>alert(1)</script>"),
    "in-E4.1": on_a_deleted_photo,
    "in-E4.2": on_a_roll,
    "in-E5.1": on_a_hidden_photo,
    "in-E5.2": under_another_photo,
    "in-E7.3": another_body,
    "in-E7.4": in_parallel,
    "in-E9.1": back_and_forth,
    "in-E9.2": over_and_over,
    "in-E10.1": lambda scene: scene.comment("#fog " * 1_000),
}
