"""Files that the API gives besides JSON."""

from __future__ import annotations

from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer

from core.pdf import CONTENT_TYPE


class PdfRenderer(BaseRenderer):
    """Lets a caller accept a PDF. What is made by then is given as it is."""

    media_type = CONTENT_TYPE
    format = "pdf"
    charset = None
    render_style = "binary"

    def render(self, data: Any, *_context: Any) -> bytes:
        error: bytes = JSONRenderer().render(data)
        return error
