"""The machine itself behind the ports for time and chance."""
