"""Files that are no network, or worse: a clear refusal, and nothing of theirs is run or opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from psa.engine.errors import EngineInputError
from psa.engine.network import read
from tests.psa.engine import nets

Stored = dict[str, Any]


def stored(module: str, kind: str, content: Any = "x", **more: Any) -> Stored:
    return {"_module": module, "_class": kind, "_object": content, **more}


def file_with(table: Any) -> str:
    net = json.loads(nets.as_text(nets.feeder()))
    net["_object"]["extra"] = table
    return json.dumps(net)


def in_table(cell: Any) -> Stored:
    """A cell of a table, which pandapower reads as JSON within JSON."""
    content = json.dumps({"columns": ["object"], "index": [0], "data": [[cell]]})
    return stored("pandas.core.frame", "DataFrame", content, orient="split")


EVIL: dict[str, Any] = {
    "a program": stored("subprocess", "Popen", ["touch", "evil"]),
    "a shell": stored("os", "system", "touch evil"),
    "a pickle": stored("pandas", "read_pickle", "evil.pickle"),
    "an expression": stored("pandas", "eval", "__import__('os').system('touch evil')"),
    "a file of arrays": stored("numpy", "load", "evil.npy"),
    "a function of pandapower": stored("pandapower.file_io", "function", "from_pickle"),
    "a method": stored("pandapower.auxiliary", "method", "update"),
    "eval": stored("builtins", "eval", "1 + 1"),
    "a module beside pandas": stored("pandas_evil", "DataFrame", "{}"),
    "a module without a class": {"_module": "os"},
    "a class without a module": {"_class": "function", "_object": "system"},
    "a local file": stored("pandas.core.frame", "DataFrame", "/etc/passwd.json"),
    "an address": stored("pandas.core.series", "Series", "http://127.0.0.1:1/x.json"),
    "in a table": in_table(stored("os", "system", "touch evil")),
    "in a table of a table": in_table(in_table(stored("subprocess", "run", "touch evil"))),
    "in a list": [[stored("shutil", "rmtree", "evil")]],
    "a controller of another package": stored("evil.control", "Controller", "{}"),
    "in a controller": stored(
        "pandapower.control.controller.trafo.DiscreteTapControl",
        "DiscreteTapControl",
        json.dumps({"matching_params": stored("os", "system", "touch evil")}),
    ),
    "half of a JSON text": stored("pandas.core.frame", "DataFrame", '{"columns": ["a"'),
    "a class that is none": stored("pandapower.auxiliary", "Nothing", {}),
}


@pytest.mark.parametrize("name", EVIL)
def test_an_object_that_no_network_holds_is_refused_and_not_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(EngineInputError):
        read(file_with(EVIL[name]))

    assert list(tmp_path.iterdir()) == []


def test_a_name_hidden_by_escapes_is_found() -> None:
    cell = json.dumps(stored("os", "system", "touch evil")).replace("_m", "\\u005fm")
    content = f'{{"columns": ["object"], "index": [0], "data": [[{cell}]]}}'
    hidden = stored("pandas.core.frame", "DataFrame", content.replace("odule", "\\u006fdule"))

    with pytest.raises(EngineInputError, match="foreign class"):
        read(file_with(hidden))


def test_a_line_break_within_a_text_hides_nothing() -> None:
    content = json.dumps({"a": "x", "b": stored("os", "system")}).replace('"x"', '"x\n"')

    with pytest.raises(EngineInputError, match="foreign class"):
        read(file_with(stored("pandas.core.frame", "DataFrame", content)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        '"bus"',
        "NaN",
        "\x00",
        "bus,line\n1,2",
        '{"_module": "pandapower.auxiliary", "_class": "pandapowerNet"}',
        '{"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": {}}',
        '{"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": "[]"}',
        '{"_module": 1, "_class": [], "_object": {}}',
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
    ids=range(15),
)
def test_a_text_that_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(EngineInputError):
        read(text)
