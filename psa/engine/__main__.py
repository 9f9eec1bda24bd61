"""Compute a study's receipt again, and say whether the answer is the one that is recorded.

``python -m psa.engine receipt.json`` uses the engine and compares to the last recorded place.
``--pandapower`` uses pandapower's own power flow alone, half-hour by half-hour, and compares the
physics within 2e-6 pu and 2e-3 of a percentage point or kW. Exits 0 if nothing differs, 1 if
something does, 2 if the file is no receipt.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from psa.engine import choosing, receipt
from psa.engine.errors import EngineInputError
from psa.engine.study import versions

PU, OTHER = 2e-6, 2e-3  # the engine keeps to half of it; a record is rounded to 6 places


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m psa.engine", description=__doc__)
    parser.add_argument("receipt", type=Path, help="the file of a study")
    parser.add_argument(
        "--pandapower", action="store_true", help="by pandapower's own power flow alone"
    )
    given = parser.parse_args()
    try:
        text = given.receipt.read_text(encoding="utf-8")
        stretches, recorded, about = receipt.read(text)
    except (OSError, UnicodeDecodeError, EngineInputError) as error:
        print(error, file=sys.stderr)
        return 2
    for name, value in about.items():
        print(f"{name}: {value}")
    print(f"recorded: {recorded['outcome']}, largest that passes: {recorded['largest_kw']} kW")
    for name, ours in versions().items():
        theirs = recorded["versions"].get(name)
        if theirs != ours:
            print(f"computed then with {name} {theirs}, now with {ours}")
    again = choosing.answered(stretches, reference=given.pandapower)
    print(f"now: {again['outcome']}, largest that passes: {again['largest_kw']} kW")
    allowed = {"per_unit": PU, "other": OTHER} if given.pandapower else {}
    found = receipt.differences(recorded, again, **allowed)
    for line in found[: receipt.MOST_SHOWN]:
        print(f"differs: {line}")
    if len(found) > receipt.MOST_SHOWN:
        print(f"and {len(found) - receipt.MOST_SHOWN} more differences")
    if not found:
        print("The same answer." if not allowed else "The same answer, within the tolerance.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
