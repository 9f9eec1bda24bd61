"""What may be switched, tapped or lost in a network model: names for people to choose from."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from psa.engine.arrangement import FIELDS
from psa.engine.network import element_names, read


def elements(network_json: str) -> dict[str, list[dict[str, Any]]]:
    """List the elements that an event may change, by table, as plain JSON values.

    Each has its ``name``, its ``index`` and what it stands at: ``in_service``, ``closed``
    (switches), and ``tap_pos``, ``tap_min``, ``tap_max`` (transformers with a tap changer). Of
    several elements that bear one name each is named by its index, ``#12``, and is ``called`` so.

    :raises EngineInputError: if the text is not a network model.
    """
    net = read(network_json)
    found: dict[str, list[dict[str, Any]]] = {}
    for table in dict.fromkeys(table for tables in FIELDS.values() for table in tables):
        names = element_names(net, table)
        count = Counter(names)
        fields = [field for field, tables in FIELDS.items() if table in tables]
        if "tap_pos" in fields:
            fields += ["tap_min", "tap_max"]
        rows = net[table]
        found[table] = [
            ({"name": name} if count[name] == 1 else {"name": f"#{index}", "called": name})
            | {"index": int(index)}
            | {
                field: _plain(rows[field].iloc[at])
                for field in fields
                if field in rows.columns and rows[field].iloc[at] == rows[field].iloc[at]
            }
            for at, (index, name) in enumerate(zip(rows.index, names, strict=True))
        ]
    return found


def _plain(value: Any) -> bool | int:
    return bool(value) if isinstance(value, bool | np.bool_) else int(value)
