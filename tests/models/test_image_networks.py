"""Networks over images: the papers' parameter counts, PyTorch's numbers, rows that do not count."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.models import VGG, ConvNet2D, ImageNetResNet, LeNet, ResNet
from sequence_lab.models.resnet import ResidualBlock

RANDOM = np.random.default_rng(0)


def parameters_of(model, *shape):
    """How many; nothing of that size is made."""
    shapes = jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct((1, *shape), jnp.float32))
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes["params"]))


@functools.partial(jax.jit, static_argnames=("model", "train"))
def apply(model, variables, *inputs, train=False):
    return model.apply(variables, *inputs, train=train, mutable=["batch_stats"])


def variables_of(model, x):
    """Random numbers for all variables, biases and statistics included."""
    draw, shapes = np.random.default_rng(1), jax.eval_shape(model.init, jax.random.key(0), x)
    params = jax.tree.map(lambda a: draw.normal(size=a.shape, scale=0.3).astype(np.float32), shapes.pop("params"))
    return {"params": params, **jax.tree.map(lambda a: draw.uniform(0.5, 1.5, a.shape).astype(np.float32), shapes)}


@pytest.mark.parametrize(
    ("configuration", "count"),
    [("A", 132_863_336), ("B", 133_047_848), ("C", 133_638_952), ("D", 138_357_544), ("E", 143_667_240)],
)
def test_vgg_has_the_papers_parameters(configuration, count):
    assert parameters_of(VGG(1000, configuration), 224, 224, 3) == count


def test_batch_norm_takes_the_place_of_vggs_biases():
    """Two parameters for each of the 2,752 filters, in place of one."""
    assert parameters_of(VGG(1000, batch_norm=True), 224, 224, 3) == 132_863_336 + 2_752


@pytest.mark.parametrize("side", [28, 32])
def test_small_images_leave_vgg_one_position(side):
    assert parameters_of(VGG(10, hidden_features=()), side, side, 3) == 9_220_480 + 512 * 10 + 10


@pytest.mark.parametrize(("depth", "count"), [(18, 11_689_512), (34, 21_797_672), (50, 25_557_032)])
def test_imagenet_resnets_have_torchvisions_parameters(depth, count):
    assert parameters_of(ImageNetResNet(1000, depth), 224, 224, 3) == count


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85)])
def test_resnets_have_the_papers_parameters_with_and_without_shortcuts(depth, millions):
    count = parameters_of(ResNet(10, depth), 32, 32, 3)
    assert round(count / 1e6, 2) == millions
    n = (depth - 2) // 6
    filters = 9 * (3 * 16 + 2 * n * 16**2 + 16 * 32 + (2 * n - 1) * 32**2 + 32 * 64 + (2 * n - 1) * 64**2)
    assert count == filters + 2 * (16 + 2 * n * (16 + 32 + 64)) + 650
    assert parameters_of(ResNet(10, depth, plain=True), 32, 32, 3) == count
    assert parameters_of(ResNet(10, depth, pre_activation=True), 32, 32, 3) == count


@pytest.mark.parametrize(("original", "count"), [(True, 60_000 + 850), (False, 61_706)])
def test_lenet_has_the_papers_parameters(original, count):
    assert parameters_of(LeNet(10, original), 28, 28, 1) == parameters_of(LeNet(10, original), 32, 32, 1) == count


def test_a_filter_of_five_leaves_28_of_32():
    model = ConvNet2D(10, features=(4,), kernel_size=5, padding="VALID", hidden_features=0)
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))["params"]
    assert shapes["head"]["kernel"].shape == (14 * 14 * 4, 10)
    two = model.clone(convolutions=2, batch_norm=True, hidden_features=7)
    shapes = jax.eval_shape(two.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))["params"]
    assert shapes["hidden"]["kernel"].shape == (12 * 12 * 4, 7)
    assert [sorted(shapes[name]) for name in ("Conv2D_1", "BatchNorm_1")] == [["kernel"], ["bias", "scale"]]


def test_the_original_lenet_is_the_papers_equations():
    """Map by map, in plain loops."""
    model, x = LeNet(3, original=True), RANDOM.normal(size=(2, 28, 28, 1)).astype(np.float32)
    variables = variables_of(model, x)
    params = variables["params"]
    found, _ = apply(model, variables, x)

    def squashed(a):
        return 1.7159 * np.tanh(2 / 3 * a)

    def filtered(maps, weights):
        """The sum over maps ``[H, W]`` of each one's convolution with its 5x5 weights."""
        size = len(maps[0]) - 4
        views = [np.lib.stride_tricks.sliding_window_view(one, (5, 5)) for one in maps]
        assert views[0].shape[:2] == (size, size)
        return sum(np.einsum("hwij,ij->hw", view, w) for view, w in zip(views, weights, strict=True))

    def halved(maps, name):
        half = len(maps[0]) // 2
        means = [squashed(one).reshape(half, 2, half, 2).mean((1, 3)) for one in maps]
        return [
            squashed(m * w + b) for m, w, b in zip(means, params[f"{name}_weight"], params[f"{name}_bias"], strict=True)
        ]

    seen = [[d, (d + 1) % 6, (d + 2) % 6] for d in range(6)] + [[(d + i) % 6 for i in range(4)] for d in range(6)]
    seen += [[0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], list(range(6))]
    for row in range(2):
        image = np.pad(x[row, :, :, 0], 2)
        c1 = [filtered([image], [params["c1"]["kernel"][:, :, 0, d]]) + params["c1"]["bias"][d] for d in range(6)]
        s2, first, c3 = halved(c1, "s2"), 0, []
        for d, maps in enumerate(seen):
            weights = params["c3"]["kernel"][:, :, first : first + len(maps)]
            c3.append(filtered([s2[m] for m in maps], np.moveaxis(weights, -1, 0)) + params["c3"]["bias"][d])
            first += len(maps)
        y = np.stack(halved(c3, "s4"), axis=-1).ravel()
        for name in ("c5", "f6"):
            y = squashed(y @ params[name]["kernel"] + params[name]["bias"])
        np.testing.assert_allclose(
            found[row], y @ params["head"]["kernel"] + params["head"]["bias"], rtol=2e-4, atol=2e-4
        )


def torch_convolution(torch, params):
    kernel = params["kernel"]
    layer = torch.nn.Conv2d(*kernel.shape[2:], kernel.shape[0], padding=kernel.shape[0] // 2, bias="bias" in params)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(np.transpose(kernel, (3, 2, 0, 1))))
        if "bias" in params:
            layer.bias.copy_(torch.tensor(params["bias"]))
    return layer


def torch_norm(torch, variables, name):
    layer = torch.nn.BatchNorm2d(len(variables["params"][name]["scale"]))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(variables["params"][name]["scale"]))
        layer.bias.copy_(torch.tensor(variables["params"][name]["bias"]))
        layer.running_mean.copy_(torch.tensor(variables["batch_stats"][name]["mean"]))
        layer.running_var.copy_(torch.tensor(variables["batch_stats"][name]["var"]))
    return layer


@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2},
        {"strides": 2, "shortcut": "projection"},
        {"shortcut": "projection", "bottleneck": True},
        {"strides": 2, "pre_activation": True},
        {"shortcut": "none"},
    ],
    ids=["zeros", "projection", "bottleneck", "pre_activation", "plain"],
)
def test_a_residual_block_is_pytorchs(options, train):
    torch = pytest.importorskip("torch")
    x = RANDOM.normal(size=(3, 5, 6, 4)).astype(np.float32)
    model = ResidualBlock(6, **options)
    variables = variables_of(model, x)
    (found, _), _ = apply(model, variables, x, train=train)

    def normalized(a, name):
        return torch_norm(torch, variables, name).train(train)(a)

    def convolved(a, name, stride=1):
        layer = torch_convolution(torch, variables["params"][name])
        layer.stride = (stride, stride)
        return layer(a)

    count, strides = (3 if options.get("bottleneck") else 2), options.get("strides", 1)
    seen = y = torch.tensor(np.transpose(x, (0, 3, 1, 2)))
    for number in range(count):
        stride = strides if number == count - 2 else 1
        if options.get("pre_activation"):
            y = convolved(torch.relu(normalized(y, f"norm_{number}")), f"conv_{number}", stride)
        else:
            y = normalized(convolved(y, f"conv_{number}", stride), f"norm_{number}")
            y = torch.relu(y) if number < count - 1 else y
    if options.get("shortcut") == "projection":
        y = y + normalized(convolved(seen, "conv_shortcut", strides), "norm_shortcut")
    elif options.get("shortcut") != "none":
        y = y + torch.nn.functional.pad(seen[:, :, ::strides, ::strides], (0, 0, 0, 0, 0, y.shape[1] - 4))
    y = y if options.get("pre_activation") else torch.relu(y)
    np.testing.assert_allclose(found, np.transpose(y.detach().numpy(), (0, 2, 3, 1)), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("train", [False, True])
def test_a_tiny_vgg_is_pytorchs(train):
    torch = pytest.importorskip("torch")
    x = RANDOM.normal(size=(3, 32, 32, 2)).astype(np.float32)
    model = VGG(5, "C", batch_norm=True, width=1 / 32, hidden_features=(7,), dropout=0.0)
    variables = variables_of(model, x)
    found, changed = apply(model, variables, x, train=train)
    y = torch.tensor(np.transpose(x, (0, 3, 1, 2)))
    for block, layers in enumerate((2, 2, 3, 3, 3)):
        for layer in range(layers):
            y = torch_convolution(torch, variables["params"][f"conv_{block}_{layer}"])(y)
            norm = torch_norm(torch, variables, f"norm_{block}_{layer}").train(train)
            y = torch.relu(norm(y))
            moved = changed["batch_stats"][f"norm_{block}_{layer}"]["mean"]
            np.testing.assert_allclose(moved, norm.running_mean.numpy(), rtol=1e-3, atol=1e-4)
        y = torch.nn.functional.max_pool2d(y, 2)
    y = y.flatten(1).detach().numpy()
    params = variables["params"]
    y = np.maximum(y @ params["hidden_0"]["kernel"] + params["hidden_0"]["bias"], 0)
    np.testing.assert_allclose(found, y @ params["head"]["kernel"] + params["head"]["bias"], rtol=1e-3, atol=1e-3)


NETWORKS = {
    "conv_net": ConvNet2D(3, features=(4,), convolutions=2, padding="VALID", batch_norm=True),
    "lenet": LeNet(3),
    "lenet_original": LeNet(3, original=True),
    "vgg": VGG(3, batch_norm=True, width=1 / 32, hidden_features=(), dropout=0.0),
    "resnet": ResNet(3, 8, width=1 / 4),
    "resnet_pre_activation": ResNet(3, 8, pre_activation=True, width=1 / 4),
    "imagenet_resnet": ImageNetResNet(3, 18, width=1 / 32),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_padding_is_not_read(name):
    """Neither past the length of a row nor in one of length 0: outputs and statistics stay the same."""
    model, x = NETWORKS[name], RANDOM.normal(size=(3, 28, 28, 2)).astype(np.float32)
    variables, lengths = variables_of(model, x), np.array([28, 20, 0])
    x[1, 20:] = x[2] = 0
    expected = apply(model, variables, x, lengths, train=True)
    x[1, 20:] = x[2] = np.nan
    found = apply(model, variables, x, lengths, train=True)
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    assert np.isfinite(found[0]).all()


@pytest.mark.parametrize("name", ["conv_net", "resnet_pre_activation"])
def test_a_row_of_length_0_does_not_count(name):
    model, x = NETWORKS[name], RANDOM.normal(size=(3, 28, 28, 2)).astype(np.float32)
    variables, lengths = variables_of(model, x), np.array([28, 20, 0])
    found = apply(model, variables, x, lengths, train=True)
    fewer = apply(model, variables, x[:2], lengths[:2], train=True)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-4)
    jax.tree.map(close, (found[0][:2], found[1]), fewer)


@pytest.mark.parametrize(
    ("model", "side", "said"),
    [
        (VGG(2, "F"), 32, "configuration is 'F'; allowed: A, B, C, D, E"),
        (VGG(2, width=0.0), 32, r"width is 0.0; allowed: above 0"),
        (ResNet(2, 21), 32, r"depth is 21; allowed: 6n \+ 2"),
        (ImageNetResNet(2, 20), 32, "depth is 20; allowed: 18, 34, 50"),
        (ResidualBlock(2, shortcut="zero"), 4, "shortcut is 'zero'; allowed: zeros, projection, none"),
        (LeNet(2), 30, r"images have shape \(30, 30\); allowed: \(28, 28\), \(32, 32\)"),
        (ConvNet2D(2, kernel_size=5, padding="VALID", convolutions=2), 20, "halve each side to nothing"),
        (ConvNet2D(2, padding="CAUSAL"), 20, "padding is 'CAUSAL'; allowed: SAME, VALID"),
        (ConvNet2D(2, convolutions=0), 20, "convolutions is 0; allowed: 1 or more"),
    ],
)
def test_what_does_not_fit_is_refused(model, side, said):
    with pytest.raises(ValueError, match=said):
        jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, side, side, 2)))
