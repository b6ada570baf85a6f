"""How help is laid out: examples first, options by what they are about, at any width."""

from __future__ import annotations

import functools
import re
import shutil
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, get_args

import click

Group = Literal["Input", "Boxes", "Operator", "Selection", "Output", "Other"]

Function = Callable[..., Any]
Decorator = Callable[[Function], Function]

_WIDEST = 80
_NARROWEST = 30


class Formatter(click.HelpFormatter):
    """Help that fits the terminal, however narrow; its terms take a third of a line."""

    def __init__(
        self,
        indent_increment: int = 2,
        width: int | None = None,
        max_width: int | None = None,
    ) -> None:
        columns = min(shutil.get_terminal_size().columns, max_width or _WIDEST)
        super().__init__(indent_increment, width or max(columns - 2, _NARROWEST))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write terms and what they mean."""
        super().write_dl(list(rows), min(col_max, self.width // 3), col_spacing)

    def write_examples(self, examples: Sequence[str]) -> None:
        """Write command lines, broken where a shell lets them go on."""
        with self.section("Examples"):
            for example in examples:
                lines = _broken(example, self.width - self.current_indent)
                self.write(textwrap.indent(lines, " " * self.current_indent) + "\n")


def _broken(command: str, width: int) -> str:
    """Break a command line as a shell lets it go on, options beside their values."""
    glued = re.sub(r"(?<= )(--?[\w-]+) (?!-)", "\\1\0", command)
    lines = textwrap.wrap(
        glued,
        width - 2,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return " \\\n".join(lines).replace("\0", " ")


class Context(click.Context):
    """The context of a command with such help."""

    formatter_class = Formatter


class Option(click.Option):
    """An option that belongs to a group of its command's help."""

    def __init__(self, *names: Any, group: Group, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*names, **settings)
        self.group = group


class Argument(click.Argument):
    """An argument that the help lists in its group of options."""

    def __init__(self, *names: Any, group: Group, description: str, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*names, **settings)
        self.group = group
        self.description = description

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:  # noqa: ARG002
        """Return how it is written and what it is."""
        return self.human_readable_name, self.description


class Command(click.Command):
    """A command whose help has examples, and its options in groups."""

    context_class = Context

    def __init__(self, *arguments: Any, examples: Sequence[str], **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **settings)
        self.examples = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does, and its examples."""
        super().format_help_text(ctx, formatter)
        if isinstance(formatter, Formatter):
            formatter.write_examples(self.examples)

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Leave arguments to the options' groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write arguments and options by group."""
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
    """Make a function a command of that name with these examples in its help."""
    return click.command(name, cls=Command, examples=examples)


def option(*names: str, group: Group, **settings: Any) -> Decorator:  # noqa: ANN401
    """Add an option that stands in a group of the help."""
    return click.option(*names, cls=Option, group=group, **settings)


def argument(*names: str, group: Group, description: str, **settings: Any) -> Decorator:  # noqa: ANN401
    """Add an argument that the help lists in a group."""
    return click.argument(*names, cls=Argument, group=group, description=description, **settings)


input_option = functools.partial(option, group="Input")
box_option = functools.partial(option, group="Boxes")
operator_option = functools.partial(option, group="Operator")
selection_option = functools.partial(option, group="Selection")
output_option = functools.partial(option, group="Output")
