"""Law 26: under load an answer is the one it would have been, but for what it says it does without."""

from api.load import SHORT, Load
from schemas.ids import UserId
from tests.laws.stage import Answer, Stage

COUNTS = ("likes", "comments", "you_like")
LONG = SHORT + 3


async def shed(stage: Stage, path: str, reader: UserId, target: str, level: int) -> None:
    """The same moment, asked with and without load; a short page's cursor leads to what it left out."""
    whole = await _asked(stage, path, reader, target, 0)
    found = await _asked(stage, path, reader, target, level)
    where = f"shed {level} of {path} {target} to {reader}"
    assert (found is None) == (whole is None), where
    if found is None or whole is None:
        return
    counted = [{**item, **{name: None for name in COUNTS if level >= 2 and name in item}} for item in whole["items"]]
    assert found["items"] == counted[: SHORT if level == 3 else LONG], f"{where}: {found}; expected {whole}"
    if level == 3 and len(counted) > SHORT:
        rest = await _asked(stage, path, reader, target, level, found["next_cursor"])
        assert rest is not None
        assert rest["items"] == counted[SHORT:][:SHORT], f"{where}, second page: {rest}; expected {whole}"
    else:
        assert found["next_cursor"] == whole["next_cursor"], where


async def _asked(
    stage: Stage, path: str, reader: UserId, target: str, level: int, cursor: str | None = None
) -> Answer | None:
    stage.room.load.load = Load(level)
    found = await stage.ask(path, reader, target, limit=LONG, cursor=cursor)
    stage.room.load.load = Load()
    return found
