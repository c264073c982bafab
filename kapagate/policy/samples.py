"""Examples of fields of which the type alone says too little: texts, names, and what is chosen by a name within.

By the name of the model, then of the field. A field that declares `examples` itself needs none here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Samples = Mapping[str, Sequence[Any]]

_CERTIFICATES: Samples = {
    "ca_file": ["/run/tls/ca.crt"],
    "client_cert": ["/run/tls/tls.crt"],
    "client_key": ["/run/tls/tls.key"],
    "plain_http": [["backend.internal"]],
}
_DETECTOR = {"pattern": "EMP-[0-9]{6}", "matches": ["ask EMP-004711"]}
_TERMS: Samples = {
    "pii": ["redact", {"card": "refuse", "email": "mask"}],
    "pii_allowed": [["support@docs.example"]],
    "blocked_terms": [["project nimbus", "internal only"]],
    "detectors": [{"employee": _DETECTOR}],
    "company_policy": [[{"id": "no-legal-advice", "patterns": ["legal advice"], "action": "refuse"}]],
}
_CHANGES = [[{"at": "guard_question", "set": {"max_length": 1000}}], [{"remove": "enrich"}]]
_ROUTES = [[{"name": "crm", "match": "GET|POST /crm/{rest:*}", "upstream": "crm", "on_uninspectable": "pass"}]]
_KEYS = {"pepper": "${env:API_KEY_PEPPER}", "keys": "${file:keys.yaml}"}
_IDENTIFY = {"schemes": [{"api_key": _KEYS}]}
_CALL: Samples = {
    "caller": ["ada"],
    "route": ["kapa.chat", "crm"],
    "path": [{"id": "42"}],
    "request": ["POST /crm/notes?draft=1"],
    "method": ["GET"],
    "query": [{"draft": "1"}],
    "headers": [{"X-Team": "docs"}],
    "body": [{"query": "How do I begin?"}, "a text as it is"],
    "delivery": ["msg_1"],
}
SAMPLES: Mapping[str, Samples] = {
    "Gateway": {
        "admin_keys": [_KEYS],
        "roles": [{"viewer": {"allow": ["kapa.chat", "kapa.feedback"]}}],
        "upstreams": [{"kapa": {"type": "kapa", "url": "https://api.kapa.ai"}}],
        "gate": [[{"rate_limit": {"per": ["ip"], "limit": "600/min"}}, {"identify": _IDENTIFY}]],
        "chain": [[{"audit": {}}, {"rbac": {}}, {"guard_answer": {"pii": "redact"}}]],
        "routes": _ROUTES,
        "tenant_secrets": [["env:KG_{tenant}_*", "file:/run/secrets/{tenant}/*"]],
    },
    "EnvironmentDocument": {
        "name": ["production", "development"],
        "listen": [{"limits": {"body": "256KiB"}}],
        "admin_keys": [{"pepper": "${env:ADMIN_PEPPER}"}],
        "state": ["memory", "sqlite:/var/lib/kapagate/state.db"],
        "log": [{"level": "warning"}],
        "pseudonyms": [{"key": "${env:PSEUDONYM_KEY}"}],
        "roles": [{"viewer": {"allow": ["kapa.chat"]}}],
        "upstreams": [{"kapa": {"stream": "buffer"}}],
        "gate": [[{"at": "rate_limit", "set": {"limit": "60/min"}}]],
        "chain": _CHANGES,
        "routes": _ROUTES,
        "tenant_secrets": [["env:KG_{tenant}_*"]],
    },
    "TenantDocument": {
        "name": ["acme"],
        "display_name": ["Acme Ltd"],
        "upstreams": [
            {"kapa": {"project": "0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d", "api_key": "${env:KG_ACME_KEY}"}},
            {"kapa": {"stream": "buffer"}},
        ],
        "chain": _CHANGES,
    },
    "TenantUpstream": {
        "project": ["0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d", "${env:KG_ACME_PROJECT}"],
        "integration_id": ["5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c"],
        "source_groups": ["all", ["5f0c9a52-1d3b-4e8f-a7c6-2b4d6e8f0a1c"]],
    },
    "Change": {
        "at": ["guard_answer"],
        "set": [{"max_response_length": 1000, "pii": "redact"}],
        "add": [{"guard_answer": {"pii": "refuse"}, "id": "strict-answer"}],
        "after": ["guard_answer"],
        "before": ["enrich"],
        "remove": ["enrich"],
    },
    "ExceptionDocument": {
        "name": ["acme-logs"],
        "tenant": ["acme"],
        "step": ["guard_question"],
        "field": ["max_length", "confidence.uncertain", "mode"],
        "value": [6000, "disclaim"],
        "reason": ["Acme pastes log excerpts until its log viewer can link to them."],
        "approver": ["security@example.com"],
        "expiry": ["2099-12-31T00:00:00Z"],
    },
    "Listen": {
        "hosts": [["gateway.internal"]],
        "trusted_hops": [["10.0.0.0/8"]],
        "public_url": ["https://ask.example"],
        "admin_origins": [["https://console.example"]],
    },
    "Tls": {
        "certificate": ["/run/tls/tls.crt"],
        "key": ["/run/tls/tls.key"],
        "client_ca": ["/run/tls/ca.crt"],
    },
    "Socket": {"owner": ["kapagate"], "group": ["apps"]},
    "RoleDeclaration": {
        "allow": [["kapa.chat", "route.crm"], ["*"]],
        "deny": [["kapa.end_users"]],
        "includes": [["viewer"]],
    },
    "RouteDeclaration": {
        "name": ["crm"],
        "match": ["GET|POST /crm/{rest:*}", "GET /notes/{id}"],
        "upstream": ["crm"],
        "serve": ["system_health"],
        "text": [["notes[].text"]],
        "question": [["messages[].content"]],
        "running_text": [["choices[].delta.content"], ["."]],
        "cors": [{"origins": ["https://app.example"]}],
        "ip_allow": [["192.0.2.0/24"], {"deny": ["203.0.113.0/24"]}],
        "identify": [_IDENTIFY],
    },
    "Options": {"id": ["answer"]},
    "When": {"route": [["kapa.chat", "crm"]], "role": [["viewer"]]},
    "Cors": {
        "origins": [["https://app.example"]],
        "headers": [["Authorization", "Content-Type"]],
        "expose": [["X-Correlation-ID"]],
    },
    "NetworkFile": {"file": ["/run/policy/networks.txt"]},
    "IpAllow": {
        "allow": [["192.0.2.0/24", "2001:db8::/32"], {"file": "/run/policy/networks.txt"}],
        "deny": [["203.0.113.0/24"], {"file": "/run/policy/networks.txt"}],
    },
    "Identify": {"schemes": [[{"api_key": _KEYS}]]},
    "RateLimit": {"burst": [10], "cost": [{"kapa.chat": 5, "default": 1}]},
    "Enrich": {"add": [{"tenant_id": "tenant", "user_role": "role"}]},
    "Given": {"source": ["tenant", "role", "claim:team"]},
    "Backends": {"headers": [{"X-Kapagate-Tenant": "tenant", "X-Kapagate-Subject": "pseudonym"}]},
    "Token": {
        "issuer": ["https://gateway.example"],
        "audience": ["crm"],
        "claims": [{"org": "tenant"}],
    },
    "GuardQuestion": {"max_length": [4000], **_TERMS},
    "GuardAnswer": {
        "max_response_length": [1000],
        "cut_notice": [" […]", {"de": " […] (mehr auf Nachfrage)"}],
        "disclaim": [[{"tenant": ["acme"], "language": ["de"]}]],
        "disclaimer": ["Please check this with your account team.", {"de": "Bitte prüfen Sie diese Antwort."}],
        "withheld": ["Please ask your support team.", {"de": "Bitte wenden Sie sich an den Support."}],
        **_TERMS,
    },
    "PolicyRule": {
        "id": ["no-legal-advice"],
        "patterns": [[r"\blegal advice\b"]],
        "message": ["This is no legal advice.", {"de": "Dies ist keine Rechtsberatung."}],
    },
    "Disclaim": {
        "role": [["operator"]],
        "tenant": [["acme"]],
        "language": [["de"]],
        "message": ["Approve of this first.", {"de": "Bitte erst freigeben."}],
    },
    "OnlyCode": {"only": [["python", "bash"]]},
    "CustomDetector": {
        "pattern": ["EMP-[0-9]{6}"],
        "context": [["employee", "staff"]],
        "max_match": [40],
        "matches": [["ask EMP-004711"]],
        "leaves": [["EMP-12"]],
    },
    "SourceLimits": {"allow": [["https://docs.example/*"]], "deny": [[{"title": "*draft*"}]]},
    "SourcePattern": {"url": ["https://docs.example/*"], "title": ["*draft*"]},
    "ApiKeyEntry": {
        "id": ["abcdefghij01"],
        "digest": ["0123456789abcdef" * 4],
        "tenant": ["acme"],
        "subject": ["nightly-report"],
        "roles": [["viewer"]],
        "env": ["live"],
    },
    "ApiKey": {"keys": ["${file:keys.yaml}"]},
    "Jwt": {
        "issuer": ["https://id.example"],
        "audience": ["docs", ["docs", "docs-staging"]],
        "keys": ["https://id.example/jwks.json", "${file:/run/secrets/jwks.json}"],
        "ca_file": ["/run/tls/ca.crt"],
        "plain_http": [["id.internal"]],
        "tenant": ["acme"],
        "tenants": [["acme", "globex"]],
    },
    "Claims": {"tenant": ["org"]},
    "Signed": {
        "signature": ["X-Signature"],
        "template": ["{id}.{timestamp}.{body}", "{body}"],
        "timestamp": ["X-Timestamp"],
        "id": ["X-Message-Id"],
        "prefix": ["sha256="],
    },
    "WebhookSignature": {
        "secrets": [["${env:BILLING_HOOK_SECRET}"]],
        "sources": [{"billing": ["${env:BILLING_HOOK_SECRET}"]}],
        "tenant": ["acme", "{tenant}"],
        "subject": ["billing", "{source}"],
        "roles": [["hooks"]],
    },
    "Kapa": {"url": ["https://api.kapa.ai"], **_CERTIFICATES},
    "KapaWidget": {"url": ["https://proxy.kapa.ai"], **_CERTIFICATES},
    "KapaMcp": {"url": ["https://acme.mcp.kapa.ai"], **_CERTIFICATES},
    "Http": {
        "url": ["http://127.0.0.1:9000", "https://crm.internal"],
        "set_headers": [{"Authorization": "${env:CRM_AUTHORIZATION}"}],
        "remove_headers": [["X-Debug"]],
        **_CERTIFICATES,
    },
    "PolicyTest": {
        "name": ["who-asks"],
        "environment": [{"RATE_LIMIT": "60"}],
        "callers": [{"ada": {"tenant": "acme", "subject": "ada", "roles": ["viewer"]}}],
    },
    "Caller": {
        "tenant": ["acme"],
        "subject": ["ada"],
        "roles": [["viewer"]],
        "session": ["session-1"],
        "claims": [{"team": "docs"}],
        "issuer": ["https://id.example"],
        "api_key": ["nightly-report"],
        "headers": [{"Origin": "https://app.example"}],
    },
    "Script": {
        "answer": ["With a test."],
        "sources": [["Documentation"], [{"title": "Start", "source_url": "https://docs.example/start"}]],
        "records": [[{"type": "partial_answer", "content": {"text": "With a test."}}]],
        "body": [{"notes": []}, "a text as it is"],
        "headers": [{"Content-Type": "text/plain"}],
    },
    "Text": {"equals": ["With a test."], "contains": ["<email>"], "lacks": ["ada@nimbus.example"]},
    "Sent": {
        "name": ["crm"],
        "request": ["POST /query/v1/projects/0d2f4c1a-7b3e-4f5a-9c6d-8e1f2a3b4c5d/chat/"],
        "headers": [{"X-Kapagate-Tenant": "acme", "Cookie": None}],
        "body": [{"query": "Write to <email>."}],
    },
    "Expectation": {
        "problem": ["unauthenticated"],
        "step": ["identify"],
        "rule": ["max_length"],
        "headers": [{"Retry-After": "1"}],
        "body": [{"title": "Unauthenticated"}],
        "decisions": [{"guard_question": "changed"}],
        "audit": [{"tenant": "acme"}],
        "metrics": [{"kapa_queries_total{status=answered}": 1}],
    },
    "Call": _CALL,
    "Case": {
        **_CALL,
        "name": ["who has a key gets an answer"],
        "environment": [{"RATE_LIMIT": "60"}],
        "failing": [["audit"]],
    },
}
