"""Reading and writing again, without the system calls that only some systems have."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

from roialign_cli.cli.main import main
from roialign_cli.memory import available_memory
from tests import test_box_files, test_feature_files, test_writing

MISSING = (
    "O_TMPFILE", "fchmod", "link", "posix_fadvise", "posix_fallocate", "pread", "preadv",
    "sendfile", "sysconf", "umask",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _other_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what is missing elsewhere: system calls, /proc and calls relative to a folder."""
    for name in MISSING:
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(os, "supports_dir_fd", set())
    original = Path.read_text

    def without_proc(path: Path, *args: Any, **options: Any) -> str:
        if path.is_relative_to("/proc"):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return original(path, *args, **options)

    monkeypatch.setattr(Path, "read_text", without_proc)


folder = test_writing.folder

# The tests of reading and writing that need no other program, collected here once more.
test_overwriting = test_writing.test_what_is_there_is_overwritten_only_by_force
test_a_race = test_writing.test_a_file_that_appears_meanwhile_is_not_overwritten
test_a_failure = test_writing.test_a_failure_without_links_leaves_no_empty_file
test_a_long_name = test_writing.test_the_longest_name_can_be_overwritten
test_a_mapped_output = test_writing.test_a_npy_is_the_same_pooled_into_the_file_or_in_memory
test_a_link = test_writing.test_a_link_is_followed
test_arrays = test_feature_files.test_every_dtype_and_order_is_read
test_a_changed_file = test_feature_files.test_a_file_that_changes_meanwhile_is_named
test_images = test_feature_files.test_of_eight_bits_nothing_is_cut
test_boxes = test_box_files.test_the_numbers_and_what_they_are
test_newlines = test_box_files.test_the_files_of_any_editor_are_read
test_an_archive = test_box_files.test_an_archive_has_boxes_among_its_arrays


@pytest.mark.parametrize("kind", test_writing.CALLS)
def test_every_kind_of_output_is_written_and_nothing_else(kind: str, folder: Path) -> None:
    call = test_writing.CALLS[kind]
    assert main(call) == 0
    written = test_writing.contents(folder)
    assert list(written) == [f"out.{kind}"]
    assert main(call) == 2
    assert main([*call, "--force"]) == 0
    assert list(test_writing.contents(folder)) == [f"out.{kind}"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("kind", ["csv", "json", "html", "md", "txt"])
def test_text_is_utf_8_with_plain_newlines(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "linesep", "\r\n")
    command = "run" if kind in {"csv", "json"} else "explain"
    Path("boxes.csv").write_bytes("x,y,w,h,label\r\n1,2,1,1,Möwe\r\n".encode())
    assert main([command, "map.npy", "--boxes", "boxes.csv", "-o", f"out.{kind}"]) == 0
    content = Path(f"out.{kind}").read_bytes()
    assert b"\r" not in content
    assert content.endswith(b"\n")
    content.decode("utf-8")
    if command == "run":
        assert "Möwe".encode() in content


def test_free_memory_that_is_not_known_is_no_limit() -> None:
    assert available_memory() == math.inf
