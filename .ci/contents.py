"""Check what a wheel and an sdist hold: `python .ci/contents.py LIST DIST`.

LIST names the project's files, one a line. The sdist must hold all of them but those that only a
checkout needs, the wheel the package and the sample data, and neither anything else.
"""

import sys
import tarfile
import zipfile
from pathlib import Path

CHECKOUT_ONLY = (".ci/", ".pre-commit-config.yaml")
PACKAGE, DATA = "roialign_cli/", "sample_data/"


def sdist(path: Path) -> set[str]:
    """Return the files in an sdist's folder, without those that the build makes."""
    with tarfile.open(path) as file:
        names = [member.name for member in file if member.isfile()]
    return {name.partition("/")[2] for name in names} - {"PKG-INFO"}


def wheel(path: Path) -> set[str]:
    """Return the files in a wheel, without its metadata."""
    with zipfile.ZipFile(path) as file:
        return {name for name in file.namelist() if ".dist-info/" not in name}


def check(path: Path, found: set[str], expected: set[str]) -> None:
    """End with what is missing from a distribution or should not be there."""
    if found != expected:
        missing, stray = sorted(expected - found), sorted(found - expected)
        raise SystemExit(f"{path.name}: missing {missing}, stray {stray}")
    print(f"{path.name}: {len(found)} files, as they should be")


if __name__ == "__main__":
    files = set(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())
    dist = Path(sys.argv[2])
    (source,), (built,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    check(source, sdist(source), {name for name in files if not name.startswith(CHECKOUT_ONLY)})
    package = {name for name in files if name.startswith(PACKAGE)}
    data = {PACKAGE + name for name in files if name.startswith(DATA)}
    check(built, wheel(built), package | data)
