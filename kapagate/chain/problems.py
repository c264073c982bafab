"""Every kind of problem that the gateway answers, in the order of statuses. `docs/problems.md` has a line for each."""

from __future__ import annotations

from kapagate.chain.problem import Kind

MALFORMED_REQUEST = Kind("malformed-request", 400, "The request cannot be read")
MALFORMED_PATH = Kind("malformed-path", 400, "The path is not acceptable")
MALFORMED_BODY = Kind("malformed-body", 400, "The body cannot be read")
AMBIGUOUS_CREDENTIALS = Kind("ambiguous-credentials", 400, "More than one credential was sent")
CREDENTIALS_REQUIRED = Kind("credentials-required", 401, "Credentials are required")
INVALID_CREDENTIALS = Kind("invalid-credentials", 401, "The credentials are not valid")
UNKNOWN_TENANT = Kind("unknown-tenant", 403, "The credential names no tenant of this gateway")
FORBIDDEN = Kind("forbidden", 403, "The caller's roles do not allow this")
NOT_FOUND = Kind("not-found", 404, "Nothing is here")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "The method is not supported here")
REQUEST_TIMEOUT = Kind("request-timeout", 408, "The request did not arrive in time")
BODY_TOO_LARGE = Kind("body-too-large", 413, "The body is too large")
URI_TOO_LONG = Kind("uri-too-long", 414, "The request target is too long")
UNSUPPORTED_MEDIA = Kind("unsupported-media", 415, "The body's media type or coding is not supported")
EXPECTATION_FAILED = Kind("expectation-failed", 417, "The expectation cannot be met")
QUESTION_REFUSED = Kind("question-refused", 422, "The question was refused")
ANSWER_REFUSED = Kind("answer-refused", 422, "The answer was refused")
RATE_LIMITED = Kind("rate-limited", 429, "Too many requests")
HEAD_TOO_LARGE = Kind("head-too-large", 431, "The request's head is too large")
INTERNAL = Kind("internal", 500, "The gateway failed")
NOT_IMPLEMENTED = Kind("not-implemented", 501, "This is not supported")
UPSTREAM_UNREACHABLE = Kind("upstream-unreachable", 502, "The upstream cannot be reached")
UPSTREAM_MALFORMED = Kind("upstream-malformed", 502, "The upstream's answer cannot be read")
UPSTREAM_CREDENTIALS = Kind("upstream-credentials", 502, "The upstream refused the gateway's own credentials")
UPSTREAM_UNINSPECTABLE = Kind("upstream-uninspectable", 502, "The upstream's answer cannot be inspected")
UNAVAILABLE = Kind("unavailable", 503, "The gateway cannot serve this now")
UPSTREAM_BUSY = Kind("upstream-busy", 503, "Too many requests are waiting for the upstream")
UPSTREAM_TIMEOUT = Kind("upstream-timeout", 504, "The upstream did not answer in time")
