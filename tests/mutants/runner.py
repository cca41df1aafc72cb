"""Runs mutants: a copy of the tree, the patch, the tests meant to kill it, who killed it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from uuid import uuid4

from tests.mutants.mutant import ROOT, Mutant
from tests.support import databases

COPIED = ("api", "fieldops", "migrations", "openapi", "tests", "docs", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("node_modules", "__pycache__")
SECONDS = 300  # a mutant's tests take a tenth of that; what hangs ends here
SECONDS_UNHARMED = 1800
FAILED = re.compile(r"^FAILED (.+?)(?: - (.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: the test that killed it and how it failed, or why none did."""

    mutant: Mutant
    killer: str | None
    trouble: str = ""
    failure: str = ""
    seconds: float = 0.0


def copy_tree(to: Path) -> None:
    """Copy what the tests need."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=LEFT_OUT)
        else:
            shutil.copy(source, to / name)


@dataclass(frozen=True)
class Bench:
    """One copy of the tree, and how tests run in it."""

    folder: Path
    template: str

    def tests(self, names: Iterable[str], seconds: int = SECONDS) -> tuple[int, str]:
        """Run tests until the first failure, on the shared server, from the shared template.

        Returns pytest's exit code and what it said; raises subprocess.TimeoutExpired, with
        everything ended that the tests had started.
        """
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "FIELDOPS_TEST_DATABASE_URL": databases.server_url(),
            "COLUMNS": "300",  # so that the summary says how a test failed
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # those not needed take longer than the tests
        }
        plugins = ["-p", "xdist.plugin", "-p", "anyio.pytest_plugin"]
        options = [*plugins, "-x", "-q", "-n0", "--tb=no", "-p", "no:cacheprovider"]
        said = self.folder / "said.txt"
        # Not through a pipe: a server that outlives its test would hold it open for ever.
        with said.open("w") as file:
            run = subprocess.Popen(
                [sys.executable, "-m", "pytest", *options, "--testrunuid", self.template, *names],
                cwd=self.folder,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = run.wait(seconds)
            finally:
                with suppress(ProcessLookupError):  # what it started and did not end itself
                    os.killpg(run.pid, signal.SIGKILL)
                run.wait()
        return code, said.read_text(errors="replace")

    def try_(self, mutant: Mutant) -> Outcome:
        """Apply a mutant, see which test kills it, and take it back."""
        began = time.monotonic()
        outcome = self._outcome(mutant)
        return replace(outcome, seconds=time.monotonic() - began)

    def _outcome(self, mutant: Mutant) -> Outcome:
        before = {e.file: (self.folder / e.file).read_text() for e in mutant.edits}
        try:
            mutant.write(self.folder)
            for edit in mutant.edits:
                compile((self.folder / edit.file).read_text(), edit.file, "exec")
            code, said = self.tests(mutant.tests)
        except (ValueError, SyntaxError) as exc:
            return Outcome(mutant, None, f"the patch is wrong: {exc}")
        except subprocess.TimeoutExpired:
            return Outcome(mutant, None, f"no end within {SECONDS} s")
        finally:
            for file, text in before.items():
                (self.folder / file).write_text(text)
        failed = FAILED.search(said)
        if code == 1 and failed:
            return Outcome(mutant, failed[1], failure=failed[2] or "")
        if code == 0:
            return Outcome(mutant, None, "survived")
        return Outcome(mutant, None, f"the tests did not run: {said[-900:]}")


@contextmanager
def benches(count: int) -> Iterator[list[Bench]]:
    """Give copies of the tree that share one template database."""
    run = uuid4().hex
    template = databases.ensure_template(run)
    try:
        with TemporaryDirectory(prefix="fieldops-mutants-") as folder:
            made = [Bench(Path(folder) / str(n), run) for n in range(count)]
            for bench in made:
                bench.folder.mkdir()
                copy_tree(bench.folder)
            yield made
    finally:
        databases.drop(template)


def unharmed(made: list[Bench], mutants: Iterable[Mutant]) -> str:
    """Return what fails without any mutant, empty when nothing does; a kill means little else."""
    bench = made[0]
    asked = "import fieldops; print(fieldops.__file__)"
    here = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=bench.folder,
        env={**os.environ, "PYTHONPATH": str(bench.folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    if not here.stdout.startswith(str(bench.folder)):
        return f"the copy is not what is tested, but {here.stdout}"
    names = sorted({test for mutant in mutants for test in mutant.tests})
    parts = [names[n :: len(made)] for n in range(len(made))]
    with ThreadPoolExecutor(len(made)) as pool:
        runs = pool.map(
            lambda pair: pair[0].tests(pair[1], SECONDS_UNHARMED) if pair[1] else (0, ""),
            zip(made, parts, strict=True),
        )
    return "".join(said[-2000:] for code, said in runs if code != 0)


def run_all(mutants: Iterable[Mutant], made: list[Bench]) -> Iterator[Outcome]:
    """Try mutants, as many at once as there are copies; yield what came of each, in order."""
    free: SimpleQueue[Bench] = SimpleQueue()
    for bench in made:
        free.put(bench)

    def one(mutant: Mutant) -> Outcome:
        bench = free.get()
        try:
            return bench.try_(mutant)
        finally:
            free.put(bench)

    with ThreadPoolExecutor(len(made)) as pool:
        yield from pool.map(one, mutants)
