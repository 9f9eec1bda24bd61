"""A network as the engine holds it: parsed once, its own loads taken out, its elements numbered.

Nothing here solves. A ``Network`` is never changed after ``load``; the solvers copy what they
change. Parsed networks are kept per process, by the SHA-256 of their text.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psa.engine.errors import EngineInputError
from psa.engine.own import OwnPower, own_power
from psa.engine.quiet import pp, quietly

IntArray = NDArray[np.int64]

KEPT_NETWORKS = 8
# Whatever draws or feeds power at a bus by itself. A study brings profiles in its place.
INJECTION_TABLES = (
    "load",
    "sgen",
    "storage",
    "motor",
    "asymmetric_load",
    "asymmetric_sgen",
)
# What a switch stands at, by its kind.
SWITCHED = {"l": "line", "t": "trafo", "t3": "trafo3w", "b": "bus"}
# A model is data: only these may be named as the class of a stored object.
ALLOWED_BUILTINS = frozenset({"set", "tuple", "frozenset", "complex"})
ALLOWED_MODULES = ("pandapower", "pandas", "numpy", "networkx", "shapely", "geopandas", "geojson")
_kept: OrderedDict[str, Network] = OrderedDict()
_last_read: dict[str, Any] = {}


@dataclass(eq=False)
class Network:
    """A parsed model. Positions (rows) number elements, not pandapower's indices."""

    sha256: str
    net: Any  # pandapowerNet with exactly one load a bus, in bus order, of 0 kW
    bus_names: list[str]
    bus_position: dict[str, int]  # only names that are unique
    ambiguous: frozenset[str]  # names that several buses bear
    injected: tuple[str, ...]  # buses at which the model has a load or generator in service
    own: dict[str, OwnPower]  # what those draw, by bus
    trafo_loading: str
    foreign_controllers: tuple[str, ...]  # controllers that only pandapower can run
    compiled: dict[Any, Any] = field(default_factory=dict)  # compile.py's, by tap positions

    def position(self, bus: str) -> int:
        """Give the row of the bus of that name.

        :raises EngineInputError: if no bus, or more than one, bears the name.
        """
        if bus in self.ambiguous:
            raise EngineInputError(f"Two buses of the network model are called {bus!r}.")
        if bus not in self.bus_position:
            raise EngineInputError(f"The network model has no bus called {bus!r}.")
        return self.bus_position[bus]


def load(text: str) -> Network:
    """Parse pandapower JSON, or take it from this process's store.

    :raises EngineInputError: if the text is not a network, or names a class that is none of a
        network's.
    """
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    if sha256 in _kept:
        _kept.move_to_end(sha256)
        return _kept[sha256]
    network = _parsed(text, sha256)
    _kept[sha256] = network
    while len(_kept) > KEPT_NETWORKS:
        _kept.popitem(last=False)
    return network


def names_of(table: Any) -> list[str]:
    """Name each row of a pandapower table: its ``name``, or its index where it has none."""
    if "name" not in table.columns:
        return [str(index) for index in table.index]
    return [
        str(name) if isinstance(name, str) and name.strip() else str(index)
        for index, name in zip(table.index, table["name"], strict=True)
    ]


def element_names(net: Any, table: str) -> list[str]:
    """Name each row of any table: switches by what they join, controllers by what they control."""
    if table == "switch":
        of_bus = dict(zip(net.bus.index, names_of(net.bus), strict=True))
        return [
            f"{of_bus.get(row['bus'], row['bus'])} - {_element(net, row['et'], row['element'])}"
            for _, row in net.switch.iterrows()
        ]
    if table == "controller":
        return [
            f"{type(each).__name__} of {getattr(each, 'element', '')} "
            f"{_element(net, getattr(each, 'element', ''), getattr(each, 'element_index', ''))}"
            for each in net.controller["object"]
        ]
    return names_of(net[table])


def row_of(net: Any, table: str, element: str) -> int:
    """Give the row of the element of that name, or of that index of pandapower's, such as ``#12``.

    :raises EngineInputError: if there is none, or more than one bears the name
    """
    rows = [row for row, name in enumerate(element_names(net, table)) if name == element]
    indices = [f"#{index}" for index in net[table].index]
    if not rows and element in indices:
        return indices.index(element)
    if not rows:
        raise EngineInputError(f"The network model has no {table} called {element!r}.")
    if len(rows) > 1:
        raise EngineInputError(
            f"The network model has more than one {table} called {element!r}: say which, by its "
            f"index: {' or '.join(indices[row] for row in rows)}."
        )
    return rows[0]


def _element(net: Any, kind: str, index: Any) -> str:
    rows = net.get(SWITCHED.get(kind, kind))
    try:
        return names_of(rows.loc[[index]])[0]
    except (AttributeError, KeyError, TypeError):
        return str(index)


def read(text: str) -> Any:
    """Give the pandapower net of the text, untouched, and the caller's own.

    The last text read is kept parsed: a check reads it for its findings, its diagram and its names.

    :raises EngineInputError: if the text is not a network model.
    """
    sha256 = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    if sha256 not in _last_read:
        net = _read(text)
        _last_read.clear()
        _last_read[sha256] = net
    return copy.deepcopy(_last_read[sha256])


def _read(text: str) -> Any:
    try:
        refuse_foreign_objects(json.loads(text))
        with quietly():
            net = pp.from_json_string(text)
    except RecursionError as error:
        raise EngineInputError("The network model is nested too deeply.") from error
    except EngineInputError:
        raise
    except Exception as error:  # a file from outside: whatever its reader raises is its fault
        raise EngineInputError(f"The network model cannot be read: {error}") from error
    buses = net.get("bus") if isinstance(net, pp.pandapowerNet) else None
    if buses is None or not hasattr(buses, "columns") or len(buses) == 0:
        raise EngineInputError("The network model has no buses.")
    return net


def _parsed(text: str, sha256: str) -> Network:
    net = read(text)
    names = names_of(net.bus)
    name_of = dict(zip(net.bus.index, names, strict=True))
    injected: dict[str, None] = {}
    for table in INJECTION_TABLES:
        rows = net[table]
        for bus in rows.loc[rows["in_service"].astype(bool), "bus"]:
            injected.setdefault(name_of[bus])
    own = own_power(net, name_of)
    foreign = _strip(net)
    seen: dict[str, int] = {}
    ambiguous = set()
    for position, name in enumerate(names):
        if name in seen:
            ambiguous.add(name)
        seen[name] = position
    options = net.get("user_pf_options") or {}
    return Network(
        sha256=sha256,
        net=net,
        bus_names=names,
        bus_position={name: at for name, at in seen.items() if name not in ambiguous},
        ambiguous=frozenset(ambiguous),
        injected=tuple(injected),
        own=own,
        trafo_loading=str(options.get("trafo_loading", "current")),
        foreign_controllers=foreign,
    )


def _strip(net: Any) -> tuple[str, ...]:
    """Put one empty load at each bus in place of the model's own, and drop their controllers.

    Returns the names of the controllers left that are no plain tap changer of a transformer.
    """
    for table in INJECTION_TABLES:
        net[table] = net[table].iloc[0:0].copy()
    # A voltage-dependent load becomes constant power here: a profile says kW, not ohm.
    with quietly():
        pp.create_loads(net, net.bus.index, p_mw=0.0, q_mvar=0.0)
    if "profiles" in net:
        net["profiles"] = {}
    drop, foreign = [], []
    for index, row in net.controller.iterrows():
        kind, element = type(row["object"]).__name__, getattr(row["object"], "element", None)
        if not row["in_service"] or element in INJECTION_TABLES:
            drop.append(index)
        elif kind != "DiscreteTapControl" or element != "trafo":
            foreign.append(f"{kind} of {element}")
    net.controller = net.controller.drop(index=drop)
    if net.controller["level"].astype(str).nunique() > 1:
        foreign.append("controllers of several levels")
    return tuple(foreign)


def refuse_foreign_objects(value: Any) -> None:
    """Refuse what pandapower's reader would import, look up or open beyond a network's own."""
    if isinstance(value, dict):
        if "_module" in value or "_class" in value:
            _refuse_foreign_object(value)
        for inner in value.values():
            refuse_foreign_objects(inner)
    elif isinstance(value, list):
        for inner in value:
            refuse_foreign_objects(inner)


def _refuse_foreign_object(stored: dict[str, Any]) -> None:
    module, kind = str(stored.get("_module", "")), str(stored.get("_class", ""))
    if module.split(".", maxsplit=1)[0] not in (*ALLOWED_MODULES, "builtins"):
        raise EngineInputError(f"The network model names a foreign class in {module!r}.")
    if module == "builtins" and kind not in ALLOWED_BUILTINS:
        raise EngineInputError("The network model names a foreign class.")
    if kind in {"function", "method"}:
        raise EngineInputError("The network model names a function.")
    content = stored.get("_object")
    if not isinstance(content, str):
        return
    if content.lstrip().startswith(("{", "[")):
        # Read a second time by pandapower, so looked through here, as leniently as it reads.
        refuse_foreign_objects(json.loads(content, strict=False))
    elif kind in {"DataFrame", "Series", "GeoDataFrame"}:  # pandas would take it for a file
        raise EngineInputError(f"In the network model a {kind} has no content of its own.")


def fresh_copy(network: Network) -> Any:
    """Give a copy of the prepared net that a solver may change."""
    return copy.deepcopy(network.net)
