"""`python -m ingest`: serves INGEST_BIND until it is told to stop (SIGTERM, SIGINT). `... keys`: see `keysmith`."""

import os
import sys
from datetime import UTC, datetime

from ingest import app, keysmith, workers
from schemas.settings import Settings, SettingsError, address


def main() -> int:
    """2 when a setting is wrong, else how the serving ended."""
    try:
        settings = Settings.read(os.environ)
        address(settings.ingest_bind)
        if sys.argv[1:2] == ["keys"]:
            return keysmith.main(sys.argv[2:], settings.write_keys_file, datetime.now(UTC))
        app.check(settings)
    except SettingsError as error:
        print(f"ingest does not start: {error}", file=sys.stderr)
        return 2
    return workers.run(settings)


if __name__ == "__main__":
    sys.exit(main())
