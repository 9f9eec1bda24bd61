"""Verify, without Node, that dist/ is complete and is what manifest.json says it is.

Compares the SHA-256 of every shipped file and of every source it was built from: a source changed
without a rebuild, a file edited by hand, one missing and one too many are each named.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

ASSETS = Path(__file__).resolve().parent
DIST = ASSETS / "dist"
MANIFEST = DIST / "manifest.json"


def digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def file_faults(listed: dict[str, dict[str, str | int]]) -> list[str]:
    found = []
    for name, entry in listed.items():
        actual = digest(DIST / name)
        if actual is None:
            found.append(f"dist/{name}: missing")
        elif actual != entry["sha256"]:
            found.append(f"dist/{name}: differs from the manifest")
    there = {path.relative_to(DIST).as_posix() for path in DIST.rglob("*") if path.is_file()}
    extra = there - set(listed) - {MANIFEST.name}
    return found + [f"dist/{name}: not in the manifest" for name in extra]


def source_faults(listed: dict[str, str]) -> list[str]:
    there = {
        path.relative_to(ASSETS).as_posix()
        for folder in ("img", "js", "scss")
        for path in (ASSETS / "src" / folder).iterdir()
    }
    changed = [name for name, expected in listed.items() if digest(ASSETS / name) != expected]
    return [f"{name}: changed since dist was built" for name in changed] + [
        f"{name}: not in the manifest" for name in there - set(listed)
    ]


def faults() -> list[str]:
    if not MANIFEST.is_file():
        return ["dist/manifest.json: missing"]
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    return sorted(file_faults(manifest["files"]) + source_faults(manifest["sources"]))


def main() -> int:
    found = faults()
    for fault in found:
        print(fault, file=sys.stderr)
    if found:
        print("Run: npm ci && node build.mjs (in assets/)", file=sys.stderr)
        return 1
    print("assets/dist is what its manifest says")
    return 0


if __name__ == "__main__":
    sys.exit(main())
