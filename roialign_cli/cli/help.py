"""Lay out help: examples first, options in groups, in terminals of any width."""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, Literal, get_args

import click
from click.core import ParameterSource

Group = Literal["Input", "Boxes", "Operator", "Selection", "Output", "Other"]

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]

_MAX_COLUMNS = 80
_MIN_COLUMNS = 30


class Formatter(click.HelpFormatter):
    """Formats help for the width of the terminal; terms take at most a third of a line."""

    def __init__(
        self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None
    ) -> None:
        import shutil

        columns = min(shutil.get_terminal_size().columns, max_width or _MAX_COLUMNS)
        super().__init__(indent_increment, width or max(columns - 2, _MIN_COLUMNS))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write a list of terms and their descriptions."""
        super().write_dl(list(rows), min(col_max, self.width // 3), col_spacing)

    def write_examples(self, examples: Sequence[str]) -> None:
        """Write command lines, broken into several lines with backslashes."""
        with self.section("Examples"):
            for example in examples:
                lines = _break_lines(example, self.width - self.current_indent)
                self.write(textwrap.indent(lines, " " * self.current_indent) + "\n")


def _break_lines(command: str, width: int) -> str:
    """Break a command line with backslashes, but not between an option and its value."""
    joined = re.sub(r"(?<= )(--?[\w-]+) (?!-)", "\\1\0", command)
    lines = textwrap.wrap(
        joined, width - 2, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return " \\\n".join(lines).replace("\0", " ")


class Context(click.Context):
    """The context of a command that formats help with `Formatter`."""

    formatter_class = Formatter


class Option(click.Option):
    """An option in a group of the help."""

    def __init__(self, *names: Any, group: Group, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*names, **settings)
        self.group = group


class Argument(click.Argument):
    """An argument that the help lists in a group of options."""

    def __init__(self, *names: Any, group: Group, description: str, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*names, **settings)
        self.group = group
        self.description = description

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:  # noqa: ARG002
        """Return the name and the description for the help."""
        return self.human_readable_name, self.description


class Command(click.Command):
    """A command with examples and groups of options in its help."""

    context_class = Context

    def __init__(self, *arguments: Any, examples: Sequence[str], **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **settings)
        self.examples = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the description of the command and its examples."""
        super().format_help_text(ctx, formatter)
        if isinstance(formatter, Formatter):
            formatter.write_examples(self.examples)

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write nothing: `format_options` writes the arguments."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments and options in groups."""
        groups: dict[str, list[tuple[str, str]]] = {name: [] for name in get_args(Group)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups[getattr(parameter, "group", "Other")].append(record)
        for name, records in groups.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


def command(name: str, *examples: str) -> Callable[[Function], Command]:
    """Return a decorator that makes a function a command with a name and examples."""
    return click.command(name, cls=Command, examples=examples)


def option(*names: str, group: Group, **settings: Any) -> Decorator:  # noqa: ANN401
    """Return a decorator that adds an option to a group of the help."""
    return click.option(*names, cls=Option, group=group, **settings)


def argument(*names: str, group: Group, description: str, **settings: Any) -> Decorator:  # noqa: ANN401
    """Return a decorator that adds an argument to a group of the help."""
    return click.argument(*names, cls=Argument, group=group, description=description, **settings)


def first_given(names: Container[str]) -> str | None:
    """Return the first of these parameters that is on the command line, as it is written there."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in names and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            if isinstance(parameter, click.Option):
                return parameter.opts[0]
            if context.params[name]:  # click 8.1 takes an argument that is not there as given
                return name.upper()
    return None


def missing_option(name: str) -> click.MissingParameter:
    """Return the error of click for a missing option, which a recorded call would not need."""
    context = click.get_current_context()
    found = next(one for one in context.command.params if one.name == name)
    return click.MissingParameter(ctx=context, param=found)


input_option = functools.partial(option, group="Input")
box_option = functools.partial(option, group="Boxes")
operator_option = functools.partial(option, group="Operator")
selection_option = functools.partial(option, group="Selection")
output_option = functools.partial(option, group="Output")
