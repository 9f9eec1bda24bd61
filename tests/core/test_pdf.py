"""The room where documents become PDF/UA."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from pypdf import PdfReader

from core.pdf import MISSING, NoPdfError, pdf_of

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
BODY = """{% extends "documents/base.html" %}{% block content %}
<p>{{ words }}</p>
<table><thead><tr><th scope="col">Line</th></tr></thead><tbody><tr><td>Mill Lane</td></tr></tbody>
</table>
<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><title>Loading</title>
<rect width="9" height="9"/></svg>
{% include "documents/_signatures.html" with who="For the operator" roles=roles %}
{% endblock %}"""


@pytest.fixture(autouse=True)
def template(tmp_path: Path, settings: LazySettings) -> None:
    (tmp_path / "letter.html").write_text(BODY)
    first: Any = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**first, "DIRS": [*first["DIRS"], tmp_path]}]


def letter(words: str) -> bytes:
    facts = {"words": words, "roles": ["Engineer"]}
    return pdf_of("letter.html", facts, title="A letter", reference="Letter 7", made_at=AT)


@pytest.mark.needs_pango
def test_a_document_is_tagged_and_has_title_language_and_number_on_each_page(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger="weasyprint"):
        read = PdfReader(BytesIO(letter("Łódź ≥ 5 → " + "many words " * 600)))
    catalog: Any = read.trailer["/Root"]
    metadata: Any = read.metadata

    assert metadata["/Title"] == "A letter"
    assert catalog["/Lang"] == "en-GB"
    assert catalog["/MarkInfo"]["/Marked"]
    assert b"pdfuaid:part" in catalog["/Metadata"].get_data()
    assert catalog["/ViewerPreferences"]["/DisplayDocTitle"]
    assert len(read.pages) == 2
    for number, page in enumerate(read.pages, start=1):
        text = page.extract_text()
        assert "Letter 7" in text
        assert f"Page {number} of 2" in text
    assert "Łódź ≥ 5 →" in read.pages[0].extract_text()
    assert not caplog.records  # a missing letter, an image without words


@pytest.mark.needs_pango
def test_the_same_facts_give_the_same_bytes_and_others_do_not() -> None:
    assert letter("one") == letter("one")
    assert letter("one") != letter("two")


@pytest.mark.needs_pango
@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "http://127.0.0.1:9/", "static:../settings.py"]
)
def test_a_document_opens_nothing_but_our_own_static_files(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    body = BODY.replace("<p>", f'<img alt="An image" src="{address}"><p>')
    (tmp_path / "letter.html").write_text(body)

    with caplog.at_level(logging.ERROR, logger="weasyprint"):
        letter("plain")

    assert f"Failed to load image at '{address}'" in caplog.text


def test_where_pango_is_missing_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == "weasyprint":
                raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    for name in [each for each in sys.modules if each.split(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)

    with pytest.raises(NoPdfError) as raised:
        letter("plain")

    assert str(raised.value) == MISSING
    assert "apt-get install libpango-1.0-0" in MISSING
