"""Named points of the program at which a test waits, fails or ends the process.

Outside production a hook can be armed; it is awaited at every point that is reached. In the
test environment a process arms itself by FIELDOPS_FAIL_POINT, for example `push.written`,
`push.command:3` (the third time) or `pull.committed=kill`. In production none can be armed, and
a point costs one comparison.
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

Hook = Callable[[str], Awaitable[None]]

PUSH_LOCKED = "push.locked"  # the device's row is locked, nothing is judged
PUSH_COMMAND = "push.command"  # a command has been judged, more may follow
PUSH_WRITTEN = "push.written"  # everything is written, COMMIT comes next
PUSH_COMMITTED = "push.committed"  # COMMIT is done, the answer is not sent
# The snapshot stands, the device's row is read. A pull that follows the log of changes does the
# rest in one statement: it reaches none of the next three.
PULL_READ = "pull.read"
PULL_LOCKED = "pull.locked"  # the device's row is locked
# The difference is known, bodies are not read; of a device that starts anew both are, at once.
PULL_LOOKED = "pull.looked"
PULL_WRITTEN = "pull.written"  # the page is recorded, COMMIT comes next
PULL_COMMITTED = "pull.committed"  # COMMIT is done, the answer is not sent
MESSAGE_CLAIMED = "message.claimed"  # a worker has taken a message, nothing is sent
MESSAGE_HELD = "message.held"  # its visit is locked, it is still wanted, it goes out next
MESSAGE_SENT = "message.sent"  # the peer has answered, the outcome is not recorded
WARNINGS_SENT = "warnings.sent"  # somebody was written to about limits, it is not recorded

POINTS = frozenset(
    value for name, value in list(globals().items()) if name.startswith(("PU", "MESSAGE", "WARN"))
)

VARIABLE = "FIELDOPS_FAIL_POINT"
_FORM = re.compile(r"([a-z_.]+)(?::([1-9][0-9]*))?(?:=(stop|kill))?")

_hook: list[Hook] = []
_closed: list[bool] = []


async def reach(name: str) -> None:
    """Let the armed hook act at a point; nothing happens when none is armed."""
    if _hook:
        await _hook[-1](name)


def close() -> None:
    """Make arming impossible in this process: production."""
    _closed[:] = [True]
    _hook.clear()


@contextmanager
def armed(hook: Hook) -> Iterator[None]:
    """Arm a hook; raises RuntimeError in production."""
    if _closed:
        raise RuntimeError("points cannot be armed in production")
    _hook.append(hook)
    try:
        yield
    finally:
        _hook.remove(hook)


def prepare(environment: str) -> None:
    """Make a starting process what its environment allows.

    Production closes the points; test arms what FIELDOPS_FAIL_POINT names, for the life of the
    process. Raises ValueError for a value that names no point.
    """
    if environment == "production":
        close()
    elif environment == "test" and os.environ.get(VARIABLE):
        _hook[:] = [_ending(os.environ[VARIABLE])]


def _ending(said: str) -> Hook:
    """Return the hook that stops or kills this process at a point, the so-manyth time."""
    form = _FORM.fullmatch(said)
    if form is None or form[1] not in POINTS:
        raise ValueError(f"{VARIABLE}={said} is not POINT, POINT:TIMES or POINT:TIMES=stop|kill")
    point, left, action = form[1], [int(form[2] or 1)], form[3] or "stop"

    async def end(name: str) -> None:
        if name != point:
            return
        left[0] -= 1
        if left[0] > 0:
            return
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.stdout.write(f"{point}\n")
        sys.stdout.flush()
        threading.Event().wait()  # the whole process stands still until it is killed

    return end
