"""What operators see: metrics for Prometheus, logs as JSON lines."""
