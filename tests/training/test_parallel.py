"""Arrays to devices and back, whatever a step then does with them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.training.parallel import KINDS, REPLICATED, SHARDED, Parallel


@pytest.fixture(params=[(kind, count) for kind in KINDS for count in (1, 8)], ids=str)
def parallel(request):
    kind, count = request.param
    return Parallel(kind, jax.devices()[:count])


@pytest.mark.parametrize("spec", [REPLICATED, SHARDED])
def test_what_is_put_is_got_back(parallel, spec):
    random = np.random.default_rng(0)
    tree = {"a": random.normal(size=(16, 3)).astype(np.float32), "b": (random.integers(9, size=(8,)),)}
    found = parallel.get(parallel.put(tree, spec), spec)
    jax.tree.map(np.testing.assert_array_equal, found, tree)


@pytest.mark.parametrize("array", [jnp.zeros((8, 3)), np.zeros((8, 3), np.float32)], ids=["device", "host"])
def test_one_array_in_two_places_can_be_donated_and_lives_on(parallel, array):
    def add_one(tree):
        return (jax.tree.map(lambda x: x + 1, tree),)

    step = parallel.compile(add_one, (SHARDED,), (SHARDED,), donate=(0,))
    tree = {"c": array, "h": array}
    for _ in range(2):
        (found,) = step(parallel.put(tree, SHARDED))
        for leaf in jax.tree.leaves(parallel.get(found, SHARDED)):
            np.testing.assert_array_equal(leaf, np.ones((8, 3)))
    np.testing.assert_array_equal(array, np.zeros((8, 3)))


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="parallel is 'pmapp'; allowed: jit, pmap"):
        Parallel("pmapp")
