"""The market of ``tests.nmf.world``, and a manager of its network operator."""

from __future__ import annotations

import pytest

from core.journal import Actor
from tests.nmf.world import World, make_manager, make_world


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def dso(world: World) -> Actor:
    return make_manager()
