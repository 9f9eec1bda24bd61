from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command

from core.management.catalogue import Entry, NotLiteralError, entries, table

SOURCE = """
def refusals_of(kw, name):
    found = [Refusal("below_zero", "Not below zero.", "kw")]
    message = f"At most {kw} kW, {name}."
    found.append(Refusal(code="over", message=message))
    if name:
        raise WrongStateError("late", "Too late.")
    return found
"""


def written(root: Path, text: str) -> Path:
    (root / "shop").mkdir()
    (root / "shop" / "rules.py").write_text(text)
    return root


def test_codes_are_read_with_their_sentence_status_and_place(tmp_path: Path) -> None:
    found = entries(written(tmp_path, SOURCE), ["shop"], [("shop.order", "ship_late")])

    where = "shop.rules.refusals_of"
    moved = "This is … now: ship late is not possible."
    assert [each for each in found if "any call" not in each.where] == [
        Entry(409, "late", "Too late.", where),
        Entry(409, "shop.order.ship_late", moved, "the state table"),
        Entry(422, "below_zero", "Not below zero.", where),
        Entry(422, "over", "At most … kW, ….", where),
    ]
    assert {(each.status, each.code) for each in found} >= {
        (401, "not_authenticated"),
        (404, "not_found"),
        (429, "throttled"),
        (503, "busy"),
    }


def test_a_code_of_the_modules_messages_is_listed_with_its_sentence(tmp_path: Path) -> None:
    text = 'MESSAGES = {"a_no": "{site} may not."}\ndef no(code): Refusal(code, MESSAGES[code])\n'

    found = entries(written(tmp_path, text), ["shop"], [])

    assert Entry(422, "a_no", "… may not.", "shop.rules.no") in found


def test_a_code_that_is_not_written_out_stops_the_list(tmp_path: Path) -> None:
    root = written(tmp_path, 'def no(kind):\n    return Refusal(f"{kind}_no", "No.")\n')

    with pytest.raises(NotLiteralError, match=r"rules\.py:2"):
        entries(root, ["shop"], [])


def test_one_code_and_sentence_is_one_row_with_all_its_places() -> None:
    text = table([Entry(422, "over", "Too much.", "a.b"), Entry(422, "over", "Too much.", "c.d")])

    assert text.count("\n## 422") == 1
    assert "| `over` | Too much. | a.b, c.d |" in text


def test_the_documents_are_what_the_code_says() -> None:
    call_command("make_docs", "--check")
