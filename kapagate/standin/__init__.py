"""A stand-in for Kapa's HTTP API, for demos and tests only.

It imports nothing of kapagate, so that it is an honest peer: what the gateway and the stand-in agree on, they agree on
over the wire. Its faults are listed in `kapagate.standin.directives`.
"""

from kapagate.standin.directives import Faults
from kapagate.standin.projects import DEFAULT_PROJECTS
from kapagate.standin.recorder import Recorded
from kapagate.standin.server import StandIn

__all__ = ["DEFAULT_PROJECTS", "Faults", "Recorded", "StandIn"]
