"""What lies outside of this process: references, key sets, providers."""
