"""The command line: settings, migrations, server, worker, imports, documents."""

import asyncio
import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from fieldops.cli import dispatch, sync, travel
from fieldops.cli.database import in_transaction
from fieldops.kernel.settings import Settings, get_settings

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
imports = typer.Typer(help="Bring data in from files.", no_args_is_help=True)
app.add_typer(imports, name="import")
app.add_typer(dispatch.app, name="dispatch")
app.add_typer(sync.app, name="sync")
app.add_typer(travel.app, name="travel")
erasures = typer.Typer(help="The ledger of erased customers (CU-07).", no_args_is_help=True)
app.add_typer(erasures, name="erasures")
console = Console()

ROOT = Path(__file__).parents[2]
SHUTDOWN_SECONDS = 20  # how long requests may take that run when the server is told to end


@app.command()
def settings() -> None:
    """Print every setting with its present value and its sentence."""
    table = Table("Setting", "Value", "Meaning")
    for name, value, meaning in _settings_rows(get_settings()):
        table.add_row(name, value, meaning)
    console.print(table)


def _settings_rows(current: Settings) -> list[tuple[str, str, str]]:
    """Return (environment variable, value with secrets hidden, description) per setting."""
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(current, name)
        shown = str(value)
        if name == "database_url" and "@" in shown and "://" in shown:
            shown = shown.split("://", maxsplit=1)[0] + "://…@" + shown.rsplit("@", 1)[1]
        rows.append((f"FIELDOPS_{name.upper()}", shown, field.description or ""))
    return rows


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from alembic import command  # noqa: PLC0415 - only this command needs Alembic
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    command.upgrade(config, "head")
    asyncio.run(in_transaction(_lay_out_catalogues))
    console.print("The schema and the catalogues are up to date.")


async def _lay_out_catalogues(session: AsyncSession) -> None:
    """Add the reasons, limits, checklists and forms an installation starts with; keep what is."""
    from fieldops.checklists.commands import (  # noqa: PLC0415 - registers all modules
        ensure_standard_templates,
    )
    from fieldops.customers.standards import ensure_defaults  # noqa: PLC0415 - see above
    from fieldops.orders.commands.catalogue import lay_out_reasons  # noqa: PLC0415 - see above
    from fieldops.quality.commands.filling import (  # noqa: PLC0415 - see above
        ensure_standard_forms,
    )

    await ensure_defaults(session)
    await lay_out_reasons(session)
    await ensure_standard_templates(session)
    await ensure_standard_forms(session)


@app.command()
def begin(
    region: Annotated[int, typer.Option(help="Number of the first (or another) region.")],
    name: Annotated[str, typer.Option(help="Name of the region.")],
    zone: Annotated[str, typer.Option(help="IANA time zone, for example Europe/Helsinki.")],
    email: Annotated[str, typer.Option(help="Sign-in of the region's administrator.")],
    password: Annotated[
        str,
        typer.Option(
            prompt=True,
            hide_input=True,
            confirmation_prompt=True,
            envvar="FIELDOPS_ADMINISTRATOR_PASSWORD",
            help="At least 12 characters; asked for when not given.",
        ),
    ],
) -> None:
    """Begin a region: its unit and its administrator, who makes all other accounts."""
    from fieldops.kernel.errors import Refusal  # noqa: PLC0415 - registers all modules
    from fieldops.organisation.commands import accounts  # noqa: PLC0415 - see above

    async def work(session: AsyncSession) -> None:
        await accounts.begin(
            session, number=region, name=name, zone=zone, email=email, password=password
        )

    try:
        accounts.check_account(email, password, zone)
        asyncio.run(in_transaction(work))
    except (Refusal, ValueError) as refused:
        console.print(str(refused))
        raise typer.Exit(2) from None
    console.print(f"{email} administers region {region}, {name}.")


@erasures.command("replay")
def replay_erasures() -> None:
    """After a restore: erase again who had been erased since the backup."""
    import fieldops.modules  # noqa: F401, PLC0415 - registers every table and reaction
    from fieldops.kernel import erasure  # noqa: PLC0415 - see above
    from fieldops.kernel.db import connect  # noqa: PLC0415 - see above

    async def run() -> int:
        database = connect(get_settings())
        try:
            return len(await erasure.replay(database))
        finally:
            await database.close()

    console.print(f"{asyncio.run(run())} erasures of the ledger were carried out again.")


@erasures.command("check")
def check_erasures() -> None:
    """Say whether the ledger is whole and knows every erasure of the database."""
    import fieldops.modules  # noqa: F401, PLC0415 - registers every table and reaction
    from fieldops.kernel import erasure  # noqa: PLC0415 - see above
    from fieldops.kernel.db import connect  # noqa: PLC0415 - see above

    async def run() -> list[str]:
        database = connect(get_settings())
        try:
            broken = [f"line {b.line}: {b.why}" for b in database.outside.broken()]
            lost = await erasure.unwritten(database)
            return [*broken, *(f"erasure {id_} is not in the ledger" for id_ in lost)]
        finally:
            await database.close()

    wrong = asyncio.run(run())
    console.print("\n".join(wrong) or "The ledger of erasures is whole.")
    if wrong:
        raise typer.Exit(1)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(help="Server processes.")] = 1,
) -> None:
    """Serve the API."""
    import uvicorn  # noqa: PLC0415 - only this command needs the server

    uvicorn.run(
        "api.app:served",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


@app.command()
def worker() -> None:
    """Run the jobs: reminders, warnings, sweeps."""
    from fieldops import worker as working  # noqa: PLC0415 - registers all modules

    asyncio.run(working.run(get_settings()))


@app.command("push-key")
def push_key() -> None:
    """Make a key for web push (VAPID) and print it as a setting, with what browsers use of it."""
    from fieldops.notifications import push  # noqa: PLC0415 - registers tables

    private = push.new_private_key()
    made = get_settings().model_copy(update={"push_private_key": SecretStr(private)})
    typer.echo(f"FIELDOPS_PUSH_PRIVATE_KEY={private}")
    typer.echo(f"# browsers subscribe with {push.public_key(made)}")


@app.command()
def openapi(
    folder: Annotated[Path, typer.Option(help="Where to write.")] = ROOT / "openapi",
    check: Annotated[bool, typer.Option(help="Only say whether the files are current.")] = False,
) -> None:
    """Write the API document, the phones' commands with what was shipped, and the refusals."""
    from api import documents  # noqa: PLC0415 - the documents know the whole application

    stale = documents.write(folder, only_check=check)
    if check and stale:
        console.print(f"Out of date: {', '.join(stale)}. Run `make openapi`.")
        raise typer.Exit(1)
    console.print("openapi/ is up to date.")


@imports.command("osm")
def import_osm(
    file: Annotated[Path, typer.Argument(help="An OpenStreetMap extract, .osm.pbf or .osm.")],
    region: Annotated[int, typer.Option(help="Number of the region whose roads these are.")],
) -> None:
    """Make a region's road graph from an extract; driving times are worked out by it then."""
    from fieldops.travel import building, extract  # noqa: PLC0415 - only this needs osmium
    from fieldops.travel.errors import BadExtract  # noqa: PLC0415 - see above

    path = building.graph_path(get_settings(), region)
    try:
        with console.status("Reading roads …") as status:
            roads = extract.read(file, lambda n: status.update(f"Reading roads … {n:,} ways"))
    except BadExtract as bad:
        console.print(str(bad))
        raise typer.Exit(2) from None
    roads.save(path)
    console.print(f"{len(roads.nodes):,} nodes and {len(roads.tails):,} arcs are in {path}.")
    console.print(roads.licence)
    console.print(f"Next: fieldops travel refresh --region {region} (workers do it every night).")


@imports.command("orders")
def import_orders(
    file: Annotated[
        Path, typer.Argument(help="JSON lines, one service order a line; - for stdin.")
    ],
    region: Annotated[int, typer.Option(help="Number of the region the orders belong to.")],
) -> None:
    """Take service orders in; a bad line is reported with its number, good ones go in."""
    import fieldops.modules  # noqa: F401, PLC0415 - registers every command and reaction
    from fieldops.kernel.actor import system  # noqa: PLC0415 - see above
    from fieldops.kernel.db import connect  # noqa: PLC0415 - see above
    from fieldops.orders import importing  # noqa: PLC0415 - see above

    async def run() -> Any:
        database = connect(get_settings())
        try:
            lines = sys.stdin if str(file) == "-" else file.open(encoding="utf-8")
            with console.status("Taking orders in …"), lines:
                return await importing.import_lines(database, system(region), lines)
        finally:
            await database.close()

    if str(file) != "-" and not file.is_file():
        console.print(f"There is no file {file}.")
        raise typer.Exit(2)
    report = asyncio.run(run())
    console.print_json(json.dumps(dataclasses.asdict(report)))
    if report.bad:
        raise typer.Exit(1)
