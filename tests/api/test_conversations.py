"""Who one talks with, what is new, and what was said: in the log's order, and to nobody else."""

from schemas import projections as view
from tests import talks
from tests.api import talking
from tests.api.world import World

WHERE = "/v1/conversations"


async def test_messages_are_read_newest_first_in_the_order_of_the_log(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    conversation = await talking.opened(world, ana, ben)
    first = await talking.said(world, ben, conversation, 7, "<b>Tonight?</b>")
    second = await talking.said(world, ana, conversation, 9, "Yes!")

    answer = await world.get(f"{WHERE}/{conversation}/messages", ana)

    assert answer.json()["items"] == [
        {
            "id": second, "author": {"id": ana, "username": "ana", "display_name": "Ana"},
            "text": "Yes!", "posted_at": "2026-11-21T12:00:09Z",
        },
        {
            "id": first, "author": {"id": ben, "username": "ben", "display_name": "Ben"},
            "text": "<b>Tonight?</b>", "posted_at": "2026-11-21T12:00:07Z",
        },
    ]  # fmt: skip
    assert int(first) > int(second), "ids order nothing"
    again = await world.get(f"{WHERE}/{conversation}/messages", ana, if_none_match=answer.headers["etag"])
    assert again.status_code == 304


async def test_conversations_are_listed_by_their_latest_message_with_it_and_what_is_new(world: World) -> None:
    ana, ben, cleo, dan = [await world.person(name) for name in ("ana", "ben", "cleo", "dan")]
    one, other = await talking.opened(world, ana, ben), await talking.opened(world, cleo, ana)
    silent = await talking.opened(world, ana, dan)
    await talking.said(world, ben, one, 1)
    await talking.said(world, cleo, other, 2)
    last = await talking.said(world, ben, one, 3, "Hello?")
    await talking.said(world, ana, other, 1)

    answer = (await world.get(WHERE, ana)).json()

    assert [item["id"] for item in answer["items"]] == [one, other, silent]
    assert answer["items"][0] == {
        "id": one,
        "members": [
            {"id": who, "username": name, "display_name": name.title()}
            for who, name in sorted([(ana, "ana"), (ben, "ben")], key=lambda each: int(each[0]))
        ],
        "last_message": {
            "id": last, "author": {"id": ben, "username": "ben", "display_name": "Ben"}, "text": "Hello?",
            "posted_at": "2026-11-21T12:00:03Z",
        },
        "unread": 2,
    }  # fmt: skip
    assert answer["items"][2]["last_message"] is None
    assert await talking.unread(world, dan) == {}, "nobody is told before something is said"


async def test_what_is_unread_is_what_others_said_beyond_the_mark(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    conversation = await talking.opened(world, ana, ben, cleo)
    for offset, by in enumerate((ben, ana, cleo, ben, ana)):
        await talking.said(world, by, conversation, offset)

    counts = [await talking.unread(world, reader) for reader in (ana, ben, cleo)]
    await talking.read(world, ana, conversation, 0)
    await talking.read(world, ben, conversation, 4)

    assert [count[conversation] for count in counts] == [3, 3, 4]
    assert [(await talking.unread(world, who))[conversation] for who in (ana, ben)] == [2, 0]


async def test_a_block_hides_what_two_people_said_as_long_as_it_stands(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    conversation = await talking.opened(world, ana, ben)
    message = await talking.said(world, ben, conversation, 1)
    path = f"{WHERE}/{conversation}/messages"

    await world.block(ben, ana)
    hidden = [(await world.get(path, reader)).status_code for reader in (ana, ben)]
    lists = [await world.items(WHERE, reader) for reader in (ana, ben)]
    await world.unblock(ben, ana)

    assert hidden == [404, 404]
    assert lists == [[], []]
    assert await world.items(path, ana) == [message]
    assert await world.items(WHERE, ana) == [conversation]


async def test_what_somebody_said_who_is_suspended_is_hidden_until_that_ends(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    two, three = await talking.opened(world, ana, ben), await talking.opened(world, ana, ben, cleo)
    for offset, conversation in enumerate((two, three), start=1):
        await talking.said(world, ben, conversation, offset)
    cleos = await talking.said(world, cleo, three, 3)

    await world.redis.hset(view.profile(ben), "suspended", "spam")
    meanwhile = await talking.unread(world, ana), await world.items(f"{WHERE}/{three}/messages", ana)
    await world.redis.hset(view.profile(ben), "suspended", "")

    assert meanwhile == ({three: 1}, [cleos])
    assert await talking.unread(world, ana) == {two: 1, three: 2}


async def test_in_a_group_a_block_hides_two_people_from_each_other_only(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    conversation = await talking.opened(world, ana, ben, cleo)
    cleos = await talking.said(world, cleo, conversation, 1)
    bens = [await talking.said(world, ben, conversation, offset) for offset in (2, 3)]
    await world.block(ana, ben)
    path = f"{WHERE}/{conversation}/messages"

    (seen,) = (await world.get(WHERE, ana)).json()["items"]

    assert await world.items(path, ana) == [cleos]
    assert await world.items(path, cleo) == [*reversed(bens), cleos]
    assert (seen["unread"], seen["last_message"]["id"]) == (1, cleos)
    assert {member["id"] for member in seen["members"]} == {ana, cleo}
    assert await talking.unread(world, cleo) == {conversation: 2}


async def test_to_a_stranger_there_is_no_conversation(world: World) -> None:
    ana, ben, cleo = [await world.person(name) for name in ("ana", "ben", "cleo")]
    conversation = await talking.opened(world, ana, ben)
    nowhere = talks.a_conversation(cleo, ana)

    answers = [await world.get(f"{WHERE}/{each}/messages", cleo) for each in (conversation, nowhere)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert await world.items(WHERE, cleo) == []


async def test_a_walk_during_writes_shows_each_message_once(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    conversation = await talking.opened(world, ana, ben)
    messages = [await talking.said(world, by, conversation, n) for n, by in enumerate((ana, ben) * 5)]
    path = f"{WHERE}/{conversation}/messages"

    first = (await world.get(f"{path}?limit=3", ben)).json()
    newest = await talking.said(world, ana, conversation, 99)
    rest = await world.walk_from(path, ben, first["next_cursor"])
    (back,) = (await world.get(f"{path}?limit=3&cursor={first['prev_cursor']}", ben)).json()["items"]

    assert [item["id"] for item in first["items"]] + rest == messages[::-1]
    assert back["id"] == newest


async def test_a_walk_through_conversations_of_one_moment_shows_each_once(world: World) -> None:
    ana = await world.person("ana")
    others = [await world.person(f"person {n}") for n in range(9)]
    expected = [await talking.opened(world, ana, other) for other in others]
    for n, conversation in enumerate(expected):
        await talking.said(world, ana, conversation, n // 4)  # four at once

    walked = await world.walk(WHERE, ana, limit=2)

    moments = {conversation: n // 4 for n, conversation in enumerate(expected)}
    assert walked == sorted(expected, key=lambda each: (moments[each], int(each)), reverse=True)


async def test_a_desert_of_hidden_conversations_is_crossed(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    kept = await talking.opened(world, ana, ben)
    for n in range(70):
        other = await world.person(f"person {n}")
        await talking.said(world, other, await talking.opened(world, ana, other), n + 1)
        await world.block(other, ana)

    assert await world.walk(WHERE, ana) == [kept]
