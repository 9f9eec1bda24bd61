"""A small study area: two lines in a row, a seller on the first, two buyers behind the second.

The second line carries 686 kVA. Farm and School export 250 kW each as forecast and may export 300:
one may buy 100 kW more, both may not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from uuid import UUID, uuid4

from connections.models import Agreement, Area, Site
from connections.register.recording import record_changes, sources_of_agreement
from connections.register.states import Change
from connections.states import AgreementKind, AreaKind
from core.journal import SYSTEM
from core.windows import ServiceWindow
from participants.models import Organisation
from psa import services
from psa.models import NetworkModel, Study
from psa.questions import Question, StudyOptions, trade
from psa.running import check_model
from psa.services import ForecastRow
from psa.states import ForecastCase, ForecastKind, StudyKind

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
FIRST_DAY = datetime(2026, 12, 7, tzinfo=UTC)  # a Monday; local time is UTC
DAYS = 7
DAY = timedelta(days=1)
WINDOW = ServiceWindow(first_date=FIRST_DAY.date(), last_date=FIRST_DAY.date())


@dataclass(frozen=True)
class World:
    area: Area
    model: NetworkModel | None
    mill: Site
    farm: Site
    school: Site

    def question(
        self,
        *,
        kw: float,
        buyer: Site | None = None,
        window: ServiceWindow = WINDOW,
        options: StudyOptions | None = None,
        exclude: Iterable[UUID] = (),
    ) -> Question:
        return Question(
            direction="EXPORT",
            changes=trade(
                seller_site_id=self.mill.pk,
                buyer_site_id=(buyer or self.farm).pk,
                direction="EXPORT",
                sold_kw=kw,
                bought_kw=kw,
                half_hours=window.half_hours(),
            ),
            exclude_references=tuple(exclude),
            options=options or StudyOptions(),
        )

    def ask(self, question: Question, *, reference: UUID | None = None) -> Study:
        return services.request_study(
            area_id=self.area.pk,
            kind=StudyKind.CONTRACT,
            reference=reference or uuid4(),
            question=question,
            actor=SYSTEM,
            at=AT,
        )


def make_world(*, with_model: bool = True, with_forecasts: bool = True) -> World:
    area = Area.objects.create(name="Vale supply point", kind=AreaKind.BSP, studied=True)
    primary = Area.objects.create(
        name="Lane primary", kind=AreaKind.PRIMARY, parent=area, tradable=True
    )
    world = World(
        area=area,
        model=None,
        mill=make_site(primary, "Mill", bus="End 1", mec_kva=600),
        farm=make_site(primary, "Farm", bus="End 2", mec_kva=300),
        school=make_site(primary, "School", bus="End 2", mec_kva=300),
    )
    if with_forecasts:
        publish_forecasts(world)
    if with_model:
        world = World(area, publish_model(area), world.mill, world.farm, world.school)
    area.refresh_from_db()
    return world


def make_site(area: Area, name: str, *, bus: str, mec_kva: int) -> Site:
    organisation = Organisation.objects.create(name=f"{name} owners", created_at=AT)
    site = Site.objects.create(
        organisation=organisation, area=area, name=name, network_bus=bus, created_at=AT
    )
    agreement = Agreement.objects.create(
        reference=f"CA-{name}",
        site=site,
        kind=AgreementKind.P2P_SPECIFIC,
        voltage_kv=Decimal(11),
        mic_kva=Decimal(100),
        mec_kva=Decimal(mec_kva),
        export_power_factor=Decimal(1),
        max_installed_kva=Decimal(1000),
        starts_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    record_changes(Change.RECORDED, sources_of_agreement(agreement), actor=SYSTEM, at=AT)
    return site


def publish_model(area: Area, *, at: datetime = AT) -> NetworkModel:
    model = services.import_network_model(
        area_id=area.pk, name="Lane", network=network(), actor=SYSTEM, at=at
    )
    check_model(model_id=model.pk)
    return services.publish_network_model(model_id=model.pk, actor=SYSTEM, at=at)


def publish_forecasts(
    world: World,
    *,
    kind: str = ForecastKind.OPERATIONAL,
    at: datetime = AT - DAY,
    exports: dict[str, float] | None = None,
    days: int = DAYS,
    leave_out: Iterable[str] = (),
    case: str = ForecastCase.CENTRAL,
) -> None:
    wanted = {"Mill": 400.0, "Farm": 250.0, "School": 250.0} | (exports or {})
    services.publish_forecast(
        area_id=world.area.pk,
        kind=kind,
        case=case,
        source="test",
        rows=[
            ForecastRow(
                starts_at=FIRST_DAY + n * DAY,
                site_id=site.pk,
                export_kw=[wanted[site.name]] * 48,
                import_kw=[5.0] * 48,
            )
            for n in range(days)
            for site in (world.mill, world.farm, world.school)
            if site.name not in set(leave_out)
        ],
        actor=SYSTEM,
        at=at,
    )


@cache
def network() -> str:
    """An 11 kV feeder as pandapower JSON: a source, "End 1" and "End 2"."""
    from psa.engine.quiet import pp, quietly

    with quietly():
        net = pp.create_empty_network(sn_mva=1.0)
        before = pp.create_bus(net, 11.0, name="Source")
        pp.create_ext_grid(net, before, vm_pu=1.0, name="Grid")
        for number, rating_ka in ((1, 0.2), (2, 0.036)):
            bus = pp.create_bus(net, 11.0, name=f"End {number}")
            pp.create_line_from_parameters(
                net,
                before,
                bus,
                1.0,
                r_ohm_per_km=0.1,
                x_ohm_per_km=0.1,
                c_nf_per_km=1,
                max_i_ka=rating_ka,
                name=f"Line {number}",
            )
            before = bus
        text: str = pp.to_json(net)
    return text
