"""Logs: one JSON object a line on stderr, UTC; what the libraries say goes the same way."""

import logging
import sys
from time import monotonic

import structlog

LINES_A_SECOND = 5  # of each of aiokafka's loggers; in an outage one writes a hundred


class Seldom(logging.Filter):
    """Lets through a few lines a second of each aiokafka logger; errors too, for in an outage they are the flood."""

    def __init__(self, lines_a_second: int = LINES_A_SECOND) -> None:
        super().__init__()
        self._limit = lines_a_second
        self._lines: dict[str, tuple[int, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line may pass."""
        if not record.name.startswith("aiokafka"):
            return True
        now = int(monotonic())
        second, lines = self._lines.get(record.name, (now, 0))
        self._lines[record.name] = (now, lines + 1 if second == now else 1)
        return self._lines[record.name][1] <= self._limit


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
    handler.addFilter(Seldom())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for talkative in ("aiokafka", "faust", "mode", "uvicorn"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
