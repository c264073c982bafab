import inspect
import signal

import orjson

from bench.sampled import Sampler
from kapagate.chain.path import split_target


def test_only_what_the_gateway_does_is_counted() -> None:
    sampler = Sampler()
    sampler.note(signal.SIGPROF, inspect.currentframe())
    sampler.note(signal.SIGPROF, None)
    assert orjson.loads(sampler.written()) == {}


def test_a_sample_belongs_to_the_innermost_function_of_the_gateway() -> None:
    sampler = Sampler()

    class Target(bytes):
        def startswith(self, *arguments: object) -> bool:
            sampler.note(signal.SIGPROF, inspect.currentframe())
            return True

        def partition(self, separator: object) -> tuple["Target", bytes, bytes]:
            return self, b"", b""

    split_target(Target(b"/a"))
    assert orjson.loads(sampler.written()) == {"chain/path.py split_target": 1}
    sampler.clear(signal.SIGUSR1, None)
    assert orjson.loads(sampler.written()) == {}
