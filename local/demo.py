"""`make demo`: the main job once, on the running parts, told step by step."""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from segment.analytics.client import Client as SegmentClient

from local import control
from local.people import Phone
from local.photographs import photographs
from local.stack import Stack
from sql import warehouse

PICTURES = Path("demo-photos")
DEVELOP_SECONDS = 15
STEPS = 9
QUESTION = """
SELECT name, COUNT(*) AS events, COUNT(DISTINCT event_id) AS ids
FROM raw.events_v1
WHERE received_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) AND user_id = @person
GROUP BY name ORDER BY events DESC, name
"""
FACTS_BY_TYPE = "SELECT type, COUNT(*) AS n FROM raw.facts_v1 WHERE accepted_at > '2020-01-01' GROUP BY type"


class Story:
    """Numbers the steps and says how long each took."""

    def __init__(self) -> None:
        self.step = 0
        self.began = time.monotonic()

    @contextmanager
    def tell(self, what: str) -> Iterator[None]:
        """One step: its name before, its seconds behind."""
        self.step += 1
        print(f"\n[{self.step}/{STEPS}] {what}", flush=True)
        began = time.monotonic()
        yield
        print(f"      ({time.monotonic() - began:.1f} s)", flush=True)


def say(line: str) -> None:
    """One indented line."""
    print(f"      {line}", flush=True)


def main(stack: Stack) -> None:
    """Runs the story; leaves the stack up, so that what it prints at the end can be tried."""
    story = Story()
    with story.tell("The parts and the rooms: started where they are not running"):
        control.up(stack)
    base = stack.settings.public_url
    with story.tell("Ana, Ben and Cleo register; Ben and Cleo follow Ana"):
        ana, ben, cleo = (Phone.register(base, name) for name in ("ana", "ben", "cleo"))
        for friend in (ben, cleo):
            friend.post(f"/v1/users/{ana.user}/follow")
            say(f"{friend.username} follows {ana.username}")
    with story.tell(f"Ana opens a private roll that develops in {DEVELOP_SECONDS} s; Ben joins by her link"):
        roll = open_roll(ana, ben)
    with story.tell("Three photographs go straight to S3 with signed tickets, and onto the roll"):
        photos = take_photos(ana, ben, roll)
    with story.tell("The app reports what happened: a batch from the official Segment SDK"):
        post_events(stack, ana)
    with story.tell("Before the reveal: friends see nothing, authors see sealed cards"):
        show_feed(ben, cleo)
        show_sealed(ana)
    with story.tell("Waiting for the reveal"):
        wait_for_reveal(ben, photos)
    with story.tell("After the reveal, all at once: Ben's feed, and the developed pictures"):
        save_pictures(show_feed(ben, cleo))
    with story.tell("What the numbers say: live from Redis, and by SQL from BigQuery"):
        show_numbers(ana, stack)
    print(f"\nThe whole story took {time.monotonic() - story.began:.0f} s.")
    what_next(stack, ben, roll)


def open_roll(ana: Phone, ben: Phone) -> str:
    """A private roll of Ana's that Ben is a member of; its id."""
    roll = ana.post("/v1/rolls", name="Sunday", develop=f"{DEVELOP_SECONDS}s", visibility="private")["roll"]["id"]
    invite = ana.post(f"/v1/rolls/{roll}/invites")
    ben.post(f"/v1/invites/{invite['token']}")
    say(f"roll {roll}: {ana.username} owns it, {ben.username} is a member, {cleo_is_not()}")
    return str(roll)


def cleo_is_not() -> str:
    """Why the third person is in the story."""
    return "Cleo follows Ana but is not on the roll"


def take_photos(ana: Phone, ben: Phone, roll: str) -> list[dict[str, Any]]:
    """Two of Ana's and one of Ben's."""
    told = []
    for phone, picture in zip((ana, ana, ben), photographs(), strict=False):
        photo = phone.take(picture, roll=roll, caption=picture.stem.replace("_", " "))["photo"]
        say(f"{phone.username}: {picture.name} ({picture.stat().st_size // 1000} kB) -> photo {photo['id']}")
        told.append(photo)
    return told


def post_events(stack: Stack, ana: Phone) -> None:
    """Five events through the SDK; raises when any of them was not accepted."""
    failed: list[object] = []
    sdk = SegmentClient(stack.write_key, host=stack.settings.public_url, on_error=lambda error, _: failed.append(error))
    sdk.identify(ana.user, {"plan": "demo"})
    for name in ("App Opened", "Roll Opened", "Photo Taken", "Photo Taken"):
        sdk.track(ana.user, name, {"source": "demo"})
    sdk.flush()
    sdk.join()
    if failed:
        raise RuntimeError(f"the SDK reports {failed}")
    say("5 events accepted: they are in Kafka with acks=all")


def show_feed(ben: Phone, cleo: Phone) -> list[dict[str, Any]]:
    """Prints what both followers see; Ben's items."""
    items: list[dict[str, Any]] = ben.get("/v1/feeds/home")["items"]
    say(f"{ben.username}'s feed: {len(items)} photos")
    for item in items:
        say(f"   {item['id']}  {item['author']['username']:<12} {item.get('caption', '')}")
    say(f"{cleo.username}'s feed: {len(cleo.get('/v1/feeds/home')['items'])} photos ({cleo_is_not()})")
    return items


def show_sealed(ana: Phone) -> None:
    """Prints the author's own view of what nobody else may know of."""
    for item in ana.get(f"/v1/users/{ana.user}/photos")["items"]:
        say(f"{ana.username} sees a sealed card: {item['id']}, reveal at {item['reveal_at']}")


def wait_for_reveal(ben: Phone, photos: list[dict[str, Any]]) -> None:
    """Until the feed holds Ana's photos (a countdown on one line), 60 s at most."""
    reveal = max(datetime.fromisoformat(photo["reveal_at"]) for photo in photos)
    deadline = time.monotonic() + 60
    while len(ben.get("/v1/feeds/home")["items"]) < len(photos):
        if time.monotonic() > deadline:
            raise RuntimeError("the reveal did not come; see .local/dev/log/")
        left = max(0.0, (reveal - datetime.now(UTC)).total_seconds())  # noqa: TID251 - a countdown for a person
        print(f"\r      revealed in {left:4.1f} s ", end="", flush=True)
        time.sleep(0.2)
    print("\r      revealed.              ", flush=True)


def save_pictures(items: list[dict[str, Any]]) -> None:
    """The large rendition of each item, fetched through its signed link."""
    PICTURES.mkdir(exist_ok=True)
    for item in items:
        picture = httpx.get(item["media"]["large"], timeout=10).raise_for_status().content
        path = PICTURES / f"{item['id']}.jpg"
        path.write_bytes(picture)
        say(f"{path}  {item['width']}x{item['height']}, {len(picture) // 1000} kB")


def show_numbers(ana: Phone, stack: Stack) -> None:
    """Live metrics, then the same day as analysts see it, once the batch has arrived there."""
    live = ana.get("/v1/stats/live")
    say(f"live: {live['active_today']} people active today; received in the last minutes:")
    for name, count in sorted(sum((Counter(minute["counts"]) for minute in live["minutes"]), Counter()).items()):
        say(f"   {count:>6}  {name}")
    for line in (*QUESTION.strip().splitlines(), *answer(stack, ana.user).splitlines()):
        say(line)


def answer(stack: Stack, person: str) -> str:
    """The question's answer as a table, as soon as it has a row (30 s at most)."""
    door = warehouse.opened(stack.settings)
    for _ in range(60):
        found = door.df(QUESTION, person=person)
        if len(found) and int(found["events"].sum()) >= 5:
            return str(found.to_string(index=False))
        time.sleep(0.5)
    raise RuntimeError("BigQuery does not have the events after 30 s; see .local/dev/log/")


def what_next(stack: Stack, ben: Phone, roll: str) -> None:
    """Lines that work as they stand."""
    base = stack.settings.public_url
    print(f"""
Try next (the stack stays up; `make down` stops it):
  export TOKEN={ben.token}
  curl -s {base}/v1/feeds/home -H "authorization: Bearer $TOKEN"
  curl -s {base}/v1/rolls/{roll}/photos -H "authorization: Bearer $TOKEN"
  curl -s {base}/v1/batch -u {stack.write_key}: -H 'content-type: application/json' \\
       -d '{{"batch":[{{"type":"track","event":"Tried","userId":"me"}}]}}'
  .venv/bin/python -m sql query "{FACTS_BY_TYPE}"
  .venv/bin/python -m processors agents
  open {base}/docs and {PICTURES}/""")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--stack", default="default", help="on which stack (default: %(default)s)")
    main(Stack.named(arguments.parse_args().stack))
