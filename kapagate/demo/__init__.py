"""The demo: a stand-in Kapa, a small internal backend and the gateway on loopback, and requests that show the chain."""
