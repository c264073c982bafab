"""Each mistake as the single fault of an otherwise good policy: found for the right reason, at the right line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kapagate.policy.load import Loaded
from kapagate.remote.references import References
from kapagate.run import offline

GOOD = """\
apiVersion: kapagate.dev/v1
kind: Gateway
name: docs
listen:
  limits: {body: 64KiB, connections: 1000}
  deadlines: {head: 10s}
pseudonyms: {key: "${env:SECRET}"}
roles:
  viewer: {allow: [kapa.chat]}
  operator: {includes: [viewer], allow: [route.crm, route.notes]}
upstreams:
  kapa:
    type: kapa
    url: "https://kapa.example"
    source_groups: all
  crm:
    type: http
    url: "http://127.0.0.1:9000"
gate:
  - rate_limit: {per: [ip], limit: 600/min}
    id: door
  - identify:
      schemes:
        - jwt: {issuer: i, audience: docs, algorithms: [HS256], secret: "${env:SECRET}", claims: {tenant: org}}
        - api_key:
            pepper: "${env:SECRET}"
            keys:
              - id: abcdefghij01
                digest: "0000000000000000000000000000000000000000000000000000000000000000"
                tenant: acme
                subject: report
                roles: [viewer]
chain:
  - audit: {include: [question]}
    locked: true
  - rbac: {}
  - rate_limit: {per: [tenant, subject], limit: 30/min}
    when: {route: [kapa.chat], role: [viewer]}
  - guard_question: {max_length: 4000}
    id: ask
  - guard_answer: {pii: redact, blocked_terms: [confidential]}
    id: answer
routes:
  - {name: crm, match: "GET /crm/{rest:*}", upstream: crm, on_uninspectable: pass}
  - {name: notes, match: "GET /notes/{id}", upstream: crm, on_uninspectable: pass}
---
apiVersion: kapagate.dev/v1
kind: Tenant
name: acme
upstreams:
  kapa: {project: "00000000-0000-4000-8000-000000000001", api_key: "${env:KG_ACME_KEY}"}
chain:
  - {at: ask, set: {max_length: 1000}}
"""
LINES = GOOD.splitlines()
ENVIRONMENT = {"SECRET": "s" * 40, "KG_ACME_KEY": "k" * 40, "KG_GLOBEX_KEY": "g" * 40}
Load = Callable[[str], Loaded]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str) -> Loaded:
        (tmp_path / "gateway.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
        return offline([tmp_path], References(ENVIRONMENT))

    return load


def test_the_policy_without_a_fault_is_good(load: Load) -> None:
    loaded = load(GOOD)
    assert loaded.report() == ""
    assert loaded.generation is not None


AMBIGUOUS = '  - {name: other, match: "GET /crm/{id}", upstream: crm, on_uninspectable: pass}'
TWICE = '  - {name: notes, match: "GET /other", upstream: crm, on_uninspectable: pass}'
CLOSED = '  - {name: other, match: "GET /other", upstream: crm, on_uninspectable: pass}'
PUBLIC_AND_ASKED = '  - {name: x, match: "GET /x", upstream: crm, on_uninspectable: pass, public: true, identify: {}}'
TOKEN = "gh" + "p_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"

MEANING = [  # what stands there, what is written instead, the code, and a part of the sentence
    (LINES[44], f"{LINES[44]}\n{AMBIGUOUS}", "KG311", "can match the same request"),
    (LINES[44], f"{LINES[44]}\n{TWICE}", "KG317", 'there is a route "notes" already'),
    (LINES[44], f"{LINES[44]}\n{CLOSED}", "KG354", 'no role has "route.other"'),
    ('"GET /crm/{rest:*}"', '"GET /a/../b"', "KG312", ""),
    ("upstream: crm, on_uninspectable: pass}\n---", "upstream: crn, on_uninspectable: pass}\n---", "KG308", "crn"),
    ("includes: [viewer]", "includes: [veiwer]", "KG305", 'there is no role "veiwer"'),
    ("role: [viewer]", "role: [veiwer]", "KG305", 'unknown role "veiwer"'),
    ("roles: [viewer]", "roles: [veiwer]", "KG305", 'there is no role "veiwer"'),
    ("tenant: acme", "tenant: acne", "KG309", 'unknown tenant "acne"'),
    ("route: [kapa.chat]", "route: [kapa.chta]", "KG307", 'unknown route or operation "kapa.chta"'),
    ("allow: [kapa.chat]", "allow: [kapa.chta]", "KG306", 'there is no permission "kapa.chta"'),
    ("{at: ask, set", "{at: aks, set", "KG301", 'unknown step "aks"'),
    ("{at: ask, set: {max_length: 1000}}", "{remove: audit}", "KG303", "takes the locked step"),
    ("  crm:\n", '  old: {type: http, url: "http://127.0.0.1:9001"}\n  crm:\n', "KG353", "no route leads to"),
    ("connections: 1000", "connections: 1000, exchanges: 1200", "KG352", "1200 is never reached"),
    ("max_length: 4000", "max_length: 70000", "KG352", "no text of 70000 characters arrives"),
    ("limit: 30/min", "limit: [30/min, 9000/h]", "KG352", "9000/h is never reached"),
    ("GET /notes/{id}", "GET /notes/{id}/%zz", "KG312", ""),
    ("pii: redact, blocked", "pii: redact, at_end: error, blocked", "KG315", ""),
    ("blocked_terms: [confidential]", "blocked_terms: ['']", "KG315", ""),
    ("issuer: i", f"issuer: {TOKEN}", "KG216", "a secret must be exactly one reference"),
    ("http://127.0.0.1:9000", "http://me:hunter22@127.0.0.1:9000", "KG216", "a secret must be exactly one reference"),
    ('pepper: "${env:SECRET}"', "pepper: a-word-in-clear", "KG216", "a secret must be exactly one reference"),
    ("KG_ACME_KEY", "KG_GLOBEX_KEY", "KG404", 'outside the scope of tenant "acme"'),
    ("KG_ACME_KEY", "KG_ACME_KYE", "KG403", "the environment variable KG_ACME_KYE is not set"),
    ("${env:SECRET}", "${evn:SECRET}", "KG402", 'unknown kind of reference "evn"'),
    ("${env:SECRET}", "${env:SEC-RET}", "KG401", ""),
]


@pytest.mark.parametrize(("old", "new", "code", "said"), MEANING, ids=[f"{m[2]} {m[1][-30:]}" for m in MEANING])
def test_what_does_not_hold_together_is_found_at_its_line(load: Load, old: str, new: str, code: str, said: str) -> None:
    at = GOOD.index(old)
    loaded = load(GOOD[:at] + new + GOOD[at + len(old) :])
    found = [each for each in loaded.diagnostics if each.code.name == code]
    assert found, loaded.report()
    changed = next(n for n, (a, b) in enumerate(zip(new + "\0", old + "\1", strict=False)) if a != b)
    last = GOOD[:at].count("\n") + new.count("\n") + 1
    first = GOOD[:at].count("\n") + new[:changed].count("\n") + 1
    assert any(first <= each.span.line <= last and said in each.message for each in found), loaded.report()
    assert not [each for each in loaded.diagnostics if each.is_error and each.code.name not in (code, "KG212")]


def test_a_secret_in_clear_is_quoted_by_no_report(load: Load) -> None:
    loaded = load(GOOD.replace("issuer: i", f"issuer: {TOKEN}, tenant: [1]"))
    assert len(list(loaded.diagnostics)) > 1
    assert TOKEN not in loaded.report()


BOMB = "".join(f"x{level}: &x{level} [{', '.join([f'*x{level - 1}' if level else 'x'] * 9)}]\n" for level in range(12))
TRAPS = [  # what stands there, the trap, the code
    ("name: docs", "name: no", "KG211"),
    ("name: docs", "name: 1:30:00", "KG211"),
    ("name: docs", "name: 0777", "KG211"),
    ("name: docs", "name: 2024-01-01", "KG211"),
    ("name: docs", "name: 12", "KG211"),
    ("name: docs", "name: 1.5", "KG211"),
    ("name: docs", "name: true", "KG211"),
    ("name: docs", "name: null", "KG211"),
    ("name: docs", "name: ~", "KG211"),
    ("name: docs", "name:", "KG211"),
    ("name: docs", "name: [docs]", "KG211"),
    ("name: docs", "name: {a: b}", "KG211"),
    ("locked: true", "locked: yes", "KG211"),
    ("locked: true", "locked: on", "KG211"),
    ("locked: true", "locked: 'true'", "KG211"),
    ("locked: true", "locked: 1", "KG211"),
    ("max_length: 4000", "max_length: 0777", "KG211"),
    ("max_length: 4000", "max_length: '4000'", "KG211"),
    ("max_length: 4000", "max_length: 1:30:00", "KG211"),
    ("max_length: 4000", "max_length: 4_000", "KG211"),
    ("max_length: 4000", "max_length: 4000.5", "KG211"),
    ("head: 10s", "head: 1:30:00", "KG212"),
    ("head: 10s", "head: 10", "KG212"),
    ("head: 10s", "head: 2024-01-01", "KG212"),
    ("roles: [viewer]", "roles: viewer", "KG211"),
    ("name: docs", "name: on", "KG211"),
    ("name: docs", "name: 'no'", "KG000"),
    ("roles: [viewer]", "roles: [no]", "KG211"),
    ("roles: [viewer]", "roles: ['no']", "KG305"),
    ("audience: docs", "audience: 2024-01-01", "KG211"),
    ("audience: docs", "audience: [docs, 0777]", "KG211"),
    ("roles: [viewer]", "roles: [12]", "KG211"),
    ("  viewer: {", "  no: {", "KG110"),
    ("  viewer: {", "  'no': {", "KG000"),
    ("  viewer: {", "  12: {", "KG110"),
    ("  viewer: {", "  true: {", "KG110"),
    ("  viewer: {", "  ? [a]\n  : {", "KG110"),
    ("name: docs", "name: docs\nname: again", "KG109"),
    ("id: ask", "id: ask\n    id: ask", "KG109"),
    ("name: docs", "<<: {name: docs}", "KG108"),
    ("listen:\n", "listen: &l\n", "KG000"),
    ("name: docs", "name: !!str docs", "KG107"),
    ("name: docs", "name: !!python/object/apply:os.system [id]", "KG107"),
    ("roles: [viewer]", "roles: &r [*r]", "KG106"),
    ("roles: [viewer]", "roles: [*r]", "KG104"),
    ("roles: [viewer]", "roles: [viewer", "KG104"),
    ("name: docs", 'name: "docs', "KG104"),
    ("name: docs", "name: docs\n\tlisten: {}", "KG104"),
    ("name: docs", "name: @docs", "KG104"),
    ("name: docs", "name: do\0cs", "KG103"),
    ("name: docs", "name: do\x1bcs", "KG103"),
    ("name: docs", "name: do\udcffcs", "KG103"),
    ("include: [question]", f"include: {'[' * 70}{']' * 70}", "KG105"),
    ("include: [question]", f"include: {'[' * 10_000}{']' * 10_000}", "KG105"),
    ("name: docs", f"name: docs\n{BOMB}", "KG106"),
    ("roles: [viewer]", "roles: [2024-01-01T10:00:00Z]", "KG211"),
    ("tenant: acme", "tenant: off", "KG211"),
    ("id: ask", "id: ! ask", "KG107"),
]


@pytest.mark.parametrize(("old", "new", "code"), TRAPS, ids=[repr(trap[1][:24]) for trap in TRAPS])
def test_a_trap_of_yaml_is_refused_at_its_line_or_read_as_text(load: Load, old: str, new: str, code: str) -> None:
    at = GOOD.index(old)
    loaded = load(GOOD[:at] + new + GOOD[at + len(old) :])
    if code == "KG000":
        assert {each.code.name for each in loaded.diagnostics} <= {"KG305"}, loaded.report()
        return
    first = GOOD[:at].count("\n") + 1
    found = [each for each in loaded.diagnostics if each.code.name == code]
    assert found, loaded.report()
    assert any(first <= each.span.line <= first + new.count("\n") for each in found), loaded.report()


def test_what_ends_a_file_is_the_only_thing_said_of_it(load: Load) -> None:
    for old, new, code in TRAPS:
        if code in ("KG103", "KG104", "KG105", "KG106"):
            assert [each.code.name for each in load(GOOD.replace(old, new, 1)).diagnostics][:1] == [code]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "utf-16": (GOOD.replace("Gateway", "Tenant").encode("utf-16"), "KG103"),
    "empty": (b"", "KG111"),
    "a list": (b"- a\n", "KG112"),
    "100 MB": (b"# nothing but this\n" * (100 << 20 >> 4), "KG102"),
    "10,000 levels": (b"a: " + b"[" * 10_000 + b"]" * 10_000, "KG105"),
    "a cycle": (b"a: &a {b: [*a]}\n", "KG106"),
    "a NUL": (b"kind: Ten\0ant\n", "KG103"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_beside_a_good_policy_is_all_that_is_wrong(tmp_path: Path, name: str) -> None:
    data, code = HOSTILE[name]
    (tmp_path / "gateway.yaml").write_text(GOOD)
    (tmp_path / "tenant.yaml").write_bytes(data)
    [found] = offline([tmp_path], References(ENVIRONMENT)).diagnostics
    assert (found.code.name, found.span.file) == (code, str(tmp_path / "tenant.yaml"))


def test_utf_16_an_empty_file_and_a_list_have_their_own_words(tmp_path: Path) -> None:
    for name, data, code in (
        ("a.yaml", GOOD.encode("utf-16"), "KG103"),
        ("b.yaml", GOOD.encode("utf-32"), "KG103"),
        ("c.yaml", b"", "KG111"),
        ("d.yaml", b"# nothing but this\n---\n", "KG111"),
        ("e.yaml", b"- a\n", "KG112"),
        ("f.yaml", b"just text\n", "KG112"),
    ):
        (tmp_path / name).write_bytes(data)
        [found] = offline([tmp_path / name], References(ENVIRONMENT)).diagnostics
        assert (found.code.name, found.span.file) == (code, str(tmp_path / name))
