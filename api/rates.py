"""How often somebody may ask without signing in: per link and per address, in this process.

Each process of a server counts for itself and forgets when it ends: this protects the server
from a loop, not the links, which nobody can guess (docs/limits.md).
"""

import asyncio
import math
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network

from fastapi import Request

from fieldops.kernel.errors import TooMany

LINK_AT_ONCE = 30
LINK_A_MINUTE = 12
ADDRESS_AT_ONCE = 240  # a mobile operator lets many customers out by one address
ADDRESS_A_MINUTE = 120
MOST_KNOWN = 20_000


class Rate:
    """So many at once, so many a minute after that (the generic cell rate algorithm)."""

    def __init__(self, at_once: int, a_minute: int) -> None:
        self.gap = 60 / a_minute
        self.slack = self.gap * (at_once - 1)
        self._due: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, now: float) -> None:
        """Count one request of a key; raises TooMany with the seconds to wait."""
        due = max(self._due.get(key, now), now)
        if due - now > self.slack:
            raise TooMany(retry_after=math.ceil(due - now - self.slack))
        self._due[key] = due + self.gap
        self._due.move_to_end(key)
        if len(self._due) > MOST_KNOWN:
            self._due.popitem(last=False)


class Rates:
    """The two rates of an application."""

    def __init__(self) -> None:
        self.links = Rate(LINK_AT_ONCE, LINK_A_MINUTE)
        self.addresses = Rate(ADDRESS_AT_ONCE, ADDRESS_A_MINUTE)

    def of_address(self, request: Request) -> None:
        """Count a request of its address; raises TooMany."""
        host = request.client.host if request.client else ""
        self.addresses.take(_network(host), _now())

    def of_link(self, token: str) -> None:
        """Count a request of a genuine link; raises TooMany."""
        self.links.take(token, _now())


def _now() -> float:
    return asyncio.get_running_loop().time()


def _network(host: str) -> str:
    """Return what is counted as one address: of IPv6 a household's whole network."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return host
