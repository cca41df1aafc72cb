"""`python -m fieldops.cli`."""

from fieldops.cli import app

app()
