"""The types of option values: parse the text of an option and check its form."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from click import Context, Parameter

from roialign_cli.core.convention import FIELD_KINDS, Convention, Summary
from roialign_cli.core.presets import PRESETS
from roialign_cli.core.pyramid_rules import PYRAMID_RULES
from roialign_cli.errors import FileError, alternatives, nearest
from roialign_cli.files.parsing import parse_fraction, parse_integer, parse_number
from roialign_cli.files.writing import IS_FOLDER

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class WrittenType(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """A type whose metavar shows how to write the value: "WxH"."""

    def get_metavar(self, param: Parameter, ctx: Context) -> str:  # noqa: ARG002
        """Return the name as it is; click would put it in capitals."""
        return self.name


class WholeNumber(click.IntRange):
    """A whole number in a range."""

    def convert(self, value: object, param: Parameter | None, ctx: Context | None) -> int:
        """Return the number."""
        try:
            number = parse_integer(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a whole number; write a number such as 2", param, ctx)
        return int(super().convert(number, param, ctx))


class Number(WrittenType):
    """Any number; the operator checks its range."""

    name = "NUMBER"

    def convert(self, value: object, param: Parameter | None, ctx: Context | None) -> float:
        """Return the number."""
        try:
            return parse_number(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a number; write a number such as 0.5", param, ctx)


class NumberInRange(click.FloatRange):
    """A number in a range."""

    def convert(self, value: object, param: Parameter | None, ctx: Context | None) -> float:
        """Return the number; NaN, which click allows, is in no range."""
        number = float(super().convert(Number().convert(value, param, ctx), param, ctx))
        if math.isnan(number):
            self.fail(f"nan is not in the range {self._describe_range()}.", param, ctx)
        return number


class NumberList(WrittenType):
    """Several numbers in one word: "296,320,200,145", "512x512", "2,3" or "(2, 3)".

    Parameters
    ----------
    name
        The metavar.
    counts
        How many numbers there may be.
    separator
        The character between them.
    parse
        Returns the number that a text stands for, or raises a `ValueError`.
    example
        A valid value, for error messages.
    """

    def __init__(
        self,
        name: str,
        counts: tuple[int, ...],
        separator: str,
        parse: Callable[[str], float],
        example: str,
    ) -> None:
        self.name = name
        self.counts = counts
        self.separator = separator
        self.parse = parse
        self.example = example

    def convert(
        self, value: object, param: Parameter | None, ctx: Context | None
    ) -> tuple[Any, ...]:
        """Return the numbers as a tuple."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().strip(" ()[]").split(self.separator)
        try:
            numbers = tuple(self.parse(part) for part in parts)
        except ValueError:
            numbers = ()
        if len(numbers) not in self.counts:
            problem = f"{value!r} does not have the form {self.name}"
            self.fail(f"{problem}; write for example {self.example}", param, ctx)
        return numbers


BOX = NumberList("A,B,C,D", (4, 5), ",", parse_number, "296,320,200,145")
IMAGE_SIZE = NumberList("WxH", (2,), "x", parse_number, "512x512")
OUTPUT_SIZE = NumberList("K|TxK", (1, 2), "x", parse_integer, "7 or 7x5 (rows x columns)")
SCALE = NumberList("F|FX,FY", (1, 2), ",", parse_fraction, "1/16, 0.0625 or 1/16,1/8")
_MAX_LEVELS = 32
LEVEL_SCALES = NumberList(
    "F,F,...", tuple(range(1, _MAX_LEVELS + 1)), ",", parse_fraction, "1/4,1/8,1/16,1/32"
)
SECTION = NumberList("I,J", (2,), ",", parse_integer, "2,3 (from 1, i along x, j from the top)")
CELL = NumberList("R,C", (2,), ",", parse_integer, "6,9 (row and column from 0, row 0 at the top)")
POINT = NumberList("N,M", (2,), ",", parse_integer, "1,2 (from 1, n along x, m from the top)")


class AspectRatio(WrittenType):
    """A width and a height without a unit, as their quotient: "16:9"."""

    name = "W:H"
    _sides = NumberList(name, (2,), ":", parse_number, "16:9")

    def convert(self, value: object, param: Parameter | None, ctx: Context | None) -> float:
        """Return the width, divided by the height."""
        if isinstance(value, float):
            return value
        width, height = self._sides.convert(value, param, ctx)
        if not (0 < width < math.inf and 0 < height < math.inf and 1 / 5 <= width / height <= 5):
            self.fail(f"{value!r} is out of range; use a ratio from 1:5 to 5:1", param, ctx)
        return float(width / height)


class Choice(click.Choice[str]):
    """One of some words."""

    def get_invalid_choice_message(self, value: object, ctx: Context | None) -> str:  # noqa: ARG002
        """Return the problem with another word."""
        return f"{str(value)!r} is unknown; {nearest(str(value), self.choices)}"


class NumberOr(WrittenType):
    """A whole number from 0, or one of some words: "2" or "exact".

    Parameters
    ----------
    letter
        Stands for the number in the metavar.
    description
        What the number is, for error messages.
    words
        The words.
    """

    def __init__(self, letter: str, description: str, words: tuple[str, ...]) -> None:
        self.name = "|".join([letter, *words])
        self.description = description
        self.words = words

    def convert(self, value: object, param: Parameter | None, ctx: Context | None) -> int | str:
        """Return the number or the word."""
        try:
            number = parse_integer(str(value))
        except ValueError:
            number = -1
        if number >= 0:
            return number
        if value not in self.words:
            choices = alternatives([self.description, *self.words])
            self.fail(f"{value!r} is not valid; use {choices}", param, ctx)
        return str(value)


DECIMALS = NumberOr("N", "a number of decimals", ("exact",))
CHANNEL = NumberOr("C", "a channel index from 0", get_args(Summary))


class NumberOrFile(WrittenType):
    """A whole number from 0, or the path of a file of whole numbers."""

    name = "N|FILE"

    def convert(self, value: object, param: Parameter | None, ctx: Context | None) -> int | str:
        """Return the number or the path."""
        text = str(value)
        try:
            number = parse_number(text)
        except ValueError:
            return text
        if not (number >= 0 and number.is_integer()):
            self.fail(
                f"{text!r} is not a whole number from 0; write a number such as 2", param, ctx
            )
        return int(number)


BATCH_INDEX = NumberOrFile()


class Size(WrittenType):
    """A number of bytes: "500MB", "2GB"."""

    name = "SIZE"

    def convert(self, value: object, param: Parameter | None, ctx: Context | None) -> float:
        """Return the number of bytes."""
        if isinstance(value, float):
            return value
        size = str(value).upper()
        number, unit = size.rstrip("KMGTB"), size.lstrip("0123456789.").rstrip("B")
        try:
            return float(number) * 1000.0 ** ["", "K", "M", "G", "T"].index(unit)
        except ValueError:
            self.fail(f"{value!r} is not a size; write for example 500MB or 2GB", param, ctx)


class CompletableType(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """Text for which a shell suggests some words."""

    words: Sequence[str]

    def shell_complete(
        self,
        ctx: Context,  # noqa: ARG002
        param: Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Return the words that complete a text."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


class PresetName(CompletableType):
    """A preset name; validated later, by preset()."""

    name = "PRESET"
    words = tuple(PRESETS)


class PyramidName(CompletableType):
    """The name of a pyramid rule; validated later, by pyramid_rule()."""

    name = "RULE"
    words = tuple(PYRAMID_RULES)


class OutputFile(click.Path):
    """The path of a file to write."""

    def __init__(self) -> None:
        super().__init__(readable=False, path_type=Path)

    def convert(
        self, value: str | os.PathLike[str], param: Parameter | None, ctx: Context | None
    ) -> Path:
        """Return the path; raise an error if it ends in a slash, which a `Path` would drop."""
        if os.path.split(value)[1] in {"", "."}:
            raise FileError(value, IS_FOLDER)
        return Path(os.fsdecode(super().convert(value, param, ctx)))


FROM_ZERO = WholeNumber(min=0)
# A file to read, or - for standard input; opening the file checks it.
INPUT_FILE = click.Path(readable=False, allow_dash=True)
OUTPUT_FILE = OutputFile()
OUTPUT_FOLDER = click.Path(path_type=Path)


class NamedValue(WrittenType):
    """A name and a value in one word: "image=image.npy".

    Parameters
    ----------
    name
        The metavar.
    parse
        Returns the value that a text stands for, or raises a `ValueError`.
    example
        A valid value, for error messages.
    needs_name
        Whether a value without a name is an error; its name is "" otherwise.
    """

    def __init__(
        self,
        name: str,
        parse: Callable[[str], Any],
        example: str,
        *,
        needs_name: bool = True,
    ) -> None:
        self.name = name
        self.parse = parse
        self.example = example
        self.needs_name = needs_name

    def convert(
        self, value: object, param: Parameter | None, ctx: Context | None
    ) -> tuple[str, Any]:
        """Return the name and the value."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not equals and not self.needs_name:
            return "", self.parse(name)
        try:
            parsed = self.parse(text)
        except ValueError:
            parsed = None
        if not (name and text) or parsed is None:
            problem = f"{value!r} does not have the form {self.name}"
            self.fail(f"{problem}; write for example {self.example}", param, ctx)
        return name, parsed


def _parse_length(text: str) -> int:
    """Parse the length of an axis, at least 0."""
    length = parse_integer(text)
    if length < 0:
        raise ValueError(text)
    return length


NAMED_FILE = NamedValue("[NAME=]FILE", str, "image=image.npy", needs_name=False)
NAMED_LENGTH = NamedValue("NAME=N", _parse_length, "height=320, or image:2=320")


class FieldValue(CompletableType):
    """A field of a convention and its value: "border_margin=0"."""

    name = "FIELD=VALUE"
    words = tuple(f"{name}=" for name in Convention().parameters())

    def convert(
        self, value: object, param: Parameter | None, ctx: Context | None
    ) -> tuple[str, Any]:
        """Return the name of the field and its value in the type of the field."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        defaults = Convention().parameters()
        if not equals or name not in defaults:
            problem = f"{value!r} does not have the form FIELD=VALUE with a known field"
            self.fail(f"{problem}; choose {alternatives(defaults)}", param, ctx)
        kind = FIELD_KINDS.get(name, str)
        parse: Callable[[str], Any] = _PARSERS.get(kind, kind)
        try:
            return name, None if text == "none" and kind is not str else parse(text)
        except (KeyError, ValueError):
            self.fail(f"{text!r} is not valid for {name}; write {_NEEDED[kind]}", param, ctx)


_WORDS = {"true": True, "false": False}
_NEEDED = {bool: "true or false", float: "a number", int: "a whole number", str: "a word"}
_PARSERS: dict[type, Callable[[str], Any]] = {
    bool: _WORDS.__getitem__,
    float: parse_number,
    int: parse_integer,
}
