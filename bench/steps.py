"""What a phone does under measurement: register, pull, push; and how many statements that is."""

from typing import Any

from bench.client import Connection, Measured
from bench.counting import Counter
from bench.requests import Phone


async def register(connection: Connection, measured: Measured, phone: Phone) -> None:
    """Register a phone and keep its key."""
    answer = await connection.send(phone.registration())
    measured.take(answer)
    if answer.status != 200:
        raise SystemExit(f"Registration: {answer.content[:500]!r}")
    phone.registered(answer)


async def pull_all(connection: Connection, measured: Measured, phone: Phone) -> None:
    """Pull until nothing more follows; all pages together count as one request."""
    seconds, size, more = 0.0, 0, True
    while more:
        answer = await connection.send(phone.pull())
        seconds, size = seconds + answer.seconds, size + len(answer.content)
        if answer.status != 200:
            measured.take(answer)
            return
        more = phone.pulled(answer.json())
    measured.seconds.append(seconds)
    measured.sizes.append(size)


async def push(connection: Connection, measured: Measured, phone: Phone) -> None:
    """Hand in 20 commands; each must take effect."""
    answer = await connection.send(phone.push())
    measured.take(answer)
    check_push(answer.json(), measured)


def check_push(answer: dict[str, Any], measured: Measured) -> None:
    """Note as a failure what did not take effect."""
    odd = [r for r in answer.get("results", []) if r["status"] not in {"applied", "merged"}]
    if odd or answer.get("stop"):
        measured.failures.append(f"{answer.get('stop')} {odd[:1]}")


async def count_pull(counter: Counter, phone: Phone) -> int:
    """Return the greatest number of statements of a page."""
    most, more = 0, True
    while more:
        page, queries = await counter.send(phone.pull())
        most, more = max(most, queries), phone.pulled(page)
    return most


async def count_push(counter: Counter, phone: Phone) -> int:
    """Return the number of statements of a push."""
    answer, queries = await counter.send(phone.push())
    measured = Measured()
    check_push(answer, measured)
    if measured.failures:
        raise SystemExit(f"Push: {measured.failures[0]}")
    return queries
