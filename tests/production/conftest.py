from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes import Product, production


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A set-up that is migrated and has its assets, as the image and ``migrate`` leave it."""
    with production(tmp_path_factory.mktemp("production")) as product:
        for done in (
            product.run("migrate"),
            product.manage("collectstatic", "--noinput", "-v", "0"),
        ):
            assert done.returncode == 0, done.stderr
        yield product
