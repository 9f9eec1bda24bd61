from __future__ import annotations

import pytest

from psa.tasks import serves_studies


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("celery -A config worker --queues psa --concurrency 2", True),
        ("celery -A config worker --queues=default,psa", True),
        ("celery -A config worker -Q psa", True),
        ("celery -A config worker --queues default --hostname psa@host", False),
        ("celery -A config worker", False),
    ],
)
def test_only_workers_of_the_queue_of_studies_load_the_solvers(
    arguments: str, expected: bool
) -> None:
    assert serves_studies(arguments.split()) is expected
