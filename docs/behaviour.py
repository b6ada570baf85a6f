"""Measure the operators of other libraries and write docs/behaviour.md.

`python -m docs.behaviour` measures every library of tests/peers/live.py that is installed, and
keeps what was measured of the others in docs/behaviour.json. Libraries that exclude each other are
measured in environments of their own: `python -m docs.behaviour ENV/bin/python …`. Those need the
library and NumPy, and nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from docs.behaviour_page import behaviour
from docs.behaviour_rows import Row, read_rows, row_of, write_rows
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.probing import probe
from roialign_cli.measure.target import UnansweredError
from roialign_cli.measure.targets.process import Child
from roialign_cli.measure.targets.python_function import PythonTarget
from tests.peers.cases import Array
from tests.peers.live import PEERS, Peer

ROOT = Path(__file__).parents[1]
# Seconds for a call, which imports the library when it is the first of a process.
_TIME_LIMIT = 300.0
# Prints the module paths of an interpreter, and the versions of the packages that are installed.
_ASK = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
def found(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return None
versions = {package: found(package) for package in sys.argv[1:]}
print(json.dumps([[path for path in sys.path if path], versions]))
"""


@dataclass(frozen=True)
class Environment:
    """An interpreter and what is installed for it.

    Parameters
    ----------
    python
        The interpreter.
    paths
        Where it looks for modules.
    versions
        Name of a package → its version; only packages that are installed.
    """

    python: str
    paths: tuple[str, ...]
    versions: Mapping[str, str]

    @classmethod
    def of(cls, python: str) -> Environment:
        """Ask an interpreter what is installed."""
        packages = dict.fromkeys(name for peer in PEERS for name in peer.packages)
        call = [python, "-c", _ASK, *packages]
        done = subprocess.run(call, stdout=subprocess.PIPE, check=True)  # noqa: S603
        paths, versions = json.loads(done.stdout)
        return cls(
            python,
            (str(ROOT), *paths),
            {name: version for name, version in versions.items() if version is not None},
        )

    def version(self, peer: Peer) -> str | None:
        """Return the version of the library of a peer; None if it is not installed."""
        return next((self.versions[name] for name in peer.packages if name in self.versions), None)


class PeerTarget(PythonTarget):
    """A peer in a process of its own.

    Parameters
    ----------
    peer
        The peer.
    pooling
        One of its poolings; "" if it has no such parameter.
    environment
        Where its library is installed.
    """

    def __init__(self, peer: Peer, pooling: str, environment: Environment) -> None:
        self._peer = peer
        given = {**peer.arguments, **({"pooling": pooling} if pooling else {})}
        super().__init__(
            peer.function.__module__,
            peer.function.__name__,
            arguments={name: repr(value) for name, value in given.items()},
            library="numpy",
            layout="separate",
            time_limit=_TIME_LIMIT,
            child=Child(environment.python, environment.paths),
        )

    def run(self, call: ProbeCall) -> Array:
        """Return the output of the operator."""
        if not can_answer(self._peer, call):
            raise UnansweredError
        try:
            return super().run(call)
        finally:
            if self._peer.damages_memory:
                self.close()


def can_answer(peer: Peer, call: ProbeCall) -> bool:
    """Return whether an operator has what a call asks for."""
    rows, columns = call.output_size
    has_size = rows == columns or not peer.is_square
    return has_size and (call.sampling_ratio != 0 or peer.has_adaptive_grid)


def measured_row(peer: Peer, pooling: str, environment: Environment) -> Row:
    """Measure a peer that is installed in an environment, and compare it with its preset."""
    with PeerTarget(peer, pooling, environment) as target:
        found = probe(target, preset=peer.preset)
    if found.problem:
        raise SystemExit(f"{peer.name}: {found.problem}")
    today = datetime.now(tz=UTC).date().isoformat()
    return row_of(peer, environment.version(peer) or "", today, found)


def main(pythons: Sequence[str]) -> None:
    """Measure each peer in the first environment that has it, and write the page."""
    environments = [Environment.of(python) for python in pythons]
    for peer in PEERS:
        environment = next((one for one in environments if one.version(peer)), None)
        if environment is None:
            continue
        for pooling in peer.poolings:
            row = measured_row(peer, pooling, environment)
            others = (other for other in read_rows() if other.key != row.key)
            write_rows([*others, row])
            differs = ", ".join(row.details) or "nothing"
            print(f"{peer.name} {row.pooling}: {row.preset}, differs in {differs}", flush=True)  # noqa: T201
    (ROOT / "docs" / "behaviour.md").write_text(behaviour(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])
