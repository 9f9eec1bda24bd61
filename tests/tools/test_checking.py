from __future__ import annotations

from pathlib import Path

from tools.checking import broken_links


def test_a_link_that_leads_nowhere_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "guide.md").write_text(
        "[home](../README.md)\n[gone](gone.md#part) and [out](https://example.org)\n[here](#part)\n"
    )
    (tmp_path / "README.md").write_text("![board](docs/board.png)\n")

    faults = list(broken_links(tmp_path))

    assert faults == ["README.md:1: no docs/board.png", "docs/guide.md:2: no gone.md#part"]
