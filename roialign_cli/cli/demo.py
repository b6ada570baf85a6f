"""`roialign demo`: write the sample data and run the other commands on it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from roialign_cli.cli.help import argument, command, output_option
from roialign_cli.errors import FileError
from roialign_cli.printable import printable

_SAMPLES = (
    "walkthrough.npy",
    "walkthrough.csv",
    "astronaut.png",
    "astronaut.csv",
    "exported.npy",
    "pytorch.npz",
    "onnx.npz",
    "kernel.py",
    "README.md",
)

_WALKTHROUGH = (
    "{dir}/walkthrough.npy --preset walkthrough --image-size 512x512 --boxes {dir}/walkthrough.csv"
)
_ASTRONAUT = (
    "{dir}/astronaut.png --stride 32 --preset torchvision-aligned --boxes {dir}/astronaut.csv"
)
_EXPORTED = "{dir}/astronaut.png --stride 32 --boxes {dir}/astronaut.csv"
_COMMANDS = (
    f"run {_WALKTHROUGH}",
    f"explain {_WALKTHROUGH} --section 1,1 --point 1,2",
    f"explain {_WALKTHROUGH} -o {{dir}}/roi.html",
    f"plot {_WALKTHROUGH} -o {{dir}}/steps.png",
    f"plot {_WALKTHROUGH} --view sections -o {{dir}}/sections.png",
    f"run {_ASTRONAUT} --output-size 7 -o {{dir}}/faces.npy",
    f"plot {_ASTRONAUT} --view overlay -o {{dir}}/overlay.png",
    f"identify {_EXPORTED} --expected {{dir}}/exported.npy",
    f"compare {_ASTRONAUT} --with torchvision --output-size 7",
    "compare {dir}/pytorch.npz {dir}/onnx.npz",
)
_SECTION_COMMANDS = (
    f"explain {_WALKTHROUGH} --section 2,3",
    f"plot {_WALKTHROUGH} --section 2,3 --aspect 16:9 -o {{dir}}/slide.png",
)
_EXPLORE = f"explore {_ASTRONAUT} --output-size 3"


@command("demo", "roialign demo", "roialign demo elsewhere --force")
@argument(
    "directory",
    group="Output",
    metavar="[DIR]",
    description="Folder for the data and the figures.  [default: roialign-demo]",
    type=click.Path(path_type=Path),
    default=Path("roialign-demo"),
)
@output_option("--force", is_flag=True, help="Overwrite the files of an earlier demo.")
def demo(directory: Path, *, force: bool) -> None:
    """Write sample data to DIR and run example commands on it."""
    _write_samples(directory, force=force)
    for template in _COMMANDS:
        arguments = [word.format(dir=directory) for word in template.split()]
        arguments += ["--force"] if force and "-o" in arguments else []
        _show(arguments)
        _run(arguments)
    shown = printable(str(directory))
    click.echo(f"\nThe sample data, the pictures and the page roi.html are in {shown}.")
    click.echo("To explain another section, and to draw it on a slide:")
    for template in _SECTION_COMMANDS:
        _show([word.format(dir=directory) for word in template.split()])
    click.echo("\nTo drag a box in the browser while the numbers follow:")
    arguments = [word.format(dir=directory) for word in _EXPLORE.split()]
    _show(arguments)
    if sys.stdin.isatty() and sys.stdout.isatty() and click.confirm("Open this page now?"):
        _run(arguments)


def _show(arguments: list[str]) -> None:
    """Print a command before it runs."""
    click.echo(click.style(f"\n$ roialign {printable(shlex.join(arguments))}", bold=True))


def _write_samples(directory: Path, *, force: bool) -> None:
    from roialign_cli.files.writing import atomic_write, check_writable

    used = [word.split("/")[1] for line in _COMMANDS for word in line.split() if "{dir}/" in word]
    names = dict.fromkeys((*_SAMPLES, *used))
    for name in names:
        if (directory / name).exists() and not force:
            problem = "already exists; overwrite the file with --force, or name another DIR"
            raise FileError(directory / name, problem)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise FileError(directory, "is a file, not a folder; name another DIR") from None
    except OSError as error:
        raise FileError(directory, f"cannot be written: {error.strerror}") from None
    for name in names:
        check_writable(directory / name, force=True)
    for name in _SAMPLES:
        content = (sample_data() / name).read_bytes()
        with atomic_write(directory / name, force=force) as file:
            file.write(content)


def sample_data() -> Path:
    """Return the folder of the sample data, which is beside the package in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "sample_data"
    return installed if installed.is_dir() else package.parent / "sample_data"


def _run(arguments: list[str]) -> None:
    from roialign_cli.cli.main import group

    group.main(arguments, prog_name="roialign", standalone_mode=False)
