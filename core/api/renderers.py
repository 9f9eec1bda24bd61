"""Files that the API gives besides JSON."""

from __future__ import annotations

from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer

from core.pdf import CONTENT_TYPE


class FileRenderer(BaseRenderer):
    """Lets a caller accept a kind of file. What is made by then is given as it is."""

    charset = None
    render_style = "binary"

    def render(self, data: Any, *_context: Any) -> bytes:
        error: bytes = JSONRenderer().render(data)
        return error


class PdfRenderer(FileRenderer):
    media_type = CONTENT_TYPE
    format = "pdf"


class CsvRenderer(FileRenderer):
    media_type = "text/csv"
    format = "csv"
