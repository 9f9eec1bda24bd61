"""How fast and how true the power-flow engine is. Run: ``python bench/psa.py``.

One week of half-hours (336) at random injections, per network, on all of this machine's cores:

* a plain ``runpp`` loop (with ``run_control`` where the model has tap controllers): a sample of
  the half-hours, scaled to all of them;
* ``run_timeseries`` with its own recycling: all half-hours where that takes seconds, else a
  sample, scaled; it logs the same voltages and loadings as ours;
* our batch, all half-hours, with every voltage and loading read out: the median of five, on all
  cores ("batch") and on one ("one core").

The largest differences are against the sampled ``runpp``. A study is a contract on three bases
from text to answer, nothing cached but the compiled network. N-1 is the batch with each of 30 lines
out of service in turn, from the compiled network on, as a ratio to the batch. "MB" is the most
memory of a process of its own that answers the study, as a worker would. numba is not used. Prints
a table, then one line of JSON; with ``--profile`` also where a study's time goes, on one core.
"""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import os
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

# Studies on all cores; on one where a profile is wanted, which cannot look into threads.
os.environ.setdefault("PSA_THREADS", "1" if "--profile" in sys.argv else "0")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from psa.engine import network as networks  # noqa: E402  (the path is set just above)
from psa.engine.batch import BatchSolver  # noqa: E402
from psa.engine.case import Options, Profile, Rights, Study, StudySite  # noqa: E402
from psa.engine.limits import watch  # noqa: E402
from psa.engine.quiet import pp, quietly  # noqa: E402
from psa.engine.store import store  # noqa: E402
from psa.engine.study import answer  # noqa: E402

PERIODS = 336
SAMPLES = 8  # half-hours of the runpp loop
SERIES_SAMPLE = 12  # steps of run_timeseries on the largest network
LARGE = 2000  # buses
OUTAGES = 30
PROFILED = 14  # functions
TRIAL = ROOT / "data" / "trial" / "network.json"


@dataclass
class Measured:
    """One network's row of the table."""

    name: str
    buses: int
    periods: int
    ratio_run_timeseries: float
    ratio_runpp_loop: float
    max_dv_pu: float
    max_dloading_pct: float
    peak_mb: float
    batch_s: float
    batch_one_core_s: float
    runpp_loop_s: float
    run_timeseries_s: float
    compile_s: float
    study_s: float
    study_again_s: float
    ratio_n_minus_1: float


def main() -> None:
    """Measure each network and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="network", help=", ".join(SOURCES))
    parser.add_argument("--profile", action="store_true", help="tell where a study's time goes")
    parser.add_argument("--memory", metavar="FILE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory:
        answer(question(Path(given.memory).read_text(encoding="utf-8"), 20.0))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    chosen = given.names or list(SOURCES)
    measured = []
    print(
        f"{'network':32}{'buses':>7}{'batch':>9}{'one core':>10}{'runpp loop*':>13}"
        f"{'timeseries':>12}{'x loop':>8}{'x series':>10}{'|dV| pu':>10}"
        f"{'|dI| %':>10}{'study':>9}{'again':>8}{'x N-1':>8}{'MB':>7}"
    )
    for name in chosen:
        if name == "trial" and not TRIAL.exists():
            continue
        row = measure(name)
        measured.append(row)
        print(
            f"{row.name:32}{row.buses:7}{row.batch_s:8.3f}s{row.batch_one_core_s:9.3f}s{row.runpp_loop_s:12.1f}s"
            f"{row.run_timeseries_s:11.1f}s{row.ratio_runpp_loop:8.0f}"
            f"{row.ratio_run_timeseries:10.0f}{row.max_dv_pu:10.1e}"
            f"{row.max_dloading_pct:10.1e}{row.study_s:8.2f}s{row.study_again_s:7.2f}s"
            f"{row.ratio_n_minus_1:8.1f}{row.peak_mb:7.0f}",
            flush=True,
        )
        if given.profile:
            profile(name)
    print(
        f"* {SAMPLES} of {PERIODS} half-hours, scaled; run_timeseries above {LARGE} buses: "
        f"{SERIES_SAMPLE} steps, scaled"
    )
    print(json.dumps({"networks": [asdict(row) for row in measured]}))


def measure(name: str) -> Measured:
    """Measure one network."""
    text = SOURCES[name]()
    network = networks.load(text)
    buses = list(network.injected)
    rows = np.array([network.position(bus) for bus in buses])
    kw, kvar = injections(text, network)
    watched = watch(network, Options())

    started = time.perf_counter()
    solver = BatchSolver(network, watched, threads=0)
    solver.solve(rows, kw[:1], kvar[:1])
    compile_s = time.perf_counter() - started
    solved, batch_s = timed(solver, rows, kw, kvar)
    _, one_core_s = timed(BatchSolver(network, watched, threads=1), rows, kw, kvar)
    if not solved.ok.all():
        raise SystemExit(f"{name}: a half-hour of the benchmark has no solution")

    loop_s, dv, dloading = runpp_loop(text, rows, kw, kvar, watched, solved.values)
    series_s = timeseries(text, rows, kw, kvar)
    study_s, again_s = studies(text)
    outages_s = n_minus_1(network, watched, rows, kw, kvar)
    return Measured(
        name=name,
        buses=len(network.net.bus),
        periods=PERIODS,
        ratio_run_timeseries=round(series_s / batch_s, 1),
        ratio_runpp_loop=round(loop_s / batch_s, 1),
        max_dv_pu=dv,
        max_dloading_pct=dloading,
        peak_mb=peak_mb(text),
        batch_s=round(batch_s, 4),
        batch_one_core_s=round(one_core_s, 4),
        runpp_loop_s=round(loop_s, 2),
        run_timeseries_s=round(series_s, 2),
        compile_s=round(compile_s, 3),
        study_s=round(study_s, 3),
        study_again_s=round(again_s, 3),
        ratio_n_minus_1=round(outages_s / batch_s, 1),
    )


def timed(solver: BatchSolver, rows: Any, kw: Any, kvar: Any) -> tuple[Any, float]:
    """Solve all half-hours five times: the results, and the median of the seconds."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        solved = solver.solve(rows, kw, kvar)
        times.append(time.perf_counter() - started)
    return solved, statistics.median(times)


def injections(text: str, network: networks.Network, periods: int = PERIODS) -> tuple[Any, Any]:
    """Draw random loads about the model's own, (periods, buses) kW and kVAr."""
    random = np.random.default_rng(42)
    with quietly():
        net = pp.from_json_string(text)
    own = np.zeros(len(net.bus))
    place = {index: row for row, index in enumerate(net.bus.index)}
    for table, share in (("load", 1.0), ("sgen", -0.5)):
        rows = net[table][net[table]["in_service"]]
        for bus, p_mw in zip(rows["bus"], rows["p_mw"], strict=True):
            own[place[bus]] += share * p_mw * 1e3
    own = own[[network.position(bus) for bus in network.injected]]
    day = 0.65 - 0.35 * np.cos(np.arange(periods) / 48 * 2 * np.pi)
    kw = own * day[:, None] * random.uniform(0.6, 1.2, (periods, len(own)))
    return kw, np.abs(kw) * random.uniform(0.1, 0.3, kw.shape)


def bare(text: str, rows: Any) -> Any:
    """Give the model with one load at each studied bus in place of its own."""
    with quietly():
        net = pp.from_json_string(text)
        for table in networks.INJECTION_TABLES:
            net[table] = net[table].iloc[0:0]
        if "profiles" in net:
            net["profiles"] = {}
        pp.create_loads(net, net.bus.index.to_numpy()[rows], p_mw=0.0, q_mvar=0.0)
    return net


def runpp_loop(
    text: str, rows: Any, kw: Any, kvar: Any, watched: Any, ours: Any
) -> tuple[float, float, float]:
    """Solve a sample by ``runpp``: seconds scaled to all, largest differences of the results."""
    net = bare(text, rows)
    start = net.trafo["tap_pos"].to_numpy(copy=True)
    controlled = len(net.controller) > 0
    dv = dloading = 0.0
    spent = 0.0
    sample = np.linspace(0, PERIODS - 1, SAMPLES).astype(int)
    for number, at in enumerate([sample[0], *sample]):
        net.trafo["tap_pos"] = start.copy()
        net.load["p_mw"], net.load["q_mvar"] = kw[at] / 1e3, kvar[at] / 1e3
        began = time.perf_counter()
        with quietly():
            pp.runpp(net, numba=False, calculate_voltage_angles=True, run_control=controlled)
        spent += (time.perf_counter() - began) if number else 0.0  # the first warms up
        net.trafo["tap_pos"] = start.copy()
        with quietly():
            pp.runpp(
                net,
                numba=False,
                calculate_voltage_angles=True,
                tolerance_mva=1e-9,
                run_control=controlled,
            )
        theirs = net.res_bus["vm_pu"].to_numpy()[watched.bus_rows] * watched.bus_scale
        dv = max(dv, float(np.nanmax(np.abs(theirs - ours[at][: len(theirs)]))))
        loading = np.concatenate(
            [
                net.res_line["loading_percent"].to_numpy()[watched.line_rows],
                net.res_trafo["loading_percent"].to_numpy()[watched.trafo_rows],
                net.res_trafo3w["loading_percent"].to_numpy()[watched.trafo3w_rows],
            ]
        )
        mine = ours[at][len(theirs) : len(theirs) + len(loading)]
        dloading = max(dloading, float(np.max(np.abs(np.nan_to_num(loading) - mine))))
    return spent / SAMPLES * PERIODS, dv, dloading


def timeseries(text: str, rows: Any, kw: Any, kvar: Any) -> float:
    """Give the seconds of ``run_timeseries`` over all half-hours."""
    import pandas as pd
    from pandapower.control import ConstControl
    from pandapower.timeseries import DFData, OutputWriter, run_timeseries

    net = bare(text, rows)
    steps = PERIODS if len(net.bus) < LARGE else SERIES_SAMPLE
    with quietly(), tempfile.TemporaryDirectory() as folder:
        for variable, values in (("p_mw", kw), ("q_mvar", kvar)):
            ConstControl(
                net,
                element="load",
                variable=variable,
                element_index=list(net.load.index),
                profile_name=list(net.load.index),
                data_source=DFData(pd.DataFrame(values / 1e3, columns=net.load.index)),
            )
        writer = OutputWriter(net, range(steps), output_path=folder, output_file_type=".p")
        writer.log_variable("res_bus", "vm_pu")
        writer.log_variable("res_line", "loading_percent")
        writer.log_variable("res_trafo", "loading_percent")
        began = time.perf_counter()
        run_timeseries(
            net, time_steps=range(steps), verbose=False, numba=False, calculate_voltage_angles=True
        )
    return (time.perf_counter() - began) / steps * PERIODS


def n_minus_1(network: networks.Network, watched: Any, rows: Any, kw: Any, kvar: Any) -> float:
    """Give the seconds of all half-hours with each of some lines out of service in turn."""
    lines = np.flatnonzero(network.net.line["in_service"].to_numpy(bool))
    chosen = np.unique(lines[np.linspace(0, len(lines) - 1, OUTAGES).astype(int)])
    began = time.perf_counter()
    for line in chosen:
        solver = BatchSolver(network, watched, threads=0, lost=(("line", int(line)),))
        solver.solve(rows, kw, kvar)
    return (time.perf_counter() - began) * OUTAGES / len(chosen)


def peak_mb(text: str) -> float:
    """Give the most memory of a process that answers one study and does nothing else."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        command = [sys.executable, str(Path(__file__)), "--memory", file.name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def profile(name: str) -> None:
    """Print where the time of a study goes, the compiled network being there."""
    text = SOURCES[name]()
    asked = question(text, 20.0)
    answer(asked)
    store.clear()
    profiler = cProfile.Profile()
    profiler.enable()
    answer(asked)
    profiler.disable()
    told = io.StringIO()
    pstats.Stats(profiler, stream=told).sort_stats("tottime").print_stats(PROFILED)
    print("\n".join(line for line in told.getvalue().splitlines()[2:] if line))


def studies(text: str) -> tuple[float, float]:
    """Time a contract study, then a second one of the same week that shares its base case."""
    spent = []
    store.clear()
    for traded in (20.0, 25.0):
        asked = question(text, traded)
        began = time.perf_counter()
        answer(asked)
        spent.append(time.perf_counter() - began)
    store.clear()
    return spent[0], spent[1]


def question(text: str, traded: float) -> Study:
    """Ask for a contract of a week between the first and the last bus that draws or feeds."""
    network = networks.load(text)
    kw, _ = injections(text, network)
    half_hours = tuple(
        datetime(2021, 11, 15, tzinfo=UTC) + timedelta(minutes=30 * at) for at in range(PERIODS)
    )
    background = {
        bus: Profile(np.maximum(0.0, -kw[:, at]), np.maximum(0.0, kw[:, at]))
        for at, bus in enumerate(network.injected)
    }
    zero, first, last = np.zeros(PERIODS), network.injected[0], network.injected[-1]
    sites = (
        _site("buyer", last, zero + 30, _rights(zero, 50), _rights(zero, 50, bought=traded)),
        _site("seller", first, zero + 40, _rights(zero, 60), _rights(zero, 60, sold=traded)),
    )
    return Study(
        network=text,
        half_hours=half_hours,
        background=background,
        sites=sites,
        direction="EXPORT",
        studied_kw=traded,
    )


def _rights(zero: Any, agreed: float, *, bought: float = 0, sold: float = 0) -> Rights:
    return Rights(zero + agreed, zero + 1e6, zero + bought, zero + sold)


def _site(key: str, bus: str, export_kw: Any, before: Rights, after: Rights) -> StudySite:
    return StudySite(
        key=key,
        name=key,
        bus=bus,
        forecast=Profile(export_kw, np.zeros(PERIODS)),
        import_before=None,
        import_after=None,
        export_before=before,
        export_after=after,
        studied=True,
    )


def _as_text(make: Callable[[], Any]) -> str:
    with quietly():
        net = make()
        net.profiles = {}
        text: str = pp.to_json(net)
    return text


def _cigre() -> str:
    import pandapower.networks as published

    return _as_text(lambda: published.create_cigre_network_mv(with_der="pv_wind"))


def _oberrhein() -> str:
    import pandapower.networks as published

    return _as_text(published.mv_oberrhein)


def _simbench() -> str:
    import simbench

    return _as_text(lambda: simbench.get_simbench_net("1-MVLV-urban-all-0-sw"))


SOURCES: dict[str, Callable[[], str]] = {
    "cigre_mv_der": _cigre,
    "mv_oberrhein": _oberrhein,
    "trial": TRIAL.read_text,
    "simbench_1-MVLV-urban-all-0-sw": _simbench,
}


if __name__ == "__main__":
    main()
