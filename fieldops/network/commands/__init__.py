"""The verbs of the network record; importing this registers them all."""

from fieldops.network.commands.claiming import claim, give_back, let_lapse
from fieldops.network.commands.findings import close_finding, report_finding
from fieldops.network.commands.importing import import_plant
from fieldops.network.commands.plant import add_feature, change_feature, connect
from fieldops.network.commands.serving import (
    change_service,
    register_service,
    release,
    reserve,
    set_life,
)
from fieldops.network.commands.swapping import change_port, mark_pair_bad, swap_pair

__all__ = [
    "add_feature",
    "change_feature",
    "change_port",
    "change_service",
    "claim",
    "close_finding",
    "connect",
    "give_back",
    "import_plant",
    "let_lapse",
    "mark_pair_bad",
    "register_service",
    "release",
    "report_finding",
    "reserve",
    "set_life",
    "swap_pair",
]
