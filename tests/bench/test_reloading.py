from bench.reloading import Reloads
from kapagate import run as composition
from kapagate.policy.finding import Diagnostics
from kapagate.policy.load import Loaded


def test_it_knows_what_the_gateway_is_composed_of() -> None:
    """What it stands in for has these names there."""
    assert callable(composition.load_policy)
    assert callable(composition.Live)


def test_services_are_offered_once(monkeypatch) -> None:
    offers: list[object] = []

    def load(paths, resolve, offer, **more) -> Loaded:
        offer(None)
        offer(None)
        return Loaded(Diagnostics())

    monkeypatch.setattr("bench.reloading.load_policy", load)
    Reloads().load([], None, lambda settings: offers.append(settings) or object())
    assert len(offers) == 1
