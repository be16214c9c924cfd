"""What is where, told without asking the router: an unknown path must cost next to nothing."""

import re
from collections.abc import Iterable


class Paths:
    """Of routes given as (path, methods); a path may stand several times."""

    def __init__(self, routes: Iterable[tuple[str, Iterable[str]]]) -> None:
        methods: dict[str, list[str]] = {}
        for path, given in routes:
            methods.setdefault(path, []).extend(given)
        self._methods = [frozenset(given) for given in methods.values()]
        patterns = (f"({_pattern(path)})" for path in methods)
        self._any = re.compile("|".join(patterns))

    def methods(self, path: str) -> frozenset[str] | None:
        """What is offered there; None: there is nothing."""
        found = self._any.fullmatch(path)
        return self._methods[found.lastindex - 1] if found and found.lastindex else None


def _pattern(path: str) -> str:
    """As the router reads it: a parameter is anything but a slash."""
    parts = re.split(r"\{\w+\}", path)
    return "[^/]+".join(map(re.escape, parts))
