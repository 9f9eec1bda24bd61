"""What a file is by its content, whatever its name says. Pure.

Four kinds are taken: PDF, PNG, JPEG and CSV. A file must be whole: a start alone proves nothing.
"""

from __future__ import annotations

import csv
import io
import zlib
from pathlib import PurePosixPath

from core.errors import Refusal

MOST_BYTES = 10 * 1024 * 1024
LONGEST_NAME = 120
PDF, PNG, JPEG, CSV = "application/pdf", "image/png", "image/jpeg", "text/csv"
SUFFIXES = {PDF: ".pdf", PNG: ".png", JPEG: ".jpg", CSV: ".csv"}
TAKEN = "PDF, PNG, JPEG and CSV"
PNG_START, PNG_HEADER_END = b"\x89PNG\r\n\x1a\n", 33
TAIL = 1024  # bytes in which a PDF's end mark must lie
FEWEST_COLUMNS = 2


def media_type_of(content: bytes) -> str | None:
    """Return the kind of a file by its content, or None for one that is not taken."""
    tests = {PDF: _is_pdf, PNG: _is_png, JPEG: _is_jpeg, CSV: _is_csv}
    return next((kind for kind, test in tests.items() if test(content)), None)


def refusals_of_file(content: bytes) -> list[Refusal]:
    """Return why a file is not taken."""
    if not content:
        return [Refusal("file_empty", "This file is empty.", "file")]
    if len(content) > MOST_BYTES:
        most = MOST_BYTES // 1024 // 1024
        return [Refusal("file_too_large", f"A document has at most {most} MB.", "file")]
    if media_type_of(content) is None:
        message = f"By its content this is none of {TAKEN}, or it is not whole."
        return [Refusal("file_kind", message, "file")]
    return []


def safe_name(name: str, media_type: str) -> str:
    """Return a file's own name without folders and control characters, ending as its kind does."""
    last = PurePosixPath(name.replace("\\", "/")).name
    stem = "".join(each for each in last if each.isprintable() and each not in '"<>|:*?')
    suffix = SUFFIXES[media_type]
    own = PurePosixPath(stem).suffix.lower()
    if own == suffix or (own == ".jpeg" and media_type == JPEG):
        suffix, stem = own, stem[: -len(own)]
    return (stem.strip(" .") or "document")[: LONGEST_NAME - len(suffix)] + suffix


def _is_pdf(content: bytes) -> bool:
    return content.startswith((b"%PDF-1.", b"%PDF-2.")) and b"%%EOF" in content[-TAIL:]


def _is_png(content: bytes) -> bool:
    if not content.startswith(PNG_START) or content[12:16] != b"IHDR":
        return False
    checksum = int.from_bytes(content[29:PNG_HEADER_END], "big")
    return zlib.crc32(content[12:29]) == checksum and content[-8:] == b"IEND\xaeB`\x82"


def _is_jpeg(content: bytes) -> bool:
    return content.startswith(b"\xff\xd8\xff") and content.rstrip(b"\0").endswith(b"\xff\xd9")


def _is_csv(content: bytes) -> bool:
    """Tell whether it is text in rows of equally many cells, at least two, and no markup."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    if "\0" in text or text.lstrip()[:1] == "<":
        return False
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error:
        return False
    widths = {len(row) for row in rows}
    return len(widths) == 1 and widths.pop() >= FEWEST_COLUMNS
