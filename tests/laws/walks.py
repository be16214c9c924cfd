"""Somebody turns pages while others write, onwards and back. What is there at every page is shown once, in order."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.ids import RollId, UserId
from tests.laws.looks import GRID, HOME, LISTS, home_bounds
from tests.laws.stage import Answer, Stage


@dataclass
class Walk:
    """One direction of one list. What is not there is never shown; survivors are, before the walk ends.

    `begin`: a walk back shows what stands before this id. `behind`: a cursor that leads back, and what it begins at.
    """

    reader: UserId
    path: str
    target: str
    limit: int
    cursor: str | None = None
    begin: int | None = None
    seen: list[str] = field(default_factory=list)
    survivors: set[str] | None = None
    behind: tuple[str, int] | None = None
    is_over: bool = False

    def back(self) -> "Walk":
        """The way back from the last page."""
        assert self.behind is not None
        cursor, begin = self.behind
        return Walk(self.reader, self.path, self.target, self.limit, cursor, begin)

    async def turn(self, stage: Stage) -> None:
        must, may = self._bounds(stage)
        page = await stage.ask(self.path, self.reader, self.target, limit=self.limit, cursor=self.cursor)
        if page is None or may is None:
            assert (page is None) == (may is None), f"{self} got {page}; expected {may}"
            self.is_over, self.behind = True, None
            return
        found = [item["id"] for item in page["items"]]
        ahead = {each for each in must if self.begin is None or self._is_before(each, self.begin)}
        self.survivors = ahead if self.survivors is None else self.survivors & ahead
        self._note(page, found)
        assert set(found) <= set(may), f"{self} was shown {found}; may be {may}"
        ordered = sorted(set(self.seen), key=int, reverse=(self.path in LISTS) == self._is_back)
        assert self.seen == ordered, f"{self} is out of order"
        assert len(found) <= self.limit
        assert self.begin is None or all(self._is_before(each, self.begin) for each in found), f"{self} is not back"
        if self.is_over:
            assert self.survivors <= set(self.seen), f"{self} missed {self.survivors - set(self.seen)}"

    @property
    def _is_back(self) -> bool:
        return self.begin is not None

    def _note(self, page: Answer, found: Sequence[str]) -> None:
        self.seen += reversed(found) if self._is_back else found
        if self._is_back:
            self.is_over = page["prev_cursor"] == self.cursor  # nothing before it, for now
            self.cursor = page["prev_cursor"]
            return
        if found or self.seen:  # a page that shows nothing leads back to what the last one ended with
            assert page["prev_cursor"], f"{self} cannot go back"
            step = -1 if self.path not in LISTS else 1
            self.behind = (page["prev_cursor"], int(found[0]) if found else int(self.seen[-1]) + step)
        self.cursor, self.is_over = page["next_cursor"], page["next_cursor"] is None

    def _is_before(self, one: str, other: int) -> bool:
        return int(one) < other if self.path in LISTS else int(one) > other

    def _bounds(self, stage: Stage) -> tuple[Sequence[str], Sequence[str] | None]:
        if self.path == HOME:
            return home_bounds(stage, self.reader)
        truth, target = stage.oracle(), self.target
        if self.path in LISTS:
            exact: Any = LISTS[self.path](truth, self.reader, target)
        elif self.path == GRID:
            exact = truth.grid(self.reader, UserId(target))
        else:
            exact = truth.roll_photos(self.reader, RollId(target))
        return (list(exact or ()), None if exact is None else list(exact))
