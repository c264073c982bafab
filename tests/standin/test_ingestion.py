from __future__ import annotations

from uuid import UUID

from kapagate.standin import ingestion
from tests.standin.calls import URL, Kapa


def test_a_project_has_a_name_and_a_team() -> None:
    made = Kapa().ask(ingestion.project)
    assert (made["id"], made["project_name"]) == ("p1", "Nimbus")
    assert UUID(made["team"])


def test_sources_come_in_pages_and_one_by_one() -> None:
    kapa = Kapa()
    first, second = (kapa.ask(ingestion.sources, {"page": page}) for page in "12")
    assert first["next"] == f"{URL}?page=2"
    found = first["results"] + second["results"]
    assert len(found) == first["count"]
    assert [kapa.ask(ingestion.source, source_id=each["id"]) for each in found] == found
    assert kapa.refusal(ingestion.source, source_id="p1") == (404, {"detail": "Not found."})


def test_versions_stand_within_their_product() -> None:
    groups = Kapa().ask(ingestion.source_groups)["results"]
    assert {each["type"] for each in groups} == {"product"}
    assert {each["type"] for group in groups for each in group["sub_groups"]} == {"version"}
