"""The command line: settings, migrations, server, worker, imports, documents."""

import asyncio
import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fieldops.kernel.settings import Settings, get_settings

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
imports = typer.Typer(help="Bring data in from files.", no_args_is_help=True)
app.add_typer(imports, name="import")
console = Console()

ROOT = Path(__file__).parents[1]


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
    console.print("The schema is up to date.")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(help="Server processes.")] = 1,
) -> None:
    """Serve the API."""
    import uvicorn  # noqa: PLC0415 - only this command needs the server

    from fieldops.kernel import logs  # noqa: PLC0415 - see above

    logs.configure(get_settings())
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
    )


@app.command()
def worker() -> None:
    """Run the jobs: reminders, warnings, sweeps."""
    from fieldops import worker as working  # noqa: PLC0415 - registers all modules

    asyncio.run(working.run(get_settings()))


@app.command()
def openapi(
    folder: Annotated[Path, typer.Option(help="Where to write.")] = ROOT / "openapi",
    check: Annotated[bool, typer.Option(help="Only say whether the files are current.")] = False,
) -> None:
    """Write fieldops.json, commands.json and refusals.md."""
    from api import documents  # noqa: PLC0415 - the documents know the whole application

    stale = documents.write(folder, only_check=check)
    if check and stale:
        console.print(f"Out of date: {', '.join(stale)}. Run `make openapi`.")
        raise typer.Exit(1)
    console.print("openapi/ is up to date.")


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


if __name__ == "__main__":
    app()
