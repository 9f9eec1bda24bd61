"""What an engineer sees of an application's documents, words and checks."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from connections.documents import file_name, notice_of, pdf_row, why_no_pdf
from connections.models import P2pAgreement, Registration, ReviewCheck, Tcvn
from connections.registration_forms import summary_of
from core.periods import LONDON


def typed_of(registration: Registration) -> list[tuple[str, str]]:
    """Return what was typed of a site that isn't on record yet."""
    if registration.site is not None:
        return []
    return next(rows for page, _, rows in summary_of(registration) if page == "site")


def checked_words(check: ReviewCheck) -> str:
    words = "met" if check.met else "not met"
    who = check.checked_by or "the system"
    note = f": {check.note}" if check.note else ""
    return f"{words}{note} ({who}, {check.checked_at.astimezone(LONDON):%-d %b %Y %H:%M})"


def documents_of(registration: Registration) -> SafeString:
    return format_html_join(
        ", ",
        '<a href="/documents/{}/">{}</a>',
        registration.documents.order_by("pk").values_list("pk", "name"),
    )


def notice_links(row: Tcvn | P2pAgreement) -> SafeString | str:
    """Return where a document as it was issued is found, and what its hash is."""
    found, pdf = notice_of(row), pdf_row(row)
    if found is None:
        return "none issued"
    link = format_html('<a href="../notice.txt">{}</a>', file_name(found, "txt"))
    if pdf is not None and pdf.made_at is not None:
        link = format_html('{}, <a href="../notice.pdf">PDF</a>', link)
    else:
        link = format_html("{}. {}", link, why_no_pdf(pdf))
    withdrawn = f", withdrawn: {found.withdrawn_reason}" if found.withdrawn_at else ""
    return format_html(
        "<p>{}{}, to be signed by {}, SHA-256 of the text <code>{}</code></p>",
        link,
        withdrawn,
        f"{found.execute_by:%-d %B %Y}",
        found.sha256,
    )


def notes_of(row: Registration | Tcvn) -> SafeString | str:
    """Return what engineers have noted for themselves, a paragraph each."""
    rows: list[Any] = list(row.notes.select_related("written_by").order_by("pk"))
    return (
        format_html_join(
            "",
            "<p><strong>{}</strong>, {}: {}</p>",
            (
                (
                    each.written_by,
                    f"{each.written_at.astimezone(LONDON):%-d %b %Y %H:%M}",
                    each.text,
                )
                for each in rows
            ),
        )
        or "none"
    )


def dialogue_of(row: Registration | Tcvn) -> SafeString | str:
    """Return the messages of an application, a paragraph each."""
    rows: list[Any] = list(row.messages.select_related("written_by").order_by("pk"))
    return (
        format_html_join(
            "",
            "<p><strong>{}{}</strong>, {}: {}</p>",
            (
                (
                    "The operator" if each.side == "DSO" else each.written_by or "The participant",
                    " asks" if each.asks else "",
                    f"{each.written_at.astimezone(LONDON):%-d %b %Y %H:%M}",
                    each.text,
                )
                for each in rows
            ),
        )
        or "none"
    )
