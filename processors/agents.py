"""Every agent on one page: who reads what, what it must know, by which rule, into which store.

`python -m processors agents` prints it. All agents run the loop of `consume.py`; `app.py` makes a Faust app of each.
"""

from processors.developing import developed
from processors.portions import Portion
from processors.processor import Known, Processor, Store, nothing
from processors.rules import feeds, metrics, rows, views
from processors.stores.objects import Originals, Renditions
from processors.stores.projections import Projections
from processors.stores.tombstones import Tombstones
from processors.stores.warehouse import Warehouse
from processors.wiring import Wiring
from schemas.topics import EVENTS, FACTS, SECRETS


def originals(wiring: Wiring) -> Known:
    """What the phone uploaded, for each captured photo."""
    return Originals(wiring.settings)


def tombstones(wiring: Wiring) -> Known:
    """Since when whoever sends events has been erased."""
    return Tombstones(wiring.settings.redis_url)


def renditions(wiring: Wiring) -> Store:
    """Developed pictures in the bucket until they are taken back, and the facts that name them in the log."""
    return Renditions(wiring.settings, wiring.append)


def projections(wiring: Wiring) -> Store:
    """Views in Redis."""
    settings = wiring.settings
    return Projections(wiring.processor, settings.redis_url, wiring.clock, settings.feed_pull_above)


def warehouse(wiring: Wiring) -> Store:
    """Rows in BigQuery."""
    return Warehouse(wiring.settings)


# 500 records may be 250,000 rows. A machine that does other things writes 1,600 rows a second; an attempt has 20 s.
WAREHOUSE_AT_ONCE = Portion(intents=8_000, bytes=16_000_000)

PROCESSORS = (
    Processor(
        "develop",
        reads=(FACTS,),
        known=originals,
        rule=developed,
        store=renditions,
        batch=8,
        says="a captured photo becomes three pictures, or is spoiled",
    ),
    Processor(
        "feeds",
        reads=(FACTS,),
        rule=feeds.changes,
        store=projections,
        says="a developed photo reaches every follower, sealed until its reveal",
    ),
    Processor(
        "views",
        reads=(FACTS, SECRETS),
        rule=views.changes,
        store=projections,
        says="profiles, follows, rolls, photos, reactions and sessions as they are read",
    ),
    Processor(
        "metrics",
        reads=(EVENTS, FACTS),
        known=tombstones,
        rule=metrics.tallies,
        store=projections,
        says="counts per minute and active people per day",
    ),
    Processor(
        "warehouse",
        reads=(EVENTS, FACTS),
        rule=rows.rows,
        store=warehouse,
        window_s=0.5,
        batch=500,
        at_once=WAREHOUSE_AT_ONCE,
        says="events and facts as rows that analysts query",
    ),
)


def topology() -> str:
    """The table as text: agent, topics, what it knows, rule, store, what it is for."""
    heads = ("agent", "reads", "known", "rule", "store", "what it does")
    lines = [heads, *(_line(processor) for processor in PROCESSORS)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _line(processor: Processor) -> tuple[str, ...]:
    rule = f"{processor.rule.__module__.rpartition('.')[2]}.{processor.rule.__name__}"
    known = "" if processor.known is nothing else processor.known.__name__
    topics = ", ".join(topic.name for topic in processor.reads)
    return processor.name, topics, known, rule, processor.store.__name__, processor.says
