"""What the machine found, each as the shortest play that showed it."""

import asyncio

from schemas.facts import Fact
from tests import builders as a
from tests.laws import looks
from tests.laws.cast import PEOPLE
from tests.laws.stage import PROCESSORS, Stage

ANA, _, _, _, EVE = PEOPLE


async def say(stage: Stage, *said: Fact) -> None:
    for fact in said:
        stage.append(fact)
    for processor in PROCESSORS:
        await stage.catch_up(processor)


def test_the_first_follower_in_a_bucket_is_seen_by_who_remembers_the_others(
    stage: Stage, loop: asyncio.AbstractEventLoop
) -> None:
    """`feeds` keeps the followers it read for the last photo; none of the deliveries went to the new one's bucket."""
    first, second = (a.photo_captured(ANA, a.a_photo(ANA, number)) for number in (1, 2))

    async def play() -> None:
        await stage.begin(PEOPLE)
        await say(stage, a.user_registered(ANA), a.user_registered(EVE, "eve"))
        await say(stage, first, a.photo_developed(ANA, first.photo))
        await say(stage, a.user_followed(EVE, ANA))
        await say(stage, second, a.photo_developed(ANA, second.photo))

        await looks.home(stage, EVE)

    loop.run_until_complete(play())


def test_who_is_pulled_sees_what_they_publish(stage: Stage, loop: asyncio.AbstractEventLoop) -> None:
    """Their own feed is a follower's, but the view of whom they follow does not name themselves."""
    photos = [a.photo_captured(ANA, a.a_photo(ANA, number)) for number in (1, 2)]

    async def play() -> None:
        await stage.begin(PEOPLE)
        await say(stage, a.user_registered(ANA))
        stage.pull_above(0)
        for taken in photos:
            await say(stage, taken, a.photo_developed(ANA, taken.photo))

        await looks.home(stage, ANA)

    loop.run_until_complete(play())
