"""kapagate: a reverse-proxy sidecar in front of the Kapa.ai API, with its policy chain declared in YAML."""

__version__ = "0.1.0"
