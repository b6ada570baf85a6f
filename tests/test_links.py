"""Every link of the documents leads somewhere, every picture is there, every page is found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from docs.generate import DOCS

ROOT = DOCS.parent
PAGES = [
    page
    for kind in ("*.md", "docs/*.md", "docs/*.html", "sample_data/*.md")
    for page in sorted(ROOT.glob(kind))
]
# The parts of generated pages, which are not pages themselves.
PARTS = {page for page in PAGES if page.stem.endswith(("-head", "-other"))}


@dataclass
class Page(HTMLParser):
    """The links, pictures and anchors of a page.

    Parameters
    ----------
    links
        The targets of the links, and the sources of the pictures.
    pictures
        The source and the alternative text of each picture.
    anchors
        What a link can name after "#".
    """

    links: list[str] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "img":
            self.pictures.append((values.get("src", ""), values.get("alt", "")))
        self.links += [values[name] for name in ("href", "src") if name in values]

    def add_heading(self, text: str) -> None:
        """Add the anchor that code hosts give to a heading."""
        anchor = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        names = (anchor, *(f"{anchor}-{n}" for n in range(1, 100)))
        self.anchors.add(next(name for name in names if name not in self.anchors))

    def add_markdown(self, tokens: list[Token]) -> None:
        """Add the links, pictures and anchors of parsed Markdown."""
        for before, token in zip([None, *tokens], tokens, strict=False):
            children = token.children or []
            if before is not None and before.type == "heading_open":
                self.add_heading("".join(child.content for child in children))
            if token.type in {"html_block", "html_inline"}:
                self.feed(token.content)
            if token.type == "link_open":
                self.links.append(str(token.attrs["href"]))
            if token.type == "image":
                self.pictures.append((str(token.attrs["src"]), token.content))
                self.links.append(str(token.attrs["src"]))
            self.add_markdown(children)


@cache
def read(path: Path) -> Page:
    """Return the links, pictures and anchors of a page."""
    page, text = Page(), path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        page.add_markdown(MarkdownIt("commonmark").enable("table").parse(text))
    else:
        page.feed(text)
    return page


def problem_of(target: str, path: Path) -> str | None:
    """Return what is wrong with a link of a page; None if nothing is."""
    parts = urlsplit(target)
    if parts.scheme == "data":
        return None
    if parts.scheme or parts.netloc:
        is_address = parts.scheme == "https" and re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
        return None if is_address and not re.search(r"\s", target) else "is not an https address"
    other = path.parent / unquote(parts.path) if parts.path else path
    if not other.exists():
        return "does not exist"
    if parts.fragment and parts.fragment not in read(other).anchors:
        return "has no such heading"
    return None


def shown(path: Path) -> Iterator[Path]:
    """Yield the files of the project that a page links to or shows."""
    for target in read(path).links:
        parts = urlsplit(target)
        if not parts.scheme and parts.path:
            yield (path.parent / unquote(parts.path)).resolve()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    problems = {target: problem_of(target, path) for target in read(path).links}
    assert {target: problem for target, problem in problems.items() if problem} == {}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pictures_have_alternative_texts(path: Path) -> None:
    assert [source for source, text in read(path).pictures if len(text.split()) < 2] == []


def test_every_page_and_picture_is_linked_from_another_page() -> None:
    pictures = (DOCS / "gallery").iterdir()
    known = {other for page in {*PAGES} - PARTS for other in shown(page) if other != page}
    assert {*PAGES, *pictures} - PARTS - known == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_to_threads_lead_to_the_threads_that_they_name(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for repository, number, url in re.findall(r"\[([\w.-]+/[\w.-]+)#(\d+)\]\(([^)]+)\)", text):
        kinds = ("issues", "pull")
        assert url in {f"https://github.com/{repository}/{kind}/{number}" for kind in kinds}


def test_anchors_are_those_of_code_hosts(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = "# A `b`, c\n```\n# no heading\n```\n## Q11–Q22?\n## A b, c\n## [`a_b`](x)\n"
    page.write_text(text, encoding="utf-8")
    assert read(page).anchors == {"a-b-c", "q11q22", "a-b-c-1", "a_b"}


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("page.md", None),
        ("#top", None),
        ("page.md#top", None),
        ("https://example.org/a#b", None),
        ("other.md", "does not exist"),
        ("#bottom", "has no such heading"),
        ("http://example.org", "is not an https address"),
        ("https://example", "is not an https address"),
    ],
)
def test_a_broken_link_is_found(target: str, problem: str | None, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Top\n", encoding="utf-8")
    assert problem_of(target, page) == problem
