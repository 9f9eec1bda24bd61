"""Where things are kept. Everything that a command makes is under the environment or ``var/``."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("VENV") or ROOT / ".venv")
VAR = Path(os.environ.get("VAR_DIR") or ROOT / "var")
REQUIREMENTS = ROOT / "requirements"

PYTHON = VENV / "bin" / "python"


def program(name: str) -> str:
    """Return the path of a program that is installed in the environment."""
    return str(VENV / "bin" / name)
