"""Runs mutants: a copy of the tree, the patch, the tests meant to kill it, who killed it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from uuid import uuid4

from tests.mutants.mutant import ROOT, Mutant
from tests.support import databases

COPIED = ("api", "fieldops", "migrations", "openapi", "tests", "docs", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("node_modules", "__pycache__")
SECONDS = 900
FAILED = re.compile(r"^FAILED (.+?)(?: - (.*))?$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: the test that killed it and how it failed, or why none did."""

    mutant: Mutant
    killer: str | None
    trouble: str = ""
    failure: str = ""


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

    def tests(self, names: Iterable[str]) -> subprocess.CompletedProcess[str]:
        """Run tests until the first failure, on the shared server, from the shared template."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "FIELDOPS_TEST_DATABASE_URL": databases.server_url(),
            "COLUMNS": "300",  # so that the summary says how a test failed
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # those not needed take longer than the tests
        }
        plugins = ["-p", "xdist.plugin", "-p", "anyio.pytest_plugin"]
        options = [*plugins, "-x", "-q", "-n0", "--tb=no", "-p", "no:cacheprovider"]
        return subprocess.run(
            [sys.executable, "-m", "pytest", *options, "--testrunuid", self.template, *names],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def try_(self, mutant: Mutant) -> Outcome:
        """Apply a mutant, see which test kills it, and take it back."""
        before = {e.file: (self.folder / e.file).read_text() for e in mutant.edits}
        try:
            mutant.write(self.folder)
            for edit in mutant.edits:
                compile((self.folder / edit.file).read_text(), edit.file, "exec")
            run = self.tests(mutant.tests)
        except (ValueError, SyntaxError) as exc:
            return Outcome(mutant, None, f"the patch is wrong: {exc}")
        except subprocess.TimeoutExpired:
            return Outcome(mutant, None, f"no end within {SECONDS} s")
        finally:
            for file, text in before.items():
                (self.folder / file).write_text(text)
        failed = FAILED.search(run.stdout)
        if run.returncode == 1 and failed:
            return Outcome(mutant, failed[1], failure=failed[2] or "")
        if run.returncode == 0:
            return Outcome(mutant, None, "survived")
        return Outcome(
            mutant, None, f"the tests did not run: {run.stdout[-600:]}{run.stderr[-300:]}"
        )


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
        runs = list(pool.map(lambda pair: pair[0].tests(pair[1]), zip(made, parts, strict=True)))
    return "".join(run.stdout[-2000:] for run in runs if run.returncode != 0)


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
