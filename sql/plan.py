"""PURE. The models, as their files describe themselves, in the order in which they can be built.

A file's header says in comment lines what one row is, what it reads and who answers for it; the path is the table:
`marts/daily_activity_v1.sql` makes `marts.daily_activity_v1`.
"""

import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Literal

import msgspec

Kind = Literal["view", "table function", "table"]

REQUIRED = ("grain", "reads", "partition", "owner", "limits")
OPTIONAL = ("takes",)  # the arguments of a table function

_HEADER_LINE = re.compile(r"^-- (\w+): *(.*)$")
_CONTINUED = re.compile(r"^--  +(\S.*)$")
_TABLE = re.compile(r"\b(?:raw|staging|marts|meta)\.\w+")


class PlanError(ValueError):
    """A model's file cannot be planned; the message names it, what it says and what was expected."""


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model: what its header says, and its query (`body`), which ends in `select * from <last step>`."""

    dataset: str
    name: str
    grain: str
    reads: tuple[str, ...]
    partition: str
    owner: str
    limits: str
    takes: str
    body: str

    @property
    def path(self) -> str:
        """`dataset.name`, as SQL names it."""
        return f"{self.dataset}.{self.name}"

    @property
    def kind(self) -> Kind:
        """Marts are stored, partition by partition; staging is computed where it is read."""
        if self.dataset == "marts":
            return "table"
        return "table function" if self.takes else "view"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A claim about the warehouse, and the query for the rows that contradict it."""

    name: str
    claim: str
    body: str


def parse_check(name: str, text: str) -> Check:
    """The check in a file; `PlanError` when it does not say what it claims."""
    claim = _header(text).get("claim")
    if not claim:
        raise PlanError(f"checks/{name}.sql has no `-- claim: ...` in its header; expected what it claims")
    return Check(name=name, claim=claim, body=text.strip())


def parse(dataset: str, name: str, text: str) -> Model:
    """The model in a file; `PlanError` when its header is incomplete or lists other tables than the query names."""
    header = _header(text)
    path = f"{dataset}.{name}"
    if missing := [word for word in REQUIRED if not header.get(word)]:
        raise PlanError(f"{path} has no `-- {missing[0]}: ...` in its header; expected {', '.join(REQUIRED)}")
    if unknown := header.keys() - {*REQUIRED, *OPTIONAL}:
        raise PlanError(f"{path} has `-- {min(unknown)}:` in its header; expected {', '.join(REQUIRED + OPTIONAL)}")
    reads = tuple(part.strip() for part in header["reads"].split(","))
    named = tables_in(text)
    if set(reads) != named:
        raise PlanError(f"{path} says it reads {', '.join(reads)}; its query reads {', '.join(sorted(named))}")
    rest = {word: header.get(word, "") for word in ("grain", "partition", "owner", "limits", "takes")}
    return Model(dataset=dataset, name=name, reads=reads, body=text.strip(), **rest)


def _header(text: str) -> dict[str, str]:
    """The comment lines at the top of a file; a line indented further continues the one above."""
    header: dict[str, str] = {}
    word = ""
    for line in text.splitlines():
        if match := _HEADER_LINE.match(line):
            word = match[1]
            header[word] = match[2].strip()
        elif word and (match := _CONTINUED.match(line)):
            header[word] += " " + match[1].strip()
        else:
            break
    return header


def tables_in(text: str) -> set[str]:
    """The tables a query names; comments do not count."""
    return set(_TABLE.findall(re.sub(r"--.*", "", text)))


def ordered(models: Iterable[Model], declared: Iterable[str]) -> tuple[Model, ...]:
    """The models, each after all that it reads. `declared` are the tables that no model makes.

    Ties go by path, so that the same files always give the same plan.
    """
    by_path = {model.path: model for model in models}
    known = {*by_path, *declared}
    for model in by_path.values():
        if strange := [path for path in model.reads if path not in known]:
            raise PlanError(f"{model.path} reads {strange[0]}, which is neither a model nor a declared table")
    return tuple(by_path[path] for path in _sorted({path: by_path[path].reads for path in by_path}) if path in by_path)


def _sorted(reads: Mapping[str, tuple[str, ...]]) -> list[str]:
    sorter = TopologicalSorter(reads)
    try:
        sorter.prepare()
    except CycleError as error:
        raise PlanError(f"models read each other in a circle: {' <- '.join(error.args[1])}") from error
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order
