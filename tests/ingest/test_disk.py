"""What the real disk leaves behind when it fails in the midst of a step."""

import errno
import subprocess
import sys
from pathlib import Path

from local.stack import ROOT

# In a process of its own: with one descriptor left the file opens, and the folder, whose fsync keeps its name, not.
CREATE = """
import os, resource, sys
from pathlib import Path
from ingest.disk import Disk
disk, path = Disk(), Path(sys.argv[1])
free = os.dup(0)
os.close(free)
resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
try:
    disk.create(path)
except OSError as error:
    print(error.errno)
"""


def test_a_file_whose_name_is_not_safe_is_not_left_behind(tmp_path: Path) -> None:
    """A broken disk would gather one for each batch that it refuses, until it has no inodes."""
    made = subprocess.run(
        [sys.executable, "-c", CREATE, str(tmp_path / "000000000000.spool")],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert made.stdout.strip() == str(errno.EMFILE)
    assert list(tmp_path.iterdir()) == []
