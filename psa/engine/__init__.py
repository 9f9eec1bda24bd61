"""The power-flow engine: networks, arrays and limits in, results out. No Django."""

import os

# SuperLU hands BLAS pieces too small to be shared out: threads spin and wait for one another.
# Read when SciPy is loaded, so it stands before every import of the engine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
