"""Bodies that are files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.parsers import BaseParser

from psa.forecast_files import MOST_WEB_BYTES


class CsvParser(BaseParser):
    """A body of text/csv as it came. Of one that is too large, enough to say so."""

    media_type = "text/csv"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,  # noqa: ARG002  # DRF's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, bytes]:
        return {"file": stream.read(MOST_WEB_BYTES + 1)}
