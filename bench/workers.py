"""What a second study worker brings. Run: ``python bench/workers.py``.

The production set-up of docker-compose.yml, by its own commands, on a database and a Redis of its
own: relay, and one ``worker-psa`` of one process, then two. Each time 200 contract studies of a
week (336 half-hours, 179 buses) are asked for at once, area by area, in 20 study areas; the
baseline is the one worker. Prints the time until the last answer is recorded, studies a second,
the ratio, and how long a study takes from its claim to its answer; then one line of JSON.

``python bench/workers.py large`` does one round of four studies, by one worker, on SimBench's
largest model (10,458 buses): how long a study of that size takes from its claim to its answer.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("TESTING", "1")

import django  # noqa: E402  (the path is set just above)

LARGE = "large" in sys.argv[1:]
AREAS, STUDIES_AN_AREA, DAYS = (1, 4, 7) if LARGE else (20, 10, 7)
LONGEST_S = 900


@dataclass
class Measured:
    """One round, with a number of workers."""

    workers: int
    studies: int
    wall_s: float
    claim_to_answer_median_s: float
    claim_to_answer_p95_s: float


def main() -> None:
    if "lay" in sys.argv[1:]:
        return lay()
    if "ask" in sys.argv[1:]:
        return ask()
    django.setup()
    rows = [measure(1)] if LARGE else [measure(1), measure(2)]
    print(f"{'workers':>8} {'wall s':>8} {'studies/s':>10} {'median s':>9} {'95 % s':>8}")
    for row in rows:
        print(
            f"{row.workers:>8} {row.wall_s:>8.1f} {row.studies / row.wall_s:>10.1f} "
            f"{row.claim_to_answer_median_s:>9.2f} {row.claim_to_answer_p95_s:>8.2f}"
        )
    result: dict[str, Any] = {"bench": "workers", "large": LARGE}
    result["rows"] = [asdict(row) for row in rows]
    if not LARGE:
        result["ratio"] = round(rows[0].wall_s / rows[1].wall_s, 3)
        print(f"two workers against one: {result['ratio']:.2f}x")
    print(json.dumps(result))
    return None


def measure(workers: int) -> Measured:
    """Time a round in a fresh set-up."""
    from tests.processes import production

    with tempfile.TemporaryDirectory() as home, production(Path(home), prefix="bench") as product:
        product.services |= {f"worker-psa-{n}": _numbered(product, n) for n in range(workers)}
        _done(product.run("migrate"))
        size = ["large"] if LARGE else []
        _done(product.python(__file__, "lay", *size))
        names = [f"worker-psa-{n}" for n in range(workers)]
        product.start("relay", *names)
        _done(product.python(__file__, "ask", *size))
        product.wait_until(
            lambda: _answered(product) == AREAS * STUDIES_AN_AREA,
            "every study has an answer",
            within_s=LONGEST_S,
        )
        spent = _rows(
            product,
            "SELECT extract(epoch FROM finished_at - started_at)::float FROM psa_study ORDER BY 1",
        )
        [(wall,)] = _rows(
            product,
            "SELECT extract(epoch FROM max(finished_at) - min(started_at))::float FROM psa_study",
        )
        states = _rows(product, "SELECT DISTINCT state FROM psa_study")
        assert states == [("PASSED",)], states
    seconds = [each for (each,) in spent]
    return Measured(
        workers=workers,
        studies=len(seconds),
        wall_s=round(wall, 3),
        claim_to_answer_median_s=round(statistics.median(seconds), 3),
        claim_to_answer_p95_s=round(seconds[int(len(seconds) * 0.95)], 3),
    )


def lay() -> None:
    """Publish the areas' networks and forecasts (in the set-up's own environment)."""
    django.setup()
    from connections.models import Area
    from core.journal import SYSTEM
    from psa import services as psa
    from psa.queries import warnings_digest
    from psa.running import check_model
    from tests.psa.world import AT, DAY, FIRST_DAY, make_site

    text, buses = network()
    for number in range(AREAS):
        area = Area.objects.create(name=f"Area {number}", kind="BSP", studied=True)
        primary = Area.objects.create(
            name=f"Primary {number}", kind="PRIMARY", parent=area, tradable=True
        )
        sites = [make_site(primary, f"Site {number} {bus}", bus=bus, mec_kva=600) for bus in buses]
        model = psa.import_network_model(
            area_id=area.pk, name="Published", network=text, actor=SYSTEM, at=AT
        )
        check_model(model_id=model.pk)
        model.refresh_from_db()
        if not LARGE:
            psa.accept_warnings(  # Oberrhein comes in two parts
                model_id=model.pk,
                digest=warnings_digest(model),
                reason="A benchmark.",
                actor=SYSTEM,
                at=AT,
            )
        psa.publish_network_model(model_id=model.pk, actor=SYSTEM, at=AT)
        psa.publish_forecast(
            area_id=area.pk,
            kind="OPERATIONAL",
            source="bench",
            rows=[
                psa.ForecastRow(
                    starts_at=FIRST_DAY + n * DAY,
                    site_id=site.pk,
                    export_kw=[100.0 + (7 * number + 3 * at) % 50 for at in range(48)],
                    import_kw=[5.0 + at for at in range(48)],
                )
                for n in range(DAYS)
                for site in sites
            ],
            actor=SYSTEM,
            at=AT,
        )


def ask() -> None:
    """Ask for every study in one transaction (in the set-up's own environment)."""
    django.setup()
    from django.db import transaction

    from connections.models import Area, Site
    from core import clock
    from core.journal import SYSTEM
    from core.periods import HALF_HOUR
    from psa import services as psa
    from psa.questions import Question, trade
    from tests.psa.world import DAY, FIRST_DAY

    half_hours = [FIRST_DAY + n * HALF_HOUR for n in range(DAYS * (DAY // HALF_HOUR))]
    with transaction.atomic():
        for area in Area.objects.filter(studied=True):
            seller, buyer = Site.objects.filter(area__parent=area).order_by("pk")
            for number in range(STUDIES_AN_AREA):
                changes = trade(
                    seller_site_id=seller.pk,
                    buyer_site_id=buyer.pk,
                    direction="EXPORT",
                    sold_kw=10.0 + number,
                    bought_kw=10.0 + number,
                    half_hours=half_hours,
                )
                psa.request_study(
                    area_id=area.pk,
                    kind="CONTRACT",
                    reference=uuid4(),
                    question=Question(direction="EXPORT", changes=changes),
                    actor=SYSTEM,
                    at=clock.now(),
                )


def network() -> tuple[str, list[str]]:
    """Return a published network without its loads, and the names of two of its buses."""
    import pandapower.networks as published
    import simbench

    from psa.engine.quiet import pp, quietly

    with quietly():
        if LARGE:
            net = simbench.get_simbench_net("1-MVLV-urban-all-0-sw")
        else:
            net = published.mv_oberrhein()
        net.load, net.sgen = net.load.iloc[0:0], net.sgen.iloc[0:0]
        net.bus["name"] = [f"Bus {index}" for index in net.bus.index]
        net.profiles = {}
        ends = net.line["to_bus"]
        middle = ends[net.bus["vn_kv"].loc[ends].between(5, 30).to_numpy()]
        fed = [f"Bus {index}" for index in middle.iloc[[10, 60]]]
        text: str = pp.to_json(net)
    return text, fed


def _numbered(product: Any, number: int) -> dict[str, Any]:
    """Give a worker of the composition one process, and a name of its own."""
    text = json.dumps(product.services["worker-psa"])
    text = text.replace("psa@", f"psa{number}@").replace("--concurrency 2", "--concurrency 1")
    service: dict[str, Any] = json.loads(text)
    return service


def _done(done: Any) -> None:
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def _answered(product: Any) -> int:
    [(count,)] = _rows(product, "SELECT count(*) FROM psa_study WHERE finished_at IS NOT NULL")
    return int(count)


def _rows(product: Any, query: str) -> list[tuple[Any, ...]]:
    import psycopg2

    link = psycopg2.connect(product.database_url)
    try:
        with link.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())
    finally:
        link.close()


if __name__ == "__main__":
    main()
