"""What `send.mjs` does, with the official SDK for Python; the same arguments, the same last line."""

import json
import sys
import time

from segment.analytics.client import Client


def main(host: str, write_key: str, count: str, per_second: str, coding: str, person: str) -> None:
    """Sends, waits until the SDK has nothing left, and tells which ids it made and what it gave up."""
    ids, failed = list[str](), list[str]()
    sdk = Client(
        write_key, host=host, gzip=coding == "gzip", max_queue_size=100_000,
        on_error=lambda error, batch: failed.extend([str(error)] * len(batch)),
    )  # fmt: skip
    began = time.monotonic()
    for n in range(int(count)):
        time.sleep(max(0.0, began + n / float(per_second) - time.monotonic()))
        _, event = sdk.track(f"{person}-{n % 20}", f"E{n % 7}", {"n": n, "text": "ü" * 20})
        ids.append(event["messageId"])
    sdk.flush()
    sdk.join()
    print(json.dumps({"ids": ids, "failed": failed}))


if __name__ == "__main__":
    main(*sys.argv[1:])
