"""Policies that are loaded again and again: the same as loading them anew, at less cost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kapagate.chain.hop import Hops
from kapagate.chain.services import Services
from kapagate.kapa.ownership import Owners
from kapagate.policy.load import Loaded, load_policy
from kapagate.policy.loader import Loader
from kapagate.policy.work import done
from kapagate.remote.references import References
from kapagate.stores.memory_owners import MemoryOwners
from kapagate.web.config import view_of
from tests.chain.conftest import FakeClock
from tests.policy.conftest import ENVIRONMENT, GOOD, TABLE, TENANT_ACME, SocketlessHops

BETA = TENANT_ACME.replace("acme", "beta").replace("ACME", "BETA").replace("000002", "000003")
PLAIN = BETA[: BETA.index("chain:")]


class World:
    """A folder of policy files, a loader of it, and how often something was offered to a Gateway document."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.offered = 0
        self.loader = Loader([folder], References(ENVIRONMENT), self._offer, table=TABLE)
        self.write(gateway=GOOD, acme=TENANT_ACME, beta=BETA)

    def write(self, **texts: str) -> None:
        for name, text in texts.items():
            (self.folder / f"{name}.yaml").write_text(text)

    def load(self) -> Loaded:
        return self.loader.load()

    def anew(self) -> Loaded:
        return load_policy([self.folder], References(ENVIRONMENT), self._services, table=TABLE)

    def _offer(self, settings: Any) -> Services:
        self.offered += 1
        return self._services(settings)

    def _services(self, settings: Any) -> Services:
        return Services({Hops: SocketlessHops(), Owners: MemoryOwners(FakeClock())})


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def told(loaded: Loaded) -> tuple[Any, ...]:
    """All that can be seen of a load."""
    view = view_of(loaded.generation, [], 0.0).document() if loaded.generation else None
    return view, loaded.report(), loaded.summary(), sorted(loaded.sources)


def test_what_did_not_change_stays_the_same_object(world: World) -> None:
    before = world.load().generation
    world.write(beta=BETA.replace("mask: phone", "mask: email"))
    after = world.load().generation
    assert before is not None
    assert after is not None
    assert before.policy != after.policy
    assert after.steps is before.steps
    assert after.tenants["acme"] is before.tenants["acme"]
    assert after.tenants["default"] is before.tenants["default"]
    assert after.tenants["beta"] is not before.tenants["beta"]
    assert world.offered == 1


def test_another_gateway_document_is_compiled_anew(world: World) -> None:
    before = world.load().generation
    world.write(gateway=GOOD.replace("count: 3", "count: 4"))
    after = world.load().generation
    assert before is not None
    assert after is not None
    assert after.steps is not before.steps
    assert world.offered == 2


def test_a_tenant_that_is_gone_is_gone(world: World) -> None:
    world.load()
    (world.folder / "beta.yaml").unlink()
    after = world.load().generation
    assert after is not None
    assert after.tenants.keys() == {"acme", "default"}


def test_a_wrong_policy_is_wrong_however_often_it_is_loaded(world: World) -> None:
    before = world.load().generation
    world.write(beta=BETA.replace("mask: phone", "mask: fax"))
    wrong = world.load()
    assert wrong.generation is None
    assert wrong.report() == world.anew().report()
    assert world.load().generation is None
    world.write(beta=BETA)
    after = world.load().generation
    assert before is not None
    assert after is not None
    assert after.policy == before.policy


def test_errors_are_told_where_they_stand_now(world: World) -> None:
    """Although the document says the same as before, and only lines above it are new."""
    world.load()
    world.write(acme="# one\n# two\n" + TENANT_ACME, gateway=GOOD.replace("id: answer", "id: reply"))
    assert "acme.yaml:9:10" in world.load().report()


def test_what_a_reference_stands_for_is_looked_at_again(world: World) -> None:
    secret = world.folder / "secret"
    secret.write_text("t-" + "1" * 20)
    world.write(gateway=GOOD.replace('secret: "${env:TOKEN}"', 'secret: "${file:secret}"'))
    before = world.load().generation
    assert not done(world.loader.moved())
    secret.write_text("t-" + "2" * 20)
    assert done(world.loader.moved())
    after = world.load().generation
    assert before is not None
    assert after is not None
    assert after.steps is not before.steps


def test_a_file_that_was_missing_is_looked_for(world: World) -> None:
    world.write(gateway=GOOD.replace('secret: "${env:TOKEN}"', 'secret: "${file:secret}"'))
    assert not world.load().ok
    assert not done(world.loader.moved())
    (world.folder / "secret").write_text("t-" + "1" * 20)
    assert done(world.loader.moved())
    assert world.load().ok


def test_a_longer_name_takes_its_variables_away_at_once(world: World) -> None:
    world.write(acme=TENANT_ACME.replace("KG_ACME_KEY", "KG_ACME_EU_KEY"))
    assert world.load().ok
    world.write(eu=PLAIN.replace("name: beta", "name: acme-eu").replace("KG_BETA_KEY", "KG_ACME_EU_KEY"))
    assert "is in the scope of tenant" in world.load().report()


def test_nothing_grows_with_the_number_of_loads(world: World) -> None:
    world.load()
    for number in range(300):
        world.write(beta=BETA.replace("mask: phone", f"mask: {('phone', 'email')[number % 2]}") + f"# {number}\n")
        assert world.load().ok
    build = world.loader._site.build
    assert build is not None
    assert build.ground is not None
    assert len(build.ground.tenancy.compiler._placed) < 100
    assert len(build.ground.tenancy.known) == 2


@pytest.mark.parametrize("seed", range(20))
def test_loading_again_is_loading_anew(world: World, seed: int) -> None:
    """Whatever was changed since, and however often."""
    chance = Random(seed)
    edits: dict[str, list[Callable[[], Any]]] = {
        "gateway": [
            lambda text=text: world.write(gateway=text) for text in (GOOD, GOOD.replace("count: 5", "count: 6"))
        ],
        "acme": [lambda text=text: world.write(acme=text) for text in (TENANT_ACME, "# moved\n" + TENANT_ACME)],
        "beta": [
            *(lambda text=text: world.write(beta=text) for text in (BETA, PLAIN, BETA.replace("phone", "fax"), "a: [")),
            lambda: (world.folder / "beta.yaml").unlink(missing_ok=True),
        ],
    }
    for _ in range(12):
        for each in chance.sample(sorted(edits), chance.randint(1, 3)):
            chance.choice(edits[each])()
        assert told(world.load()) == told(world.anew())


def test_it_rests_between_tenants(world: World) -> None:
    """So that requests need not wait for all of them."""
    assert len(list(world.loader.loading(world.loader.read()))) > 10
