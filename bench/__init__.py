"""Benchmarks: what the gateway costs, measured beside what else one would put there."""
