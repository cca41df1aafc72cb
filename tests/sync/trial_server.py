"""A server process with the trial trade registered, for the tests that kill it."""

import sys

import uvicorn

from api.app import create_app
from tests.sync import trial

if __name__ == "__main__":
    with trial.registered():
        uvicorn.run(create_app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
