"""Named points of the engine at which a test waits, fails or ends the process.

Outside production a hook can be armed; it is awaited at every point that is reached. In
production none can be armed, and a point costs one comparison.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

Hook = Callable[[str], Awaitable[None]]

PUSH_LOCKED = "push.locked"  # the device's row is locked, nothing is judged
PUSH_COMMAND = "push.command"  # a command has been judged, more may follow
PUSH_WRITTEN = "push.written"  # everything is written, COMMIT comes next
PUSH_COMMITTED = "push.committed"  # COMMIT is done, the answer is not sent
PULL_READ = "pull.read"  # the snapshot stands, the device's row is read
PULL_LOCKED = "pull.locked"  # the device's row is locked
PULL_LOOKED = "pull.looked"  # the difference is known, bodies are not read
PULL_WRITTEN = "pull.written"  # the page is recorded, COMMIT comes next
PULL_COMMITTED = "pull.committed"  # COMMIT is done, the answer is not sent

POINTS = frozenset(value for name, value in list(globals().items()) if name.startswith("PU"))

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
