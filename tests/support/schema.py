"""The schema of the tests' template database."""

import importlib

from procrastinate.schema import SchemaManager
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from fieldops.kernel.base import metadata


async def build_schema(engine: AsyncEngine) -> None:
    """Create extensions, our tables and the job queue's in an empty database."""
    importlib.import_module("fieldops.modules")
    async with engine.begin() as connection:
        await connection.execute(text("create extension if not exists postgis"))
        await connection.execute(text("create extension if not exists btree_gist"))
        await connection.run_sync(metadata.create_all)
        raw = (await connection.get_raw_connection()).driver_connection
        await raw.execute(SchemaManager.get_schema())
