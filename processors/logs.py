"""Logs: one JSON object a line on stderr, UTC; what the libraries say goes the same way."""

import logging
import sys
from time import monotonic

import structlog

LINES_A_SECOND = 5  # of one of aiokafka's loggers; in an outage it writes a hundred


class Seldom(logging.Filter):
    """Lets through a few lines a second, of each logger; errors too, for in an outage they are the flood."""

    def __init__(self, lines_a_second: int = LINES_A_SECOND) -> None:
        super().__init__()
        self._limit = lines_a_second
        self._second, self._lines = 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line may pass."""
        now = int(monotonic())
        if now != self._second:
            self._second, self._lines = now, 0
        self._lines += 1
        return self._lines <= self._limit


def configure(level: int = logging.INFO) -> None:
    """Once, at the start of the process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, limited in _libraries():
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        if limited:
            logger.addFilter(Seldom())


def _libraries() -> list[tuple[str, bool]]:
    """Loggers that say too much; a filter holds only for the logger it is on, so aiokafka's are named one by one."""
    talking = ("conn", "cluster", "client", "producer.sender", "consumer.fetcher", "consumer.group_coordinator")
    return [(f"aiokafka.{name}", True) for name in talking] + [("faust", False), ("mode", False), ("uvicorn", False)]
