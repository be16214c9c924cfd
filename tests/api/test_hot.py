"""What is remembered of cards, and what never is."""

from api.hot import BITS, HotCards, Parsed, questions
from schemas import hashes
from schemas import projections as view
from schemas.hashes import Card, Profile
from schemas.ids import PhotoId
from tests import builders as a
from tests.api.world import MORNING, NOON, TOMORROW, World

HOME = "/v1/feeds/home"
PHOTO = a.a_photo()
DEVELOPED = Card(author=a.a_user(), visibility="public", developed_at=NOON)


def put(hot: HotCards, photo: PhotoId, card: Card) -> None:
    hot.put(photo, hashes.fields(card), card)


def test_a_developed_card_is_remembered_with_the_bits_it_had() -> None:
    hot = HotCards()
    put(hot, PHOTO, DEVELOPED)

    found = hot.get(PHOTO)

    assert found is not None
    assert found.card == DEVELOPED
    assert dict(zip(BITS, found.bits, strict=True)) == {
        "deleted_at": None, "spoiled": None, "taken_down": None, "visibility": "public",
        "developed_at": "2026-11-21T12:00:00Z",
    }  # fmt: skip
    assert found.asked == questions(PHOTO)


def test_what_is_undeveloped_deleted_or_spoiled_is_not_remembered() -> None:
    hot = HotCards()
    for card in (
        Card(author=a.a_user()),
        Card(developed_at=NOON, author=a.a_user(), deleted_at=NOON),
        Card(spoiled="x"),
    ):
        put(hot, PHOTO, card)

    assert hot.get(PHOTO) is None


def test_the_card_that_was_not_asked_for_longest_is_forgotten() -> None:
    hot, photos = HotCards(remembered=2), [a.a_photo(number=number) for number in (1, 2, 3)]
    put(hot, photos[0], DEVELOPED)
    put(hot, photos[1], DEVELOPED)
    hot.get(photos[0])
    put(hot, photos[2], DEVELOPED)

    assert [hot.get(photo) is not None for photo in photos] == [True, False, True]


def test_the_same_fields_are_parsed_once_and_others_anew() -> None:
    parsed, ana = Parsed(), a.a_user()
    profile = Profile(username="ana", tz="UTC", registered_at=NOON)

    first = parsed.read(Profile, ana, hashes.fields(profile))
    assert first == profile
    assert parsed.read(Profile, ana, dict(hashes.fields(profile))) is first
    renamed = parsed.read(Profile, ana, {**hashes.fields(profile), "username": "anna"})
    assert renamed is not None
    assert renamed.username == "anna"
    assert parsed.read(Profile, ana, {}) is None


async def test_what_may_change_comes_from_redis_however_often_a_card_was_read(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    photos = [await world.photo(ana, bob, reveal_at=MORNING) for _ in range(4)]
    assert await world.items(HOME, bob) == photos[::-1]

    await world.delete(photos[0])
    assert await world.items(HOME, bob) == photos[:0:-1]
    await world.spoil(photos[1])
    assert await world.items(HOME, bob) == photos[:1:-1]
    await world.redis.hset(view.card(photos[2]), "visibility", "private")
    assert await world.items(HOME, bob) == photos[:2:-1]
    await world.redis.delete(view.card(photos[3]))
    assert await world.items(HOME, bob) == []


async def test_a_card_that_was_developed_anew_shows_the_new_pictures(world: World) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana)
    before = (await world.get(f"/v1/photos/{photo}", ana)).json()

    await world.redis.hset(view.card(photo), mapping={"developed_at": "2026-11-21T12:00:01Z", "placeholder": "anew"})

    assert (await world.get(f"/v1/photos/{photo}", ana)).json() == {**before, "placeholder": "anew"}


async def test_links_are_made_anew_when_their_window_ends(world: World) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana)
    links = []
    for _ in range(2):
        links.append((await world.get(f"/v1/photos/{photo}", ana)).json()["media"]["large"])
        world.sleep(1200)

    assert links[0] != links[1]


async def test_names_and_likes_are_of_now_in_a_page_that_was_read_before(world: World) -> None:
    ana = await world.person("ana")
    photo = await world.photo(ana)
    await world.get(f"/v1/photos/{photo}", ana)

    await world.like(ana, photo)
    await world.redis.hset(view.profile(ana), "display_name", 'An "a"')
    now = (await world.get(f"/v1/photos/{photo}", ana)).json()

    assert (now["likes"], now["comments"], now["you_like"]) == (1, 0, True)
    assert now["author"]["display_name"] == 'An "a"'


async def test_a_photo_that_one_person_may_see_stays_hidden_from_others(world: World) -> None:
    ana, bob, cleo = [await world.person(name) for name in ("ana", "bob", "cleo")]
    await world.private(ana)
    await world.follow(bob, ana)
    photo = await world.photo(ana, reveal_at=TOMORROW)
    found = []
    for _ in range(2):
        found += [(await world.get(f"/v1/photos/{photo}", reader)).status_code for reader in (bob, cleo, bob)]
        world.sleep((TOMORROW - NOON).total_seconds() + 1)

    assert found == [404, 404, 404, 200, 404, 200]


async def test_a_page_s_tag_is_that_of_its_bytes_whoever_made_them_and_when(world: World) -> None:
    ana, bob = await world.person("ana"), await world.person("bob")
    await world.follow(bob, ana)
    photos = [await world.photo(ana, bob) for _ in range(3)]
    pages = []
    for change in (
        world.complete(),
        world.redis.delete(view.EPOCH),  # the same items, but stale
        world.complete(),
        world.like(ana, photos[0]),
        world.like(bob, photos[0]),
        world.redis.hset(view.profile(ana), "display_name", "Anna"),
        world.delete(photos[2]),
    ):
        await change
        for path in (HOME, HOME, f"{HOME}?limit=1"):
            pages.append(await world.get(path, bob))
        for photo in photos:
            world.room.projections.hot.drop(photo)
        pages.append(await world.get(HOME, bob))
        assert pages[-1].content == pages[-4].content, "what is remembered is not what is there"
    tags = {page.headers["etag"]: page.content for page in pages}

    assert all(tags[page.headers["etag"]] == page.content for page in pages), "one tag for different bytes"
    assert len(tags) == len(set(tags.values())), "different tags for the same bytes"
