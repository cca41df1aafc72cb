"""The PostgreSQL installed on this machine: where it is, and how its programs are run.

Only the standard library is imported, so that this file also runs before anything
is installed: ``python3 fieldops/postgresql.py`` ends with 0 when a usable server
with PostGIS is here, and else with 2 and a sentence that says how to get it.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 15
DEBIAN_PACKAGE = "postgresql-15-postgis-3"
INSTALL_COMMAND = f"apt-get install -y --no-install-recommends {DEBIAN_PACKAGE}"
OWN_USER = "fieldops"


class PrerequisiteError(Exception):
    """Something the cluster needs is missing; the message names it and what gets it."""


@dataclass(frozen=True)
class Installation:
    """One PostgreSQL server on this machine: its major version, programs and extensions."""

    major: int
    programs: Path
    extensions: Path

    @property
    def has_postgis(self) -> bool:
        return (self.extensions / "postgis.control").is_file()


def installations() -> list[Installation]:
    """Every PostgreSQL server found on this machine, the newest first."""
    found = {}
    for programs in Path("/usr/lib/postgresql").glob("*/bin"):
        major = programs.parent.name
        if major.isdigit():
            extensions = Path("/usr/share/postgresql") / major / "extension"
            found[programs] = Installation(int(major), programs, extensions)
    if (pg_config := shutil.which("pg_config")) is not None:
        asked = execute([pg_config, "--version", "--bindir", "--sharedir"])
        version, _, rest = asked.stdout.partition("\n")
        programs_line, _, share_line = rest.partition("\n")
        number = re.search(r"\d+", version)
        if asked.returncode == 0 and number is not None:
            programs = Path(programs_line.strip())
            extensions = Path(share_line.strip()) / "extension"
            found.setdefault(programs, Installation(int(number[0]), programs, extensions))
    present = [one for one in found.values() if (one.programs / "initdb").is_file()]
    return sorted(present, key=lambda one: one.major, reverse=True)


def find_installation(major: int | None = None) -> Installation:
    """Return the server to use: of exactly ``major`` when given, else the newest with PostGIS.

    Raises PrerequisiteError, with the command to type, when there is none.
    """
    present = installations()
    usable = [one for one in present if one.major == major or major is None]
    usable = [one for one in usable if one.major >= OLDEST_MAJOR]
    for one in usable:
        if one.has_postgis:
            return one
    if usable:
        lack = f"PostgreSQL {usable[0].major} is installed without PostGIS"
        command = INSTALL_COMMAND.replace("-15-", f"-{usable[0].major}-")
    elif major is not None:
        lack = f"The data was made by PostgreSQL {major}, which is not installed"
        command = INSTALL_COMMAND.replace("-15-", f"-{major}-")
    else:
        lack = f"PostgreSQL {OLDEST_MAJOR} or newer with PostGIS is not installed"
        command = INSTALL_COMMAND
    raise PrerequisiteError(
        f"{lack}. On Debian, as root: {command}\n"
        "Or name an existing server with PostGIS in DATABASE_URL."
    )


def execute(
    command: list[str], *, user: pwd.struct_passwd | None = None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one program to its end, as ``user`` when given, without the caller's libpq settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment["LC_ALL"] = "C.UTF-8"
    return subprocess.run(  # noqa: S603 - the programs are PostgreSQL's own, by full path
        command,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        # The other user may not be allowed to stand where the caller stands.
        cwd="/",
        env=environment,
        umask=0o077,
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )


def unprivileged_user() -> pwd.struct_passwd:
    """Return the user the server runs as when the caller is root; it is made when there is none."""
    for name in ("postgres", OWN_USER):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    if Path(useradd).exists():
        made = execute([useradd, "--system", "--no-create-home", "--user-group", OWN_USER])
        if made.returncode == 0:
            return pwd.getpwnam(OWN_USER)
    raise PrerequisiteError(
        "PostgreSQL refuses to run as root, and there is no other user to run it as. "
        f"Make one: useradd --system --user-group {OWN_USER}"
    )


def main() -> int:
    """Check that a usable server is installed."""
    try:
        find_installation()
    except PrerequisiteError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
