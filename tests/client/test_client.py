"""The API from outside: a typed client, Relay's compiler, and the audits of GraphQL over HTTP."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from api.db.keys import create_key
from api.db.trusted_documents import add_documents
from api.domain.trusted_documents import read_manifest
from api.errors import NotReady
from bench.audits import REFUSED_BY_DESIGN, counts, run_audits
from tests.api.conftest import clock
from tests.client.conftest import BIN, run
from tests.client.install import FOLDER
from tests.live import Site

pytestmark = pytest.mark.xdist_group("client")
WRONG = """import type { AtRiskQuery, AtRiskQueryVariables } from "./gql/graphql.ts";
type Customer = NonNullable<AtRiskQuery["customers"]>["edges"][number]["node"];
export const name = (customer: Customer) => customer.outerId;
export const variables: AtRiskQueryVariables = { first: "ten" };
"""


def test_a_typed_client_works_against_the_live_server(
    project: Path, site: Site, engine: Engine
) -> None:
    manifest = (project / "src/gql/persisted-documents.json").read_text()
    documents = [(each, "") for each in read_manifest(manifest, "the client's manifest")]
    add_documents(engine, documents, clock())
    scopes = ["customers:read"]
    trusted = create_key(engine, "trusted", scopes, None, clock, documents="only")
    keys = (site.keys["care"], site.keys["partner"], trusted)
    said = run(project, "src/journey.test.ts", f"{site.address}/graphql", *keys)
    counted = dict(re.findall(r"^\S* ?(pass|fail|skipped|todo) (\d+)$", said, re.MULTILINE))
    assert counted == {"pass": "9", "fail": "0", "skipped": "0", "todo": "0"}, said


def test_the_client_is_typed_by_the_schema(project: Path, tmp_path: Path) -> None:
    run(project, f"{BIN}/tsc", "--project", ".")
    wrong = project / "src" / "wrong.ts"
    wrong.write_text(WRONG)
    try:
        with pytest.raises(NotReady, match=r"(?s)wrong.ts\(3.*outerId.*wrong.ts\(4.*string"):
            run(project, f"{BIN}/tsc", "--project", ".")
    finally:
        wrong.unlink()


def test_relays_compiler_accepts_the_schema_and_its_documents_are_answered(
    project: Path, site: Site
) -> None:
    texts = json.loads((project / "queries.json").read_text()).values()
    operations = {re.findall(r"(?:query|mutation) (\w+)", text)[0]: text for text in texts}

    def ask(operation: str, **variables: Any) -> Any:
        body = {"query": operations[operation], "variables": variables}
        headers = {"Authorization": f"Bearer {site.keys['care']}"}
        answer = httpx.post(f"{site.address}/graphql", json=body, headers=headers).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    page = ask("app_Query", key="champions")
    first = page["customers"]
    second = ask("app_customersPaginationQuery", cursor=first["pageInfo"]["endCursor"])["customers"]
    nodes = [edge["node"]["id"] for page in (first, second) for edge in page["edges"]]
    assert len(set(nodes)) == len(nodes) == 40
    assert ask("app_customerRefetchQuery", id=nodes[0])["node"]["id"] == nodes[0]
    assert ask("app_ordersPaginationQuery", id=nodes[0])["node"]["orders"]["edges"]
    assert ask("app_membersPaginationQuery", id=page["segment"]["id"])["node"]["members"]["edges"]
    override = {"externalId": "C00001", "tier": "wood", "reason": "x", "expiresOn": "2100-01-01"}
    payload = ask("app_setTierMutation", input=override)["setTierOverride"]
    assert payload["override"] is None
    assert payload["userErrors"][0]["field"] == ["input", "tier"]


@pytest.mark.usefixtures("project")
def test_the_audits_of_graphql_over_http_pass_but_for_what_is_refused_by_design(site: Site) -> None:
    audits = run_audits(f"{site.address}/graphql", site.keys["developer"])
    assert counts(audits) == {"MUST": (13, 13), "SHOULD": (23, 23), "MAY": (22, 25)}
    assert {each.id for each in audits if not each.passed} == {"5A70", "D6D5", "6A70"}
    assert REFUSED_BY_DESIGN.keys() == {"5A70", "D6D5", "6A70"}


def test_the_lock_names_exact_versions_and_no_address() -> None:
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    locked = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all(entry.get("integrity") for path, entry in locked.items() if path)
    assert not any("resolved" in entry for entry in locked.values())
