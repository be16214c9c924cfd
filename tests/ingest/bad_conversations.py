"""The conversations that `bad_inputs_ef.csv` describes in words, by the case's id."""

import httpx

from schemas.facts import MessageSent
from schemas.ids import ConversationId
from tests.builders import a_user
from tests.ingest import talking
from tests.ingest.recorded import fact_of
from tests.ingest.scenes import Case, Scene

LINK = "[x](javascript:alert(1))"


async def between(scene: Scene) -> ConversationId:
    return await talking.opened(scene.world, scene.ben, scene.ana)


def saying(text: str) -> Case:
    async def case(scene: Scene) -> httpx.Response:
        return await talking.said(scene.world, await between(scene), scene.ben, text)

    return case


async def verbatim(scene: Scene) -> httpx.Response:
    answer = await saying(LINK)(scene)
    fact = fact_of(scene.settings, answer)
    assert isinstance(fact, MessageSent)
    assert fact.personal.text == answer.json()["message"]["text"] == LINK
    return answer


async def to_who_blocked(scene: Scene) -> httpx.Response:
    conversation = await between(scene)
    await talking.block(scene.world, scene.ana, scene.ben)
    return await talking.said(scene.world, conversation, scene.ben)


async def with_a_long_key(scene: Scene) -> httpx.Response:
    return await talking.said(scene.world, await between(scene), scene.ben, key="k" * 256)


def opening(*recipients: str) -> Case:
    return lambda scene: scene.post("/v1/conversations", recipients=list(recipients))


CASES: dict[str, Case] = {
    "in-E1.2": saying("\u200b"),
    "in-E2.1": saying("x" * 10_001),
    "in-E3.2": verbatim,
    "in-E6.1": to_who_blocked,
    "in-E6.2": opening(*(a_user(f"user {n}") for n in range(10_000))),
    "in-E6.3": lambda scene: scene.post("/v1/conversations", recipients=[scene.ben.user]),
    "in-E7.2": with_a_long_key,
}
