"""A CSV file of forecasts, read row by row, every fault with its row, column and rule. Pure.

What a file may look like stands in ``CONVENTIONS`` in words; the page, the template and the guide
say them from there.
"""

from psa.forecast_files.conventions import (
    CONVENTIONS,
    EXPORT_POWER_FACTOR,
    IMPORT_POWER_FACTOR,
    MOST_BYTES,
    MOST_FAULTS,
    MOST_ROWS,
    MOST_WEB_BYTES,
    TEMPLATES,
    refusals_of_size,
    template,
)
from psa.forecast_files.findings import Fault, Parsed, Reading, UnknownPointError, faults_as_csv
from psa.forecast_files.reading import parse

__all__ = [
    "CONVENTIONS",
    "EXPORT_POWER_FACTOR",
    "IMPORT_POWER_FACTOR",
    "MOST_BYTES",
    "MOST_FAULTS",
    "MOST_ROWS",
    "MOST_WEB_BYTES",
    "TEMPLATES",
    "Fault",
    "Parsed",
    "Reading",
    "UnknownPointError",
    "faults_as_csv",
    "parse",
    "refusals_of_size",
    "template",
]
