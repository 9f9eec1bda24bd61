"""Load the trial's area, network, sites, agreements and forecasts, all through the services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from connections import services as connections
from connections.models import Agreement, Area, Site
from connections.states import CheckItem, Direction
from core import clock
from core.journal import Actor
from core.periods import local_midnight
from core.relay import drain
from data.trial import profiles, tables
from nmf import services as nmf
from nmf.models import MarketParameters
from participants.models import Organisation, TermsDocument
from participants.services import organisations
from participants.states import TermsKind
from psa import services as psa
from psa.models import ForecastVersion, NetworkModel
from psa.services import ForecastRow
from psa.states import ForecastKind, ModelState
from trial import people

FOLDER = Path(__file__).resolve().parent.parent / "data" / "trial"
FOUNDED_AT = datetime(2021, 9, 1, 9, tzinfo=UTC)
REGISTERED_AT = datetime(2021, 10, 4, 9, tzinfo=UTC)
TERMS = {
    TermsKind.PLATFORM: "Peers trade capacity on this platform under the network operator's "
    "approval. A contract takes force when the network operator has approved it.",
    TermsKind.TERMSHEET: "The seller gives up, and the buyer may use, the contracted capacity in "
    "the contracted half-hours. The buyer pays the agreed price for the capacity sold, whether or "
    "not it is used.",
}
WANTED = {"IMPORT": "import_kw", "EXPORT": "export_kw"}


def load() -> None:
    """Load what is not there yet. Each step is skipped where its result stands already."""
    with clock.frozen(FOUNDED_AT):
        people.ensure_dso(at=FOUNDED_AT)
        manager = people.actor_of(people.MANAGER)
        areas = _areas()
        _rules(manager)
        peers = {
            row["organisation"]: people.ensure_peer(row["organisation"], at=FOUNDED_AT)
            for row in tables.rows("organisations.csv")
        }
        _settings(peers)
        opt_in(list(peers.values()), at=FOUNDED_AT)
    with clock.frozen(REGISTERED_AT):
        _sites(areas, peers)
        _network(manager)
    for (first, after), name in ((profiles.WINTER, "winter"), (profiles.SUMMER, "summer")):
        _forecasts(first, after, source=f"Trial profiles, {name}", actor=manager)
    with clock.frozen(REGISTERED_AT):
        drain()


def study_area() -> Area:
    return Area.objects.get(studied=True)


def _areas() -> dict[str, Area]:
    found: dict[str, Area] = {}
    for row in tables.rows("areas.csv"):
        area, _ = Area.objects.get_or_create(
            name=row["area"],
            defaults={
                "kind": row["kind"],
                "parent": found.get(row["parent"]),
                "tradable": row["tradable"] == "yes",
                "studied": row["studied"] == "yes",
            },
        )
        found[area.name] = area
    return found


def _rules(manager: Actor) -> None:
    if not MarketParameters.objects.exists():
        nmf.publish_parameters(actor=manager, at=FOUNDED_AT)
    for kind, text in TERMS.items():
        if not TermsDocument.objects.filter(kind=kind).exists():
            organisations.publish_terms(kind=kind, text=text, actor=manager, at=FOUNDED_AT)


def _settings(peers: dict[str, Organisation]) -> None:
    for row in tables.rows("organisations.csv"):
        peer, may_buy = peers[row["organisation"]], row["initiates_buying"] == "yes"
        if peer.may_buy != may_buy:
            organisations.change_settings(
                organisation_id=peer.pk,
                may_initiate=True,
                may_buy=may_buy,
                confirm_above_gbp=None,
                actor=people.administrator_of(peer),
                at=FOUNDED_AT,
            )


def opt_in(peers: Sequence[Organisation], *, at: datetime) -> None:
    """Accept the terms for peers that have not accepted them."""
    for document in TermsDocument.objects.order_by("pk"):
        for peer in peers:
            if not document.acceptances.filter(organisation=peer).exists():
                organisations.accept_terms(
                    document_id=document.pk,
                    organisation_id=peer.pk,
                    actor=people.administrator_of(peer),
                    at=at,
                )


def _sites(areas: dict[str, Area], peers: dict[str, Organisation]) -> None:
    assets, agreements = tables.rows("assets.csv"), tables.rows("agreements.csv")
    for row in tables.rows("sites.csv"):
        if Site.objects.filter(name=row["site"]).exists():
            continue
        [agreement] = [each for each in agreements if each["site"] == row["site"]]
        site = add_site(
            row,
            organisation=peers[row["organisation"]],
            area=areas[row["area"]],
            assets=[each for each in assets if each["site"] == row["site"]],
            agreement=agreement,
            at=REGISTERED_AT,
        )
        register(site, at=REGISTERED_AT)


def add_site(
    row: dict[str, str],
    *,
    organisation: Organisation,
    area: Area,
    assets: list[dict[str, str]],
    agreement: dict[str, str],
    at: datetime,
) -> Site:
    """Make a site of rows like those of sites.csv, assets.csv, agreements.csv, with a signatory."""
    engineer = people.actor_of(people.ENGINEER)
    site = connections.create_site(
        organisation_id=organisation.pk,
        area_id=area.pk,
        name=row["site"],
        assets=[(each["technology"], Decimal(each["rated_kw"])) for each in assets],
        mpans=[
            (direction, row[f"{direction.lower()}_mpan"])
            for direction in Direction.values
            if row[f"{direction.lower()}_mpan"]
        ],
        postcode=row["postcode"],
        network_bus=row["network_bus"],
        latitude=Decimal(row["latitude"]),
        longitude=Decimal(row["longitude"]),
        actor=engineer,
        at=at,
    )
    _agree(site, agreement, engineer, at=at)
    connections.name_signatory(
        site_id=site.pk,
        user_id=people.administrator_of(organisation).person(),
        verified=True,
        actor=engineer,
        at=at,
    )
    return site


def _agree(site: Site, row: dict[str, str], engineer: Actor, *, at: datetime) -> Agreement:
    return connections.record_agreement(
        site_id=site.pk,
        starts_at=local_midnight(date.fromisoformat(row["starts_on"])),
        reference=row["reference"],
        kind=row["kind"],
        voltage_kv=Decimal(row["voltage_kv"]),
        mic_kva=_or_none(row["mic_kva"]),
        mec_kva=_or_none(row["mec_kva"]),
        import_power_factor=Decimal(row["import_power_factor"]),
        export_power_factor=Decimal(row["export_power_factor"]),
        max_installed_kva=Decimal(row["max_installed_kva"]),
        curtailable=row["curtailable"] == "yes",
        actor=engineer,
        at=at,
    )


def _or_none(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def register(site: Site, *, at: datetime) -> None:
    """Register a site to sell what it has, and to buy up to what its connection carries."""
    engineer, agreement = people.actor_of(people.ENGINEER), site.agreements.get()
    wanted: dict[str, Decimal | None] = {}
    for direction in Direction.values:
        agreed = agreement.agreed_kw(direction)
        name = WANTED[direction]
        wanted[f"sell_{name}"] = agreed or None
        wanted[f"buy_{name}"] = (
            None if agreed is None else (agreement.max_installed_kw(direction) - agreed) or None
        )
    trader = people.trader_of(site.organisation)
    registration = connections.start_registration(
        site_id=site.pk,
        months=list(range(1, 13)),
        weekdays=list(range(1, 8)),
        actor=trader,
        at=at,
        **wanted,
    )
    connections.submit_registration(registration_id=registration.pk, actor=trader, at=at)
    connections.record_checks(
        registration_id=registration.pk,
        found=dict.fromkeys(CheckItem, (True, "Laid with the trial")),
        actor=engineer,
        at=at,
    )
    connections.approve_registration(
        registration_id=registration.pk, maxima={}, actor=engineer, at=at
    )


def _network(manager: Actor) -> None:
    area = study_area()
    if NetworkModel.objects.filter(area=area, state=ModelState.PUBLISHED).exists():
        return
    model = psa.import_network_model(
        area_id=area.pk,
        name="Trial network",
        network=(FOLDER / "network.json").read_text(encoding="utf-8"),
        actor=manager,
        at=REGISTERED_AT,
    )
    drain()  # a worker checks it
    psa.publish_network_model(model_id=model.pk, actor=manager, at=REGISTERED_AT)


def _forecasts(first: date, after: date, *, source: str, actor: Actor) -> None:
    area = study_area()
    if ForecastVersion.objects.filter(area=area, source=source).exists():
        return
    issued_at = min(REGISTERED_AT, local_midnight(first))
    publish_forecasts(first, after, source=source, actor=actor, at=issued_at)


def publish_forecasts(
    first: date,
    after: date,
    *,
    source: str,
    actor: Actor,
    at: datetime,
    more_sites: Sequence[dict[str, str]] = (),
) -> ForecastVersion:
    """Publish the profiles of every site and bus from a UTC day to another, end excluded.

    ``more_sites``: rows like those of sites.csv; what else is at their buses is theirs alone then.
    """
    return psa.publish_forecast(
        area_id=study_area().pk,
        kind=ForecastKind.OPERATIONAL,
        source=source,
        rows=list(_rows(first, after, more_sites)),
        actor=actor,
        at=at,
    )


def _rows(first: date, after: date, more_sites: Sequence[dict[str, str]]) -> Iterator[ForecastRow]:
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    days = (after - first).days
    site_ids = dict(Site.objects.values_list("name", "pk"))
    for row in (*tables.rows("sites.csv"), *more_sites):
        series = profiles.site_forecast(row, start, days * 48)
        yield from _days(
            series,
            start,
            days,
            site_id=site_ids[row["site"]],
            export_power_factor=float(row["export_power_factor"]),
            import_power_factor=float(row["import_power_factor"]),
        )
    taken = {row["network_bus"] for row in more_sites}
    for row in tables.rows("background.csv"):
        if row["bus"] in taken:
            continue
        series = profiles.background_forecast(row, start, days * 48)
        yield from _days(
            series,
            start,
            days,
            bus=row["bus"],
            import_power_factor=float(row["power_factor"]),
        )


def _days(
    series: tuple[list[float], list[float]], start: datetime, days: int, **about: object
) -> Iterator[ForecastRow]:
    exports, imports = series
    for n in range(days):
        here = slice(n * 48, n * 48 + 48)
        yield ForecastRow(
            starts_at=start + timedelta(days=n),
            export_kw=exports[here],
            import_kw=imports[here],
            **about,  # type: ignore[arg-type]
        )
