"""Documents as PDF/UA: one template and its facts in, the file's bytes out.

A template extends ``documents/base.html`` (see there for its blocks and classes). Making one takes
seconds of computing, so it is a worker's work, never a web request's. The same facts give the same
bytes, so that a file's hash can be compared.
"""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

if TYPE_CHECKING:
    import weasyprint

CONTENT_TYPE = "application/pdf"
STATIC = "static:"  # in a document's style sheet: url(static:fonts/...)
MISSING = (
    "Pango is missing on the machine whose worker makes PDFs. Install it: on Debian or Ubuntu "
    "'apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core', "
    "on macOS 'brew install pango'. Then ask for the PDF again."
)


class NoPdfError(Exception):
    """This machine can't make PDFs; says which packages to install."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A text file that a document carries within: its facts for machines."""

    name: str
    text: str
    about: str


def pdf_of(
    template: str,
    facts: Mapping[str, Any],
    *,
    title: str,
    reference: str,
    made_at: datetime,
    attached: Attached | None = None,
) -> bytes:
    """Return a document as the bytes of a PDF/UA-1 file.

    ``reference`` ("Study 12") stands on each page, beside the number of the page; ``made_at`` is
    the moment that the document tells of itself.

    :raises NoPdfError: if Pango is missing
    """
    html = render_to_string(
        template,
        {
            **facts,
            "document_title": title,
            "document_reference": reference,
            "document_made_at": made_at,
            "document_made_at_utc": made_at.astimezone(UTC).isoformat(timespec="seconds"),
            "SITE_NAME": settings.SITE_NAME,
        },
    )
    weasy = _weasyprint()
    made: bytes = weasy.HTML(string=html, url_fetcher=_own_files_only()).write_pdf(
        pdf_variant="pdf/ua-1",
        pdf_identifier=hashlib.sha256(html.encode()).digest()[:16],
        attachments=[_attachment(weasy, attached, made_at)] if attached else None,
    )
    return made


def _attachment(weasy: Any, attached: Attached, at: datetime) -> Any:
    return weasy.Attachment(
        string=attached.text,
        name=attached.name,
        description=attached.about,
        created=at.astimezone(UTC),
        modified=at.astimezone(UTC),
        relationship="Data",
    )


def _weasyprint() -> Any:
    """Load WeasyPrint (2.7 s, the first time in a process) and, with it, Pango."""
    with warnings.catch_warnings():
        # An old HarfBuzz cannot cut fonts down; fontTools does it then.
        warnings.filterwarnings("ignore", message="HarfBuzz-Subset", category=DeprecationWarning)
        try:
            import weasyprint
        except OSError as error:
            raise NoPdfError(MISSING) from error
    logging.getLogger("fontTools").setLevel(logging.WARNING)  # else it tells of each table
    return weasyprint


def _own_files_only() -> weasyprint.urls.URLFetcher:
    """Return what opens a document's addresses: our own static files, and nothing else."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class OwnFiles(URLFetcher):
        def fetch(self, url: str, *_headers: Any) -> URLFetcherResponse:
            found = finders.find(url.removeprefix(STATIC)) if url.startswith(STATIC) else None
            if found is None:
                raise ValueError(f"A document may not open {url}.")
            return URLFetcherResponse(url, Path(str(found)).read_bytes())

    return OwnFiles()
