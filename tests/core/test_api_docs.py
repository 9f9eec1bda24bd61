from __future__ import annotations

from core.api.docs import Field, operations


def test_the_page_tells_every_operation_with_its_fields() -> None:
    found = {each.name: each for tag in operations().values() for each in tag}

    create = found["requests_create"]
    assert (create.method, create.path) == ("POST", "/api/v1/requests/")
    sent = {each.name: each for each in create.sends}
    assert sent["side"] == Field("side", "one of BUY, SELL", required=True, text=sent["side"].text)
    assert sent["kw"].kind == "decimal"
    assert "allowed_actions" in {each.name for each in create.answers}
    assert ("422", "Refused by the rules, each named") in create.refusals
    listed = {each.name for each in found["contracts_list"].answers}
    assert {"number", "state", "sold_kw"} <= listed
