"""What production refuses to start with is told in one sentence, whatever is started."""

from __future__ import annotations

import subprocess

import pytest

from tests.processes import Product

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_redis_server,
    pytest.mark.xdist_group("production"),
]

CHECK = "check --deploy"
STARTED = ["web", "relay", "worker-default", "beat", "migrate", CHECK]  # both workers are alike
DEMO_USER = """
from participants.models import User
User.objects.create(email="somebody@demo.example", is_demo=True)
"""


def start(product: Product, name: str) -> subprocess.CompletedProcess[str]:
    return product.manage(*name.split()) if name == CHECK else product.run(name)


def is_refused(done: subprocess.CompletedProcess[str], sentence: str) -> bool:
    said = done.stdout + done.stderr
    return done.returncode != 0 and said.count(sentence) == 1 and "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("SECRET_KEY", "SECRET_KEY is not set. Give the environment a long random one"),
        ("ALLOWED_HOSTS", "ALLOWED_HOSTS is not set. Name the hosts"),
    ],
)
def test_nothing_starts_without(product: Product, name: str, sentence: str) -> None:
    product.changes[name] = ""
    try:
        for each in STARTED:
            done = start(product, each)

            assert is_refused(done, sentence), f"{each}: {done}"
    finally:
        del product.changes[name]


def test_nothing_starts_on_a_database_with_a_user_of_the_demo(product: Product) -> None:
    made = product.manage("shell", "--command", DEMO_USER)
    assert made.returncode == 0, made.stderr

    try:
        for each in STARTED:
            done = start(product, each)

            sentence = "The database holds a user of the demo, whose passwords are public."
            assert is_refused(done, sentence), f"{each}: {done}"
    finally:
        gone = DEMO_USER.replace("create", "filter").replace("True)", "True).delete()")
        assert product.manage("shell", "--command", gone).returncode == 0
