"""What we know of Kapa: its operations, its records and JSON objects, and where texts stand in them.

No schema of Kapa's answers is published. What stands here was read from clients that Kapa publishes and from live
use that others recorded, so the codecs take what they know and guard every string of what they do not know. A
record's frame, keys that are new and types that are new pass; only texts change.
"""
