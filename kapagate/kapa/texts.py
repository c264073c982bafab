"""Where texts stand in Kapa's objects, by key. What is not named here is a text of kind `other`."""

from __future__ import annotations

from typing import Final

from kapagate.answer.events import TextKind

SOURCE_KINDS: Final[dict[str, TextKind]] = {"title": "title"}
PASSAGE_KINDS: Final[dict[str, TextKind]] = {"title": "title", "content": "passage"}
LISTED_KINDS: Final[dict[str, TextKind]] = {
    "question": "question",
    "initial_question": "question",
    "latest_thread_first_question": "question",
    "answer": "answer",
    "initial_answer": "answer",
    "title": "title",
    "summary": "passage",
    "suggestion": "passage",
    "content": "passage",
    "comment": "comment",
    "issue": "comment",
}
UNTOUCHED: Final = frozenset({"source_url"})
MACHINE_READ: Final = UNTOUCHED.union(
    ("next", "previous", "next_cursor", "previous_cursor"),
    ("created_at", "updated_at", "last_activity_at", "latest_activity_at", "first_activity_at", "ingested_at"),
    ("start_date", "end_date", "next_run_at", "interval"),
    ("type", "integration_type", "query_type", "reaction", "iso"),
    ("session_token", "expires_at"),
)
"""What a program reads and a guard could only damage: addresses, cursors, times, words of enumerations, a token."""
