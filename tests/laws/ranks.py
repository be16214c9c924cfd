"""Law 28: a walk through a ranked feed keeps the order in which it began, and shows each survivor once."""

from dataclasses import dataclass, field

from schemas.ids import UserId
from tests.laws.looks import EVERYTHING, home_bounds
from tests.laws.stage import Stage

FOR_YOU = "/v1/feeds/for-you"


@dataclass
class RankedWalk:
    """Like `Walk`, of a list whose order is the api's own: it is asked for as a whole at the begin."""

    reader: UserId
    limit: int
    cursor: str | None = None
    order: list[str] = field(default_factory=list)
    variant: str | None = None
    seen: list[str] = field(default_factory=list)
    survivors: set[str] | None = None
    is_over: bool = False

    async def turn(self, stage: Stage) -> None:
        is_first = self.cursor is None
        if is_first:
            whole = await stage.ask(FOR_YOU, self.reader, limit=EVERYTHING)
            assert whole is not None
            self.order, self.variant = [item["id"] for item in whole["items"]], whole["variant"]
        must, may = home_bounds(stage, self.reader)
        page = await stage.ask(FOR_YOU, self.reader, limit=self.limit, cursor=self.cursor)
        assert page is not None
        found = [item["id"] for item in page["items"]]
        self.survivors = (set(self.order) if self.survivors is None else self.survivors) & set(must)
        self.seen += found
        self.cursor, self.is_over = page["next_cursor"], page["next_cursor"] is None
        assert set(found) <= set(may), f"{self} was shown {found}; may be {may}"
        assert self.seen == [each for each in self.order if each in self.seen], f"{self} is out of order"
        assert page["variant"] == self.variant, f"{self} has another variant"
        if is_first:
            assert set(must) <= set(self.order), f"{self} lacks {set(must) - set(self.order)}"
        if self.is_over:
            assert self.survivors <= set(self.seen), f"{self} missed {self.survivors - set(self.seen)}"
