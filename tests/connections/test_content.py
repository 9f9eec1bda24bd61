"""What a file is by its content, whatever its name says."""

from __future__ import annotations

import zlib

import pytest

from connections import content
from connections.content import CSV, JPEG, PDF, PNG, media_type_of, safe_name


def a_png() -> bytes:
    header = b"IHDR" + (1).to_bytes(4, "big") * 2 + b"\x08\x06\0\0\0"
    checksum = zlib.crc32(header).to_bytes(4, "big")
    start = b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + checksum
    return start + b"\0\0\0\0IEND\xaeB`\x82"


A_PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
A_JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 20 + b"\xff\xd9"
A_CSV = "day,kW\n2026-03-02,5\n".encode("utf-8-sig")


@pytest.mark.parametrize(
    ("data", "kind"), [(A_PDF, PDF), (a_png(), PNG), (A_JPEG, JPEG), (A_CSV, CSV)]
)
def test_the_four_kinds_are_told_by_their_content(data: bytes, kind: str) -> None:
    assert media_type_of(data) == kind
    assert content.refusals_of_file(data) == []


@pytest.mark.parametrize(
    "data",
    [
        A_PDF[:-7],  # cut off
        a_png()[:-4],
        a_png().replace(b"\x08\x06", b"\x08\x07"),  # the header's checksum is another's
        A_JPEG[:-1],
        b"<!doctype html>,<script>,\n1,2,3\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'>,</svg>",
        b"\xff\xfea\0,\0b\0",  # UTF-16
        b"a,b\n1,2,3\n",
        b"one column\nonly\n",
        b'a,b\n"1,2\n',
        b"MZ\x90\0,\0",
        b"PK\x03\x04 a workbook",
    ],
)
def test_what_is_none_of_them_or_is_not_whole_is_refused(data: bytes) -> None:
    assert [each.code for each in content.refusals_of_file(data)] == ["file_kind"]


def test_a_file_that_is_empty_or_too_large_is_refused() -> None:
    assert [each.code for each in content.refusals_of_file(b"")] == ["file_empty"]
    large = A_PDF[:-6] + b" " * content.MOST_BYTES + b"%%EOF\n"
    assert [each.code for each in content.refusals_of_file(large)] == ["file_too_large"]


@pytest.mark.parametrize(
    ("given", "kind", "kept"),
    [
        ("../../etc/plan.pdf", PDF, "plan.pdf"),
        ("C:\\plans\\plan.html", PDF, "plan.html.pdf"),
        ('pl"an\r\n.PDF', PDF, "plan.pdf"),
        ("photo.jpeg", JPEG, "photo.jpeg"),
        ("...", CSV, "document.csv"),
        ("x" * 300 + ".png", PNG, "x" * 116 + ".png"),
    ],
)
def test_a_name_is_made_safe_and_ends_as_its_kind_does(given: str, kind: str, kept: str) -> None:
    assert safe_name(given, kind) == kept
