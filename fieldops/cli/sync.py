"""`fieldops sync`: what the person does who is called when a phone does not show what it should."""

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.cli.database import in_transaction, installation
from fieldops.kernel.errors import Coded
from fieldops.kernel.settings import get_settings

app = typer.Typer(help="Care for the phones' sync.", no_args_is_help=True)
console = Console()
T = TypeVar("T")

Region = Annotated[
    int, typer.Option(help="Number of the region.", envvar="FIELDOPS_REGION", show_envvar=True)
]
DeviceId = Annotated[UUID, typer.Argument(help="The device's id, as `fieldops sync devices` says.")]
MOST_DEVICES = 1_000


def _run(work: Awaitable[T]) -> T:
    """Run work; a refusal is said in words and ends with 2."""

    async def running() -> T:
        return await work

    try:
        return asyncio.run(running())
    except Coded as refused:
        console.print(f"{refused.message} {refused.advice}".strip())
        raise typer.Exit(2) from None


@app.command()
def devices(
    region: Region,
    centre: Annotated[UUID | None, typer.Option(help="Only the devices of this centre.")] = None,
) -> None:
    """List the phones: when each was last here, what waits on it, how it stands, what it holds.

    What waits is as far as known: what its last push said was queued, or what that push left
    behind. The longest silent ones come first.
    """
    from fieldops.files.queries import receipts as files  # noqa: PLC0415 - registers all modules
    from fieldops.kernel.permissions import Scope  # noqa: PLC0415 - see above
    from fieldops.sync import queries  # noqa: PLC0415 - see above

    async def work(session: AsyncSession) -> tuple[list[Any], dict[UUID, Any]]:
        scope = Scope(region, whole_region=True)
        rows = await queries.silent_devices(session, region, centre, MOST_DEVICES)
        receipts = await files.device_receipts(session, scope, None, MOST_DEVICES)
        return rows, {receipt.device_id: receipt for receipt in receipts}

    rows, receipts = _run(in_transaction(work))
    table = Table()
    table.add_column("Device", no_wrap=True, min_width=36)
    for title in ("Phone", "Last seen (UTC)", "Queue", "Holds"):
        table.add_column(title, overflow="fold")
    for row in rows:
        waiting = f"{row.queued} wait: {row.oldest_queued}" if row.queued else "none known to wait"
        receipt = receipts.get(row.id)
        photos = f"{receipt.arrived} of {receipt.promised} photos here" if receipt else "no photos"
        table.add_row(
            str(row.id),
            f"{row.name}, {row.state}, {row.app_version}",
            f"{row.last_seen_at:%Y-%m-%d %H:%M}",
            f"{row.last_seq} taken, {waiting}",
            f"{row.view_rows} rows, {photos}, {_catalogue(row)}{_differed(row)}",
        )
    console.print(table)


def _catalogue(device: Any) -> str:
    held, now = device.view_catalogue, device.catalogue_now
    if held is None:
        return "no catalogue yet"
    return f"catalogue {held}" if held == now else f"catalogue {held} of {now}"


def _differed(device: Any) -> str:
    if not device.hash_differences:
        return ""
    when = f", last {device.differed_at:%Y-%m-%d %H:%M}" if device.differed_at else ""
    return f", held other rows {device.hash_differences} times{when}"


@app.command()
def explain(
    device: DeviceId,
    type_: Annotated[
        str, typer.Argument(metavar="TYPE", help="Type of the row, for example visit.")
    ],
    row: Annotated[UUID, typer.Argument(metavar="ID", help="Id of the row.")],
    region: Region,
) -> None:
    """Say why a row is or is not on a phone: whose it is, its days, permission, what is held.

    The last line is the verdict. Nothing is changed.
    """
    from fieldops.kernel import clock  # noqa: PLC0415 - registers all modules
    from fieldops.kernel.views import DeviceScope  # noqa: PLC0415 - see above
    from fieldops.organisation import queries as organisation  # noqa: PLC0415 - see above
    from fieldops.sync import carrying, explaining  # noqa: PLC0415 - see above

    async def work(session: AsyncSession) -> list[tuple[str, str]]:
        found = await carrying.device_of(session, region, device)
        actor = await organisation.load_actor(session, found.person_id, region, found.id)
        scope = DeviceScope(
            region,
            found.person_id,
            found.id,
            actor.centre_ids if actor else frozenset(),
            clock.now(),
            await organisation.zone_of(session, region),
        )
        return await explaining.explain(session, scope, found, actor, type_, row, _whose)

    table = Table(show_header=False, box=None)
    for aspect, sentence in _run(in_transaction(work)):
        table.add_row(f"[bold]{aspect}[/bold]", sentence)
    console.print(table)


async def _whose(session: AsyncSession, region: int, visit_id: UUID) -> str:
    """Say in words who is on a visit and who was."""
    from fieldops.visits import queries as visits  # noqa: PLC0415 - registers all modules

    found = await visits.assignments(session, region, visit_id)
    if not found:
        return f"Nobody is on visit {visit_id}."
    said = [
        f"{row.technician_id} ({row.state}{' until now' if row.ended_at else ''})" for row in found
    ]
    return f"On visit {visit_id}: {', '.join(said)}."


@app.command()
def replay(
    command: Annotated[UUID, typer.Argument(metavar="COMMAND_ID", help="Id of the command.")],
    region: Region,
    dry: Annotated[bool, typer.Option("--dry", help="Needed: nothing is kept.")] = False,
    accepted: Annotated[
        bool, typer.Option("--accepted", help="Judge it as the desk's acceptance would.")
    ] = False,
) -> None:
    """Try a held or rejected command now and say what it would do; all of it is taken back.

    Whether it takes effect is decided at the late-work desk, never here.
    """
    from fieldops.sync import carrying  # noqa: PLC0415 - registers all modules

    if not dry:
        console.print("Only --dry is possible: what takes effect is decided at the late-work desk.")
        raise typer.Exit(2)

    async def work() -> Any:
        async with installation() as database:
            return await carrying.replay(database, region, command, accepted=accepted)

    made = _run(work())
    console.print(f"{made.name} would be {made.status}.")
    if made.code:
        console.print(f"{made.code}: {made.message} {made.advice}".strip())
    for entity, action, before, after in made.changes:
        console.print(f"{entity} {action}: {_change(before, after)}", soft_wrap=True)
    console.print("Nothing was kept.")


def _change(before: dict[str, Any], after: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {before[name]!r} -> {value!r}" if name in before else f"{name} {value!r}"
        for name, value in after.items()
    )


@app.command("export")
def export_queue(
    device: DeviceId,
    file: Annotated[Path, typer.Argument(help="Where to write; it must not exist yet.")],
    region: Region,
) -> None:
    """Write what the server keeps of a phone's queue to a file: the commands of its cases.

    These are the held and rejected ones and the quarantine of a revoked phone, as they came. The
    file may name customers: keep it like the database, and delete it after use.
    """
    from fieldops.sync import carrying  # noqa: PLC0415 - registers all modules

    async def work(session: AsyncSession) -> dict[str, Any]:
        return await carrying.export(session, region, device)

    found = _run(in_transaction(work))
    try:
        with file.open("x", encoding="utf-8") as written:
            json.dump(found, written, ensure_ascii=False, indent=1)
    except FileExistsError:
        console.print(f"{file} exists already; nothing was written.")
        raise typer.Exit(2) from None
    console.print(f"{len(found['commands'])} commands of {device} are in {file}.")


@app.command("import")
def import_queue(
    file: Annotated[Path, typer.Argument(help="A file of `export`, or a phone's saved outbox.")],
    region: Region,
) -> None:
    """Hand in a phone's queue from a file, through the same engine as a push.

    A command known already is answered `duplicate` and does nothing twice. At a missing
    number it stops, as every push does, and says which one is expected. Ends with 1 when it
    stopped early.
    """
    from fieldops.kernel.errors import NotFound  # noqa: PLC0415 - registers all modules
    from fieldops.organisation import queries as organisation  # noqa: PLC0415 - see above
    from fieldops.sync import carrying  # noqa: PLC0415 - see above

    try:
        carried = carrying.read(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        console.print(f"{file} cannot be read: {exc}")
        raise typer.Exit(2) from None

    async def work() -> dict[str, Any] | None:
        stop: dict[str, Any] | None = None
        async with installation() as database:
            async with database.transaction() as session:
                device = await carrying.device_of(session, region, carried.device_id)
                actor = await organisation.load_actor(session, device.person_id, region, device.id)
                if actor is None:
                    raise NotFound(thing="open account of the device's user")
            async for part in carrying.bring_in(database, device, actor, carried):
                for result in part.results:
                    _print_result(result)
                stop = part.stop
        return stop

    stop = _run(work())
    if stop is not None:
        console.print(
            f"Stopped ({stop['kind']}) at number {stop['at_seq']}: "
            f"the next one expected is {stop['expected_seq']}."
        )
        raise typer.Exit(1)
    console.print(f"{len(carried.commands)} commands were handed in.")


def _print_result(result: dict[str, Any]) -> None:
    first = result.get("first")
    shown = f"duplicate, {first['status']} before" if first else result["status"]
    why = (first or result).get("code")
    console.print(f"{result['seq']:>6} {result['id']} {shown}{f' ({why})' if why else ''}")


@app.command("bump-epoch")
def bump_epoch(
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    region: Annotated[
        int | None, typer.Option(help="Number of a region; without it all that have phones.")
    ] = None,
) -> None:
    """After a restore: let every phone send again what it still keeps."""
    from fieldops.kernel.outside import Outside  # noqa: PLC0415 - registers all modules
    from fieldops.sync import queries  # noqa: PLC0415 - see above

    async def work(session: AsyncSession) -> dict[int, int]:
        async with Outside(get_settings().outside_path).marking() as marking:
            mark = marking.read()
        before = {} if mark is None else mark.epochs
        known = {*await queries.epochs(session), *before}
        return {
            number: await queries.bump_epoch(session, number, reason, above=before.get(number, 0))
            for number in (sorted(known) if region is None else [region])
        }

    for number, epoch in asyncio.run(in_transaction(work)).items():
        console.print(
            f"Region {number} is in epoch {epoch}; its phones start anew at their next sync."
        )


@app.command()
def touch(
    region: Annotated[int, typer.Argument(help="Number of the region.")],
    centre: Annotated[
        UUID | None, typer.Argument(help="Only this centre; all of the region without it.")
    ] = None,
) -> None:
    """After SQL by hand: make every phone of a region or centre look through its view again.

    A phone compares versions: give each row you changed a higher `version` in the same SQL, or it
    is not sent again.
    """
    from fieldops.kernel import changes  # noqa: PLC0415 - registers all modules
    from fieldops.organisation import queries as organisation  # noqa: PLC0415 - see above

    async def work(session: AsyncSession) -> int:
        units = await session.scalars(organisation.units_of(region))
        centres = {unit.id for unit in units if unit.kind == "centre"}
        if centre is not None and centre not in centres:
            return 0
        touched: set[UUID | None] = {centre} if centre is not None else {*centres, None}
        for id_ in touched:
            changes.touch(session, region, id_)
        if centre is None:
            changes.touch(session, changes.CATALOGUES, None)
        return len(touched)

    count = asyncio.run(in_transaction(work))
    if not count:
        console.print(f"There is no such centre in region {region}.")
        raise typer.Exit(2)
    what = f"centre {centre}" if centre else f"{count - 1} centres and what has no centre"
    console.print(f"The phones of {what} look through their views at their next sync.")
