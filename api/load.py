"""What is left out of answers when more is asked than can be done: first ranking, then counters, then length. Pure.

How strained we are is a number: 1 is the setting's delay, and sheds ranking; 2 counters, too; 3 also all but the first
few items of a page. It must stay so for a second and a half before anything is shed; what was shed comes back one by
one, each after two seconds of half the strain, so that answers do not flicker.
"""

from typing import Literal

import msgspec

Shed = Literal["ranking", "counters", "length"]
SHEDS: tuple[Shed, ...] = ("ranking", "counters", "length")  # in this order

SHORT = 5  # items of a short page
UP_BEATS = 3  # of half a second
DOWN_BEATS = 4


class Load(msgspec.Struct, frozen=True):
    """`level`: how many of `SHEDS` are left out; `recent`: the last strains, the newest last."""

    level: int = 0
    recent: tuple[float, ...] = ()

    @property
    def shed(self) -> tuple[Shed, ...]:
        """What is left out now."""
        return SHEDS[: self.level]

    def after(self, strain: float) -> "Load":
        """The load one beat later."""
        recent = (*self.recent, strain)[-DOWN_BEATS:]
        rises = min(len(SHEDS), int(min(recent[-UP_BEATS:]))) if len(recent) >= UP_BEATS else 0
        if rises > self.level:
            return Load(rises, recent)
        if self.level and len(recent) == DOWN_BEATS and max(recent) < self.level / 2:
            return Load(self.level - 1)
        return Load(self.level, recent)


def strain(lag_s: float, worked_s: float, answer_s: float, bound_s: float) -> float:
    """How often `bound_s` goes into the loop's delay or Redis' answer, whichever is longer; 0 without a bound.

    Of the delay counts what our own work (CPU of the thread meanwhile) explains: on a machine that is busy with other
    things we are late, too, and shedding would help nobody. Redis is not blamed for the loop's delay.
    """
    if not bound_s:
        return 0.0
    return max(min(lag_s, worked_s), answer_s - lag_s) / bound_s
