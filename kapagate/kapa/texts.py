"""Where texts stand in Kapa's objects, by key. What is not named is a text of kind `other`, and so are keys."""

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
_WORDS: Final = """\
aggregate_statistics answer chunk clusters comment company_name contains_internal_data content count created_at
custom_tags customization_id description detail discord_id display_id document_id document_ids email end_date
end_user end_user_id expires_at external_owner_id feedback fingerprint_id first_activity_at first_name github_sub_id
google_sub_id has_more_question_answers id identifier incorrect initial_answer initial_question integration
integration_id integration_type interaction_tags interval irrelevant is_redacted is_uncertain iso issue
kapa_oidc_sub_id kapa_web_id last_activity_at last_name latest_activity_at latest_thread_first_question
latest_thread_id max_chars max_chars_per_document mcp_client_meta metadata mode name next next_cursor
num_unique_users origin_url page page_size period periods previous previous_cursor project project_name query
query_type question question_answer question_answer_count question_answer_id question_answers reaction reason
redact_query relevant_sources results session_token slack_id source_group_ids_include source_groups
source_ids_include source_url start_date statistics statistics_by_integration status_tag store_ip stream_end
sub_groups suggestion summary team text thread_count thread_id threads title top_k total_chars total_clusters
total_conversation_query_count total_conversations total_downvotes total_items total_queries_by_language
total_query_count total_retrieval_query_count total_support_tickets_deflected total_support_tickets_not_deflected
total_uncertain_query_count total_unique_users total_upvotes truncated type unaddressed unique_client_id updated_at
urls use_pruning user user_identifier version
"""
NAMES: Final = frozenset(_WORDS.split())
"""The keys of Kapa's objects. Any other key may say anything, so it is looked at as a text."""
