"""The `roialign` command: find the command, run it, and return the exit status."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

import click

from roialign_cli import __version__
from roialign_cli.cli.help import Command, Context
from roialign_cli.cli.streams import message, quiet_libraries, standard_streams
from roialign_cli.errors import ArgumentError, FileError, RoiAlignError, alternatives, nearest

# Task → its commands and their summaries, so that the list imports no command.
TASKS = {
    "See what happens to a box": {
        "run": "Pool every box and print or write the outputs.",
        "explain": "Explain one ROI step by step.",
        "plot": "Draw an ROI, its sections and its sample points.",
        "explore": "Drag a box in the browser and watch the numbers.",
    },
    "Compare and identify": {
        "compare": "Compare two conventions, a saved output, or two recordings.",
        "identify": "Find the convention that produced an output.",
        "probe": "Measure the rules that a kernel follows.",
        "capture": "List the ROI Aligns of an ONNX model, or record calls.",
    },
    "Get started": {
        "presets": "List the conventions and their differences, or show one in full.",
        "demo": "Write sample data to DIR and run example commands on it.",
    },
}
COMMANDS = [name for commands in TASKS.values() for name in commands]


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the commands in the order of the help."""
        return COMMANDS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command; raise an error for an unknown one."""
        if cmd_name not in COMMANDS:
            hint = nearest(cmd_name, COMMANDS, "`roialign --help` lists all")
            raise click.UsageError(f"{cmd_name!r} is not a command; {hint}")
        quiet_libraries()
        return _command(cmd_name)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command; exit with status 0 if the reader of its output has closed the pipe.

        Click would exit with status 1, which stands for a difference.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise click.exceptions.Exit(0) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands by task, without importing them."""
        for task, commands in TASKS.items():
            with formatter.section(task):
                formatter.write_dl(list(commands.items()))


_HELP = """Run, explain and draw ROI Align, and find the rules that an output follows.
Start with `roialign demo`; see `roialign COMMAND --help`, docs/glossary.md."""


@click.group(cls=LazyGroup, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="roialign")
def group() -> None:
    """Run, explain and draw ROI Align, and find the rules that an output follows."""


def _command(name: str) -> click.Command:
    """Import a command."""
    command: click.Command = getattr(import_module(f"roialign_cli.cli.{name}"), name)
    return command


_OBJECTS_PER_COLLECTION = 100_000  # imports alone make some 50,000 objects that stay


def start() -> NoReturn:
    """Run the command line as this process, and exit.

    Collecting garbage takes a tenth of the time of a short process, so it begins late and is left
    out at the end.
    """
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
    status = main()
    gc.freeze()
    sys.exit(status)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1, 2 or 130."""
    with standard_streams():
        return _run(args)


def _run(args: Sequence[str] | None) -> int:
    try:
        status = group.main(args, prog_name="roialign", standalone_mode=False)
        sys.stdout.flush()
    except (click.ClickException, RoiAlignError) as error:
        return _report(error)
    except MemoryError:
        return _report(RoiAlignError("out of memory; use fewer boxes or channels at a time"))
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:  # the reader of standard output, such as head, has closed it
        return 0
    except OSError as error:
        return _report(_system_error(error))
    return status if isinstance(status, int) else 0


def _system_error(error: OSError) -> RoiAlignError:
    """Return an error that names the file at fault."""
    if error.filename is not None:
        return FileError(error.filename, str(error.strerror))
    if isinstance(error, FileNotFoundError):  # only the working folder has no file name
        return FileError("working folder", "no longer exists; change to another folder")
    return RoiAlignError(error.strerror or str(error))


def _report(error: click.ClickException | RoiAlignError) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message())
        return 0
    problem = str(error)
    if isinstance(error, click.ClickException):
        problem = error.format_message()
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        problem = _no_such_option(error.option_name, error.ctx)
    if isinstance(error, click.MissingParameter) and error.ctx is not None:
        problem = f"{problem.rstrip('.')}; see `{error.ctx.command_path} --help`"
    if isinstance(error, ArgumentError):
        from roialign_cli.cli.inputs import option_of

        problem = f"{option_of(error.argument)}: {error.problem}"
        if error.instead:
            problem = f"{problem.removesuffix(error.instead)}{option_of(error.instead)}"
    message(f"roialign: {' '.join(problem.split())}")
    return 2


def _no_such_option(name: str, context: click.Context) -> str:
    """Return the error for an unknown option: what has it, or which option is similar."""
    path, here = context.command_path, _options_of(context.command)
    problem = f"{name} is not an option of `{path}`"
    if isinstance(context.command, Command):
        others = (command for command in COMMANDS if name in _options_of(_command(command)))
        if owners := [f"`roialign {command}`" for command in others]:
            return f"{problem}, but of {alternatives(owners)}"
    return f"{problem}; {nearest(name, here, f'`{path} --help` lists all')}"


def _options_of(command: click.Command) -> list[str]:
    return [name for option in command.params for name in (*option.opts, *option.secondary_opts)]
