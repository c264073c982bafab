"""Upstream types: how one kind of API is spoken to. One file per type; the file's name is the YAML name."""
