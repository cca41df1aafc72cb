"""The schema of the tests' template database: the migrations; and the models' own, to compare."""

import asyncio
import importlib
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from procrastinate.schema import SchemaManager
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fieldops.kernel.base import metadata

ROOT = Path(__file__).parents[2]


def alembic(url: str) -> Config:
    """Return Alembic's configuration for a database."""
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["url"] = url
    return config


async def build_schema(engine: AsyncEngine) -> None:
    """Migrate an empty database to head."""
    url = engine.url.render_as_string(hide_password=False)
    await asyncio.to_thread(command.upgrade, alembic(url), "head")


async def build_from_models(engine: AsyncEngine) -> None:
    """Create extensions, our tables and the job queue's as the models say."""
    importlib.import_module("fieldops.modules")
    async with engine.begin() as connection:
        await connection.execute(text("create extension if not exists postgis"))
        await connection.execute(text("create extension if not exists btree_gist"))
        await connection.run_sync(metadata.create_all)
        raw: Any = (await connection.get_raw_connection()).driver_connection
        await raw.execute(SchemaManager.get_schema())
