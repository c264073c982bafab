"""Endpoints that the gateway answers by itself: probes, administration, health, and the doors they stand behind."""
