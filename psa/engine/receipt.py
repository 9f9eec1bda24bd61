"""A study as a file that anyone can compute again, without Django and without our database.

A receipt holds the network model, the injections and rights of every half-hour, the limits, the
versions and the answer. ``python -m psa.engine receipt.json`` computes it again and compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from psa.engine.case import (
    Basis,
    NetworkEvent,
    Options,
    Part,
    Profile,
    Rights,
    Shift,
    Study,
    StudySite,
)
from psa.engine.errors import EngineInputError
from psa.engine.worst import Stretches

FORMAT = "capacity study receipt, version 1"
SEVERAL = "capacity study receipt, version 2"  # of a window across versions of the network
RIGHTS = ("import_before", "import_after", "export_before", "export_after")
MOST_SHOWN = 20
# What two engines may call alike: the same physics in other words, or found by other steps.
WORDS = {"reason", "fallback_reason", "engine", "versions", "ladder", "charts"}


def write(stretches: Stretches, *, result: dict[str, Any], about: dict[str, Any]) -> str:
    """Return a receipt as JSON text; ``result`` is ``choosing.answered``'s.

    Of each stretch of the window the study, and the forecasts of its other cases.
    """
    first, *later = (_of_stretch(cases) for cases in stretches)
    plain = {"format": SEVERAL if later else FORMAT, "about": about, "result": result, **first}
    if later:
        plain["later"] = later
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def _of_stretch(cases: Mapping[str, Study]) -> dict[str, Any]:
    (_, first), *others = cases.items()
    plain: dict[str, Any] = {"study": _plain(asdict(first))}
    if others:
        plain["cases"] = {name: _forecasts_of(each) for name, each in others}
    return plain


def read(text: str) -> tuple[list[dict[str, Study]], dict[str, Any], dict[str, Any]]:
    """Return the studies of each stretch and case of the forecasts, the recorded result, and what
    the receipt says about it.

    :raises EngineInputError: if the text is no receipt
    """
    try:
        value = json.loads(text)
        if value["format"] not in {FORMAT, SEVERAL}:
            raise EngineInputError(f"This is no {FORMAT}.")
        result = value["result"]
        stretches = [_stretch(each, result) for each in (value, *value.get("later", ()))]
        return stretches, result, value["about"]
    except (KeyError, TypeError, ValueError) as error:
        raise EngineInputError(f"This is no {FORMAT}: {error!r}.") from error


def _stretch(value: dict[str, Any], result: dict[str, Any]) -> dict[str, Study]:
    study, others = _study(value["study"]), value.get("cases", {})
    if not others:
        return {"": study}
    [first] = [each["case"] for each in result["forecast_cases"] if each["case"] not in others]
    return {first: study} | {name: _on(study, each) for name, each in others.items()}


def _forecasts_of(study: Study) -> dict[str, Any]:
    return {
        "background": {bus: _plain(asdict(each)) for bus, each in study.background.items()},
        "sites": {site.key: _plain(asdict(site.forecast)) for site in study.sites},
    }


def _on(study: Study, forecasts: dict[str, Any]) -> Study:
    of_site = {key: _profile(each) for key, each in forecasts["sites"].items()}
    return replace(
        study,
        background={bus: _profile(each) for bus, each in forecasts["background"].items()},
        sites=tuple(replace(site, forecast=of_site[site.key]) for site in study.sites),
    )


def differences(
    recorded: dict[str, Any], again: dict[str, Any], *, per_unit: float = 0.0, other: float = 0.0
) -> list[str]:
    """Return in words each place where two results differ by more than is allowed.

    With allowances only physics is compared (voltages in pu, the rest in their own unit); without,
    everything, to the last place that is recorded.
    """
    exact = per_unit == other == 0
    return list(_differences("", recorded, again, per_unit, other, exact=exact))


def _differences(
    path: str, one: Any, two: Any, per_unit: float, other: float, *, exact: bool
) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(two, dict):
        allowed = per_unit if str(one.get("unit", "")) == "pu" else other
        for key in sorted(one.keys() | two.keys()):
            if exact or key not in WORDS:
                inner = allowed if "unit" in one else other
                yield from _differences(
                    f"{path}.{key}".lstrip("."),
                    one.get(key),
                    two.get(key),
                    per_unit,
                    inner,
                    exact=exact,
                )
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for n, (left, right) in enumerate(zip(one, two, strict=True)):
            yield from _differences(f"{path}[{n}]", left, right, per_unit, other, exact=exact)
    elif _number(one) and _number(two):
        if abs(one - two) > other:
            yield f"{path}: {one} recorded, {two} now"
    elif one != two:
        yield f"{path}: {one!r} recorded, {two!r} now"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _study(value: dict[str, Any]) -> Study:
    options = value["options"]
    for name in ("bases", "required"):
        options[name] = tuple(Basis(each) for each in options[name])
    options["outages"] = tuple(options.get("outages", ()))
    options["reverse_limits_kw"] = tuple(
        (name, kw) for name, kw in options.get("reverse_limits_kw", ())
    )
    return Study(
        network=value["network"],
        half_hours=tuple(datetime.fromisoformat(at) for at in value["half_hours"]),
        background={bus: _profile(each) for bus, each in value["background"].items()},
        sites=tuple(_site(each) for each in value["sites"]),
        direction=value["direction"],
        studied_kw=value["studied_kw"],
        options=Options(**options),
        parts=tuple(_part(each) for each in value.get("parts", ())),
        sellers=tuple(_part(each) for each in value.get("sellers", ())),
        events=tuple(_event(each) for each in value.get("events", ())),
    )


def _part(value: dict[str, Any]) -> Part:
    shifts = tuple(
        Shift(
            site=each["site"],
            direction=each["direction"],
            bought=np.array(each["bought"], np.float64),
            sold=np.array(each["sold"], np.float64),
        )
        for each in value["shifts"]
    )
    return Part(value["key"], shifts)


def _event(value: dict[str, Any]) -> NetworkEvent:
    times: dict[str, Any] = {
        name: datetime.fromisoformat(value.pop(name)) for name in ("starts_at", "ends_at")
    }
    return NetworkEvent(**value, **times)


def _site(value: dict[str, Any]) -> StudySite:
    rights: dict[str, Any] = {name: _rights(value.pop(name)) for name in RIGHTS}
    forecast = _profile(value.pop("forecast"))
    return StudySite(forecast=forecast, **rights, **value)


def _profile(value: dict[str, Any]) -> Profile:
    series: dict[str, Any] = {
        name: np.array(value.pop(name), np.float64)
        for name in ("export_kw", "import_kw", "export_kvar", "import_kvar")
        if value.get(name) is not None
    }
    return Profile(**series, **value)


def _rights(value: dict[str, Any] | None) -> Rights | None:
    if value is None:
        return None
    return Rights(**{name: np.array(each, np.float64) for name, each in value.items()})
