"""The whole machine: trading, deciding, noticing and offering, in a market that has begun."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.machine.deciding import DECIDING, Deciding
from tests.machine.noticing import NOTICING, Noticing, notices
from tests.machine.offering import OFFERING, Offering
from tests.machine.trading import TRADING, Trading, trades
from wsc.states import AreaRule


class TradingMachine(Trading, Deciding, Noticing, Offering):
    @initialize(
        notice=notices(),
        automatic=st.booleans(),
        area_rule=st.sampled_from(AreaRule.values),
        begun=st.lists(trades(), min_size=1, max_size=3),
    )
    def open_the_market(
        self,
        notice: dict[str, Any],
        automatic: bool,
        area_rule: str,
        begun: list[dict[str, Any]],
    ) -> None:
        """A second buyer, the network operator's way to decide, and some trades."""
        self.set_policy(automatic=automatic, area_rule=area_rule, alone=True)
        self.bring_forward(notice)
        for trade in begun:
            self.trade(trade)

    @rule(move=st.one_of(*TRADING, *DECIDING, *NOTICING, *OFFERING))
    def step(self, move: tuple[str, dict[str, Any]]) -> None:
        name, arguments = move
        getattr(self, name)(**arguments)
