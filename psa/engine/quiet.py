"""pandapower, imported once and kept quiet: its advice is for its authors, not for a study."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pandapower as pp  # the one place where pandapower is imported
    from pandapower.auxiliary import ControllerNotConverged
    from pandapower.pypower import idx_brch, idx_bus
    from pandapower.topology import unsupplied_buses

logging.getLogger("pandapower").setLevel(logging.ERROR)

# What pandapower raises about a model that makes no sense, beside saying that it did not converge.
MODEL_FAULTS = (
    UserWarning,
    ArithmeticError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    NotImplementedError,
)

__all__ = [
    "MODEL_FAULTS",
    "ControllerNotConverged",
    "idx_brch",
    "idx_bus",
    "pp",
    "quietly",
    "unsupplied_buses",
]


@contextmanager
def quietly() -> Iterator[None]:
    """Silence deprecations inside pandapower and NumPy's division warnings; change no result."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
