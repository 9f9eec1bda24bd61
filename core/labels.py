"""How a field's name reads on the stock pages: with its unit as it is spelt.

Names carry their unit (``capacity_kw``), and nobody needs to write each label by hand.
"""

from __future__ import annotations

from django.apps import apps

UNITS = {
    "gbp_per_kwh": "£/kW/h",
    "gbp": "£",
    "percent": "%",
    "kva": "kVA",
    "kw": "kW",
    "kv": "kV",
    "pu": "pu",
}
SPELT = {
    "mic": "MIC",
    "mec": "MEC",
    "mpan": "MPAN",
    "sha256": "SHA-256",
    "dso": "DSO",
}


def label_of(name: str) -> str:
    """Return ``capacity_kw`` as "capacity (kW)" and ``mic_kva`` as "MIC (kVA)"."""
    stem, unit = name, ""
    for suffix, written in UNITS.items():
        if name == suffix:
            return written
        if name.endswith(f"_{suffix}"):
            stem, unit = name.removesuffix(f"_{suffix}"), f" ({written})"
            break
    words = " ".join(SPELT.get(word, word) for word in stem.split("_"))
    return words.replace("half hours", "half-hours") + unit


def label_fields() -> None:
    """Label the fields of our models that have no label of their own. No migration sees it."""
    for model in apps.get_models():
        if model.__module__.startswith("django."):
            continue
        for field in model._meta.local_fields:
            if field.verbose_name == field.name.replace("_", " "):
                field.verbose_name = label_of(field.name)
