"""Three peers do whatever they like, and the market stays what the domain says it is.

``MACHINE_EXAMPLES`` and ``MACHINE_STEPS`` go deeper; then each run draws other examples (repeat
one with ``--hypothesis-seed``).
"""

from __future__ import annotations

import os
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from psa import running
from tests.machine.bench import Network, Tally
from tests.machine.machine import TradingMachine
from tests.machine.world import make_world

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))
SHRINK = os.environ.get("MACHINE_SHRINK", "1") == "1"
STEPS = int(os.environ.get("MACHINE_STEPS", "25"))
SERVICES = 25  # that the machine calls


@pytest.mark.django_db
@pytest.mark.timeout(0 if EXAMPLES else 900)
def test_whatever_peers_try_the_market_keeps_the_domains_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, network, tally = make_world(), Network(), Tally()
    monkeypatch.setattr(running, "solve", network.solve)  # the engine's border

    run_state_machine_as_test(
        partial(TradingMachine, world, network, tally),  # type: ignore[arg-type]  # or a factory
        settings=settings(
            max_examples=EXAMPLES or 40,
            stateful_step_count=STEPS,
            derandomize=not EXAMPLES,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink) if SHRINK else (Phase.generate,),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    done = {name for name, outcome in tally if outcome == "done"}
    assert len(done) > SERVICES * 3 / 5, done  # what is never reached proves nothing
