from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.processes import FILLED_IN, Product
from tools.places import ROOT

GUIDE = ROOT / "docs" / "operators-guide.md"
REQUIRED = [*FILLED_IN, "EMAIL_URL"]


def config(env_file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker-compose", "--env-file", str(env_file), "config", "--quiet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.needs_compose
def test_the_composition_is_valid_and_asks_for_what_it_cannot_guess(tmp_path: Path) -> None:
    filled_in = {**FILLED_IN, "EMAIL_URL": "smtp://mail:25"}
    env_file = tmp_path / "env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in filled_in.items()))
    valid = config(env_file)
    env_file.write_text("".join(f"{name}={filled_in[name]}\n" for name in REQUIRED[1:]))

    refused = config(env_file)

    assert (valid.returncode, valid.stderr) == (0, "")
    assert refused.returncode != 0
    assert "set it in .env" in refused.stderr


def test_the_example_names_every_variable_of_the_composition() -> None:
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))

    named = set(re.findall(r"^#? ?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert named == used


def test_the_operators_guide_tells_of_every_variable_that_is_read() -> None:
    read = {
        name
        for source in ("config/settings.py", "psa/engine/batch.py")
        for name in re.findall(
            r'env(?:iron\.get|\.\w+)\(\s*"([A-Z_]+)"', (ROOT / source).read_text()
        )
    }

    told = set(re.findall(r"^\| `([A-Z_]+)`", GUIDE.read_text(), re.MULTILINE))

    assert told == read


@pytest.mark.slow
@pytest.mark.needs_redis_server
@pytest.mark.xdist_group("production")
def test_the_deployment_check_finds_nothing(product: Product) -> None:
    done = product.manage("check", "--deploy", "--database", "default")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "System check identified no issues (0 silenced).\n"
