"""Policy tests: cases in YAML that run through the real gates, chains and codecs of a policy, without sockets."""
