"""`python -m fuzz TARGET SECONDS`: fuzz a target with atheris, from the corpus in the tests."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["roialign_cli"]):
    from fuzz.targets import TARGETS, run

CORPUS = Path(__file__).parent.parent / "tests" / "corpus"


def main() -> None:
    """Fuzz until the time is over or something else than an error of ours comes out."""
    if len(sys.argv) != 3 or sys.argv[1] not in TARGETS:
        raise SystemExit(f"usage: python -m fuzz {'|'.join(TARGETS)} SECONDS")
    target, seconds = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "corpus"
        shutil.copytree(CORPUS / target, found)
        work = Path(folder) / "work"
        work.mkdir()
        options = [
            f"-max_total_time={seconds}",
            "-max_len=4096",
            "-rss_limit_mb=4096",
            "-timeout=60",
        ]
        atheris.Setup(
            [sys.argv[0], str(found), *options, "-print_final_stats=1"],
            lambda data: run(target, data, work),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
