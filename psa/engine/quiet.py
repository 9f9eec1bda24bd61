"""pandapower, imported once and kept quiet: its advice is for its authors, not for a study."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import networkx as nx  # pandapower's graphs
    import pandapower as pp  # the one place where pandapower is imported
    from pandapower.auxiliary import ControllerNotConverged
    from pandapower.control import DiscreteTapControl
    from pandapower.convert_format import convert_format
    from pandapower.diagnostic import Diagnostic, diagnostic_functions
    from pandapower.io_utils import from_dict_of_dfs
    from pandapower.pypower import idx_brch, idx_bus
    from pandapower.topology import create_nxgraph, unsupplied_buses

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
    "Diagnostic",
    "DiscreteTapControl",
    "convert_format",
    "create_nxgraph",
    "diagnostic_functions",
    "from_dict_of_dfs",
    "idx_brch",
    "idx_bus",
    "nx",
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
