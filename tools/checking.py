"""Every check that needs no database: style, types, imports, migrations, documents, assets."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tools.places import PYTHON, ROOT, VAR, program
from tools.says import say

LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
MANIFEST = ROOT / "assets" / "dist" / "manifest.json"


def check() -> int:
    """Run all checks, the later ones even where an earlier one fails, and return 1 if any did."""
    env = {
        **os.environ,
        "TESTING": "1",
        "DATABASE_URL": os.environ.get("DATABASE_URL") or "postgres://127.0.0.1:1/none",
        "PYTHONPATH": str(ROOT),
    }
    cache = VAR / "cache"
    commands = {
        "style": [program("ruff"), "check", "--cache-dir", str(cache / "ruff"), "."],
        "format": [program("ruff"), "format", "--check", "--cache-dir", str(cache / "ruff"), "."],
        "types": [program("mypy"), "--cache-dir", str(cache / "mypy"), "."],
        "imports": [program("lint-imports"), "--cache-dir", str(cache / "imports")],
        "migrations": [str(PYTHON), "-W", "ignore", "manage.py", "makemigrations", "--check"],
        "documents": [str(PYTHON), "manage.py", "make_docs", "--check"],
    }
    if not list(ROOT.glob("*/management/commands/make_docs.py")):
        del commands["documents"]
    failed = [name for name, command in commands.items() if not _passes(name, command, env)]
    failed += _report("links", list(broken_links(ROOT)))
    failed += _report("assets", list(wrong_assets()))
    say("All checks passed." if not failed else f"Failed: {', '.join(failed)}.")
    return bool(failed)


def _passes(name: str, command: list[str], env: dict[str, str]) -> bool:
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    took = f"{time.monotonic() - started:.1f} s"
    if done.returncode == 0:
        say(f"  ok      {name} ({took})")
        return True
    say(f"  FAILED  {name} ({took})\n{done.stdout}")
    return False


def _report(name: str, faults: list[str]) -> list[str]:
    if not faults:
        say(f"  ok      {name}")
        return []
    say(f"  FAILED  {name}\n" + "\n".join(faults))
    return [name]


def broken_links(root: Path) -> Iterator[str]:
    """Yield each link of the documents that leads to no file of this tree."""
    documents = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("data/**/*.md")]
    for document in sorted(documents):
        for number, line in enumerate(document.read_text().splitlines(), 1):
            for target in LINK.findall(line):
                if re.match(r"[a-z]+:|#", target):
                    continue
                path = document.parent / target.split("#")[0]
                if not path.exists():
                    yield f"{document.relative_to(root)}:{number}: no {target}"


def wrong_assets() -> Iterator[str]:
    """Yield each built asset that is not what the manifest says it was built as."""
    if not MANIFEST.exists():
        yield f"{MANIFEST.relative_to(ROOT)} is missing: build the assets (see assets/README.md)"
        return
    manifest = json.loads(MANIFEST.read_text())
    files = manifest.get("files", {})
    for name, row in files.items():
        path = MANIFEST.parent / name
        expected = row["sha256"] if isinstance(row, dict) else row
        if not path.exists():
            yield f"assets/dist/{name} is missing"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            yield f"assets/dist/{name} is not what it was built as"
    for name, expected in manifest.get("sources", {}).items():
        path = ROOT / "assets" / name
        if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            yield f"assets/{name} has changed since the assets were built"
    built = {
        str(path.relative_to(MANIFEST.parent))
        for path in MANIFEST.parent.rglob("*")
        if path.is_file() and path != MANIFEST
    }
    for name in sorted(built - set(files)):
        yield f"assets/dist/{name} is not in the manifest"
