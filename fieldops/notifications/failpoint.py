"""Where a test stops the sending of a message, to kill the process there.

Works in the test environment only, and only when FIELDOPS_FAILPOINT names the point.
"""

import os
import sys
import threading

from fieldops.kernel.settings import Settings


def reach(point: str, settings: Settings) -> None:
    """Say that the point is reached and stand still until the process is killed."""
    if settings.environment == "test" and os.environ.get("FIELDOPS_FAILPOINT") == point:
        sys.stdout.write(f"{point}\n")
        sys.stdout.flush()
        threading.Event().wait()
