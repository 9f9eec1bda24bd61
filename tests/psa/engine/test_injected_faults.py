"""Faults injected where the engine meets its solvers, its store and its inputs: never a wrong pass.

Each kind of fault is drawn many times, at random places of studies whose answers are known from
undisturbed runs: of two that pass and two that fail, without and with a generator that holds its
voltage, and one that runs on pandapower. An ordinary run takes a few draws of each kind; ``-m
exhaustive`` the whole number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import pytest
from power_grid_model.errors import PowerGridError  # type: ignore[attr-defined]  # a re-export

from psa.engine.case import Answer, Options, Outcome, Study
from psa.engine.compile import Compiled
from psa.engine.network import load
from psa.engine.quiet import ControllerNotConverged, pp
from psa.engine.store import store
from psa.engine.study import answer
from tests.psa.engine import nets
from tests.psa.engine.nets import profile, rights, site

FEW, ALL = 4, 32
COMPILED = ("passes", "fails", "passes, held", "fails, held")
STUDIES = (*COMPILED, "on pandapower")
# No answer: for the engineers, whatever the policy.
OPEN = {Outcome.ENGINE_ERROR, Outcome.NOT_CONVERGED, Outcome.NO_FORECAST}
Random = np.random.Generator
Harm = Callable[[Any, Random], Any]


@cache
def asked(name: str) -> Study:
    """A buyer behind a feeder's line and a seller nearer the source."""
    slow = name == "on pandapower"
    count, kw = 1 if slow else 2, 60.0 if name.startswith("passes") else 6000.0
    net = nets.feeder(length_km=4.5)
    if slow:
        net = nets.held_within_limits()
    elif name.endswith("held"):
        net = nets.held_voltage()
    buyer = site(
        "b",
        "End 2",
        profile(150, 0, count),
        before=rights(200, count=count),
        after=rights(200, bought=kw, count=count),
    )
    seller = site(
        "s",
        "End 1",
        profile(90, 0, count),
        before=rights(100, count=count),
        after=rights(100, sold=60, count=count),
    )
    return nets.study(
        net,
        (buyer, seller),
        studied_kw=kw,
        count=count,
        background={"End 1": profile(0, 400, count), "End 2": profile(100, 0, count)},
        options=Options(
            find_largest=name.startswith("fails"),
            ladder_steps=3,
            loading_fail_percent=20.0 if slow or name == "fails, held" else 100.0,
        ),
    )


@cache
def truth(name: str) -> Answer:
    store.clear()
    return answer(asked(name))


def test_the_undisturbed_answers_are_what_the_faults_are_held_against() -> None:
    outcomes = {name: truth(name).outcome for name in STUDIES}

    assert outcomes == {name: name[:4] for name in COMPILED} | {"on pandapower": "fail"}
    assert not any(truth(name).bases[0].fallback_reason for name in COMPILED)
    assert truth("on pandapower").bases[0].fallback_reason != ""


def model_of(name: str) -> Compiled:
    [model] = load(asked(name).network).compiled["models"].values()
    assert isinstance(model, Compiled)
    return model


class Harmed:
    """A solver's object of which one method goes wrong: once, or from some call on."""

    def __init__(self, sound: Any, method: str, harm: Harm, random: Random) -> None:
        self.sound, self.method, self.harm, self.random = sound, method, harm, random
        self.first, self.once, self.calls = int(random.integers(1, 6)), random.random() < 0.3, 0

    def __getattr__(self, name: str) -> Any:
        if name != self.method:
            return getattr(self.sound, name)
        return self._call

    def _call(self, *given: Any, **named: Any) -> Any:
        self.calls += 1
        due = self.calls == self.first if self.once else self.calls >= self.first
        found = getattr(self.sound, self.method)(*given, **named)
        return self.harm(found, self.random) if due else found


def raises(*kinds: type[Exception]) -> Harm:
    def harm(_found: Any, random: Random) -> Any:
        raise kinds[int(random.integers(len(kinds)))]("injected")

    return harm


def somewhere(value: float) -> Harm:
    def harm(found: Any, random: Random) -> Any:
        flat = found.reshape(-1)
        flat[random.integers(flat.size, size=1 + flat.size // 4)] = value
        return found

    return harm


def in_one_row(found: Any, random: Random) -> Any:
    """Rubbish for one half-hour of the batch; its neighbours are sound."""
    by_row = found.reshape(len(found), -1)
    by_row[:, random.integers(by_row.shape[1])] = random.normal(size=len(found))
    return found


FACTORS: dict[str, Harm] = {
    "factors raise": raises(RuntimeError, MemoryError, ValueError, FloatingPointError),
    "factors give NaN": somewhere(np.nan),
    "factors give infinity": somewhere(np.inf),
    "factors give zero": somewhere(0.0),
    "factors give what is too small": lambda found, random: found * random.uniform(0.0, 0.98),
    "factors give another sign": lambda found, _random: -found,
    "factors give another node's": lambda found, _random: np.ascontiguousarray(found[::-1]),
    "factors spoil one half-hour": in_one_row,
}


@contextmanager
def harmed_factors(name: str, harm: Harm, random: Random) -> Iterator[None]:
    currents = model_of(name).currents
    sound = currents.factors
    currents.factors = Harmed(sound, "solve", harm, random)
    try:
        yield
    finally:
        currents.factors = sound


def rubbish(found: Any, random: Random) -> Any:
    for node in found.values():
        node["u_pu"] = random.choice([9e-273, 0.0, 0.97, 1.0, 1e6], size=node["u_pu"].shape)
    return found


def without_numbers(found: Any, random: Random) -> Any:
    for node in found.values():
        node["u_pu"][random.integers(len(node["u_pu"]))] = np.nan
    return found


NEWTON: dict[str, Harm] = {
    "Newton raises": raises(PowerGridError, RuntimeError, MemoryError),
    "Newton gives NaN": without_numbers,
    "Newton gives rubbish": rubbish,
}


@contextmanager
def harmed_newton(name: str, harm: Harm, random: Random) -> Iterator[None]:
    """Nothing settles, so that Newton's method is asked; and that goes wrong."""
    model = model_of(name)
    sound = model.newton
    newton = Harmed(sound, "calculate_power_flow", harm, random)
    newton.first, newton.once = 1, False
    object.__setattr__(model, "newton", newton)
    try:
        with harmed_factors(name, somewhere(np.nan), random):
            yield
    finally:
        object.__setattr__(model, "newton", sound)


def stored(harm: Callable[[Any, Random], None]) -> Callable[..., Any]:
    """What was kept by the undisturbed run is harmed before it is used again."""

    @contextmanager
    def harmed(name: str, random: Random) -> Iterator[None]:
        answer(asked(name))
        for key in list(store.rows):
            if random.random() < 0.7:
                harm(key, random)
        yield

    return harmed


def spoil_values(key: bytes, random: Random) -> None:
    (values, _, _), _ = store.rows[key]
    values[random.random(len(values)) < 0.6] = random.choice([np.nan, 0.0, 1.0, -np.inf])


def flip_a_bit(key: bytes, random: Random) -> None:
    (values, _, _), _ = store.rows[key]
    values.view(np.uint8)[random.integers(values.nbytes)] ^= 1 << int(random.integers(8))


def swap_rows(key: bytes, random: Random) -> None:
    other = list(store.rows)[int(random.integers(len(store.rows)))]
    store.rows[key], store.rows[other] = store.rows[other], store.rows[key]


def call_it_good(key: bytes, random: Random) -> None:
    (values, good, taps), checksum = store.rows[key]
    store.rows[key] = ((values[: random.integers(len(values))], not good, taps), checksum)


STORE: dict[str, Callable[[bytes, Random], None]] = {
    "kept rows are overwritten": spoil_values,
    "kept rows have a wrong bit": flip_a_bit,
    "kept rows are each other's": swap_rows,
    "kept rows are cut short": call_it_good,
}


def blackout(net: Any, random: Random) -> None:
    net.res_bus.loc[random.choice(net.bus.index), "vm_pu"] = np.nan


def unconverged(net: Any, _random: Random) -> None:
    net.converged = False


def fails(*kinds: Callable[[str], BaseException]) -> Callable[[Any, Random], None]:
    def harm(_net: Any, random: Random) -> None:
        raise kinds[int(random.integers(len(kinds)))]("injected")

    return harm


RUNPP: dict[str, Callable[[Any, Random], None]] = {
    "pandapower raises": fails(
        pp.LoadflowNotConverged, ControllerNotConverged, RuntimeError, MemoryError, UserWarning
    ),
    "pandapower has no number for a bus with supply": blackout,
    "pandapower has not converged and says nothing": unconverged,
}


@contextmanager
def harmed_runpp(
    harm: Callable[[Any, Random], None], random: Random, patch: pytest.MonkeyPatch
) -> Iterator[None]:
    sound = pp.runpp

    def runpp(net: Any, **options: Any) -> None:
        sound(net, **options)
        if random.random() < 0.6:
            harm(net, random)

    with patch.context() as patched:
        patched.setattr(pp, "runpp", runpp)
        yield


def cells(study: Study) -> list[np.ndarray[Any, Any]]:
    profiles = [*study.background.values(), *(one.forecast for one in study.sites)]
    found = [series for one in profiles for series in (one.export_kw, one.import_kw)]
    for one in study.sites:
        for held in (one.export_before, one.export_after):
            assert held is not None
            found += [held.agreed, held.ceiling, held.bought, held.sold]
    return found


@contextmanager
def one_cell(study: Study, value: float, random: Random) -> Iterator[None]:
    choice = cells(study)
    series = choice[int(random.integers(len(choice)))]
    at = int(random.integers(len(series)))
    was = series[at]
    series[at] = value
    try:
        yield
    finally:
        series[at] = was


INPUTS: dict[str, float] = {
    "an input is NaN": np.nan,
    "an input is infinite": np.inf,
    "an input is minus infinite": -np.inf,
}
KINDS = [*FACTORS, *NEWTON, *STORE, *RUNPP, *INPUTS]


@contextmanager
def injected(
    kind: str, name: str, study: Study, random: Random, patch: pytest.MonkeyPatch
) -> Iterator[None]:
    if kind in FACTORS:
        with harmed_factors(name, FACTORS[kind], random):
            yield
    elif kind in NEWTON:
        with harmed_newton(name, NEWTON[kind], random):
            yield
    elif kind in STORE:
        with stored(STORE[kind])(name, random):
            yield
    elif kind in RUNPP:
        with harmed_runpp(RUNPP[kind], random, patch):
            yield
    else:
        with one_cell(study, INPUTS[kind], random):
            yield


def studies_for(kind: str) -> tuple[str, ...]:
    if kind in NEWTON:
        return COMPILED[:2]
    if kind in FACTORS:
        return COMPILED
    return STUDIES[-1:] if kind in RUNPP else STUDIES


def under(study: Study) -> Answer | None:
    """Answer a study; an exception is no answer, as ``psa.running`` has it."""
    try:
        return answer(study)
    except Exception:  # noqa: BLE001  # whatever is raised
        return None


def hold_against(found: Answer | None, known: Answer) -> None:
    if found is None or found.outcome in OPEN:
        return
    if found.outcome is Outcome.PASS:
        assert known.outcome is Outcome.PASS
    if found.outcome is not known.outcome:  # refused: only where the solver was heard to fail
        assert any(basis.collapsed for basis in found.bases)
        return
    for basis, sound in zip(found.bases, known.bases, strict=True):
        if basis.worst is not None and sound.worst is not None and not basis.collapsed:
            assert basis.worst.value == pytest.approx(sound.worst.value, abs=2e-3)


@pytest.mark.parametrize(
    "draws",
    [pytest.param(FEW, id="few"), pytest.param(ALL, id="all", marks=pytest.mark.exhaustive)],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_never_makes_a_wrong_pass(
    kind: str, draws: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for draw in range(draws):
        random = np.random.default_rng([draw, KINDS.index(kind)])
        name = studies_for(kind)[draw % len(studies_for(kind))]
        study, known = asked(name), truth(name)
        store.clear()

        with injected(kind, name, study, random, monkeypatch):
            found = under(study)

        hold_against(found, known)
        if kind in INPUTS:
            assert found is not None
            assert found.outcome is Outcome.ENGINE_ERROR
        if kind in STORE:
            assert found == known
        if kind not in RUNPP:
            store.clear()
            assert answer(study).outcome is known.outcome  # nothing of the fault is left


@pytest.mark.parametrize("kw", [0.0, 60.0, 6000.0])
def test_zero_capacity_before_is_no_division_and_its_answer_is_pandapowers(kw: float) -> None:
    study = nets.study(
        nets.feeder(length_km=4.5),
        (
            site("b", "End 2", profile(150, 90), before=rights(0), after=rights(0, bought=kw)),
            site("s", "End 1", profile(90, 0), before=rights(0), after=rights(0, sold=kw)),
        ),
        studied_kw=kw,
        options=Options(find_largest=False),
    )

    quick, slow = answer(study), answer(study, reference=True)

    assert quick.outcome is slow.outcome
    assert quick.outcome is (Outcome.FAIL if kw > 100 else Outcome.PASS)
    undefined = {key for basis in quick.bases for key in basis.ratio_undefined}
    assert undefined == ({"b", "s"} if kw else set())


def test_a_row_that_was_spoilt_in_the_store_is_solved_again() -> None:
    study, known = asked("passes"), truth("passes")
    store.clear()
    answer(study)
    kept = len(store.rows)
    for key in store.rows:
        spoil_values(key, np.random.default_rng(1))

    assert answer(study) == known
    assert len(store.rows) == kept
    assert store.bytes == sum(row[0].nbytes + 300 for row, _ in store.rows.values())


def test_a_study_of_a_network_changed_by_one_byte_is_another_study() -> None:
    study = asked("fails")
    text = study.network
    assert load(text) is load(text)
    assert load(text) is not load(text + " ")
    assert answer(dataclasses.replace(study, network=text[:-40])).outcome is Outcome.ENGINE_ERROR
