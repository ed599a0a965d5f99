"""Encoders: shapes, parameters, refusals. Siamese: one encoder, one pass. The bound of the head."""

import pytest
import torch
from torch import nn

from dmlcourse.losses import contrastive_loss
from dmlcourse.networks import ConvEncoder, MahalanobisHead, MLPEncoder, SiameseNetwork, SigNet

pytestmark = pytest.mark.usefixtures("one_thread")


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def draw(*shape, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


# ---------------------------------------------------------------- encoders


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [((), 65 * 3), ((10,), 65 * 10 + 11 * 3), ((10, 7), 65 * 10 + 11 * 7 + 8 * 3)],
)
def test_an_mlp_has_the_parameters_of_its_widths(hidden, expected):
    assert parameters(MLPEncoder(64, hidden, dim=3)) == expected


def test_an_mlp_without_hidden_layers_is_a_linear_map():
    network, x = MLPEncoder(4, hidden=(), dim=2), draw(5, 4)
    layer = network.layers[0]
    assert torch.allclose(network(x), x @ layer.weight.T + layer.bias)


def test_an_mlp_is_relu_between_linear_layers():
    network, x = MLPEncoder(4, hidden=(3,), dim=2), draw(5, 4)
    first, last = network.layers[0], network.layers[-1]
    hidden = (x @ first.weight.T + first.bias).clamp(min=0)
    assert torch.allclose(network(x), hidden @ last.weight.T + last.bias)


def test_an_mlp_reads_images_row_by_row():
    network, x = MLPEncoder(12), draw(5, 1, 3, 4)
    assert torch.equal(network(x), network(x.reshape(5, 12)))


@pytest.mark.parametrize(
    ("blocks", "channels", "inputs", "places"), [(4, 64, 1, 1), (3, 16, 1, 9), (2, 5, 3, 49)]
)
def test_a_convolutional_encoder_has_the_parameters_of_its_docstring(
    blocks, channels, inputs, places
):
    network = ConvEncoder(10, channels, blocks, inputs)
    first = (9 * inputs + 3) * channels
    others = (blocks - 1) * (9 * channels + 3) * channels
    assert parameters(network) == first + others + (places * channels + 1) * 10


def test_four_blocks_leave_one_place_of_28_pixels_and_no_averaging_is_needed():
    network, x = ConvEncoder(dim=8).eval(), draw(2, 1, 28, 28)
    left = network.blocks(x)
    assert left.shape == (2, 64, 1, 1)
    assert torch.allclose(network(x), network.last(left[:, :, 0, 0]))


def test_a_block_is_convolution_normalisation_relu_and_the_largest_of_four():
    network, x = ConvEncoder(channels=3, blocks=1), draw(4, 1, 6, 5)
    convolution, norm = network.blocks[0][0], network.blocks[0][1]
    y = nn.functional.conv2d(x, convolution.weight, convolution.bias, padding=1)
    y = (y - y.mean((0, 2, 3), keepdim=True)) / (y.var((0, 2, 3), False, True) + norm.eps).sqrt()
    y = y.clamp(min=0)[:, :, :6, :4]  # an odd column is left over
    assert torch.allclose(network.blocks(x), y.reshape(4, 3, 3, 2, 2, 2).amax((3, 5)), atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (9, 15), (32, 64), (28, 28)])
def test_a_convolutional_encoder_reads_every_size_from_2_to_the_blocks(size):
    network = ConvEncoder(dim=5, channels=4, blocks=3)
    assert network(draw(2, 1, *size)).shape == (2, 5)


def test_an_announced_size_keeps_every_place():
    network = ConvEncoder(dim=5, channels=4, blocks=3, size=(32, 64)).eval()
    x = draw(2, 1, 32, 64)
    assert network.last.in_features == 4 * 4 * 8
    assert torch.allclose(network(x), network.last(network.blocks(x).flatten(1)))


def test_the_full_signet_is_that_of_the_paper():
    with torch.device("meta"):  # 114 million weights without memory
        network = SigNet()
    expected = {
        "features.0": 96 * 11**2 + 96,
        "features.4": 256 * 96 * 5**2 + 256,
        "features.9": 384 * 256 * 3**2 + 384,
        "features.11": 256 * 384 * 3**2 + 256,
        "dense.0": 256 * 17 * 25 * 1024 + 1024,
        "dense.3": 1024 * 128 + 128,
    }
    found = {name: parameters(m) for name, m in network.named_modules() if name in expected}
    assert found == expected
    assert parameters(network) == sum(expected.values())
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.3, 0.3, 0.5]


@pytest.mark.parametrize("size", [(25, 25), (26, 40), (32, 64)])
def test_signet_reads_every_announced_size(size):
    z = SigNet(dim=6, size=size, width=1 / 32)(draw(3, 1, *size))
    assert z.shape == (3, 6)
    assert (z >= 0).all()


def test_signet_starts_as_glorot_proposes():
    layer = SigNet(size=(32, 64), width=0.1, random_state=0).dense[0]
    bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
    assert bound * 0.99 < layer.weight.abs().max() <= bound
    assert not layer.bias.any()


BUILDERS = {
    "mlp": lambda seed=None: MLPEncoder(6, (5,), 4, random_state=seed),
    "conv": lambda seed=None: ConvEncoder(4, 3, 2, random_state=seed),
    "signet": lambda seed=None: SigNet(4, (25, 25), 0.02, random_state=seed),
}


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)
class TestSeeds:
    def test_a_random_state_fixes_the_weights_and_leaves_the_generator(self, build):
        before = torch.get_rng_state()
        first = build(3)
        assert torch.equal(torch.get_rng_state(), before)
        torch.rand(1)
        assert same_weights(first, build(3))
        assert not same_weights(first, build(4))

    def test_without_one_the_global_generator_draws(self, build):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            first, second = build(), build()
            torch.manual_seed(0)
            assert same_weights(first, build())
        assert not same_weights(first, second)


def same_weights(one, other):
    return all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


def test_encoders_run_in_other_precisions_on_any_device(device):
    for build, shape in (("mlp", (2, 6)), ("conv", (2, 1, 28, 28)), ("signet", (2, 1, 25, 25))):
        network = BUILDERS[build](0).to(device, torch.float64)
        z = network(draw(*shape, dtype=torch.float64).to(device))
        assert (z.dtype, z.device.type) == (torch.float64, device)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MLPEncoder(0), "inputs is 0"),
        (lambda: MLPEncoder(4, hidden=(5, 2.5)), r"hidden is 2\.5"),
        (lambda: MLPEncoder(4, dim=True), "dim is True"),
        (lambda: ConvEncoder(channels=-1), "channels is -1"),
        (lambda: ConvEncoder(blocks=5), r"\(28, 28\).*at least 32.*5 blocks"),
        (lambda: ConvEncoder(size=(28, 28, 1)), r"\(28, 28, 1\): expected \(height, width\)"),
        (lambda: SigNet(size=(24, 64)), r"\(24, 64\).*at least 25"),
        (lambda: SigNet(width=0), "width is 0"),
        (lambda: MahalanobisHead(3, rank=4), "rank is 4 and dim 3"),
        (lambda: MahalanobisHead(3, bound=0), "bound is 0"),
        (lambda: MahalanobisHead(3, bound=float("inf")), "bound is inf"),
    ],
)
def test_settings_that_make_no_network(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("network", "shape", "message"),
    [
        (MLPEncoder(6), (3, 7), r"\(3, 7\): expected \(B, 6\)"),
        (MLPEncoder(6), (6,), r"\(6,\): expected \(B, 6\)"),
        (ConvEncoder(blocks=2), (3, 28, 28), r"write x\[:, None\]"),
        (ConvEncoder(blocks=2), (3, 2, 28, 28), r"expected images \(B, 1, h, w\)"),
        (ConvEncoder(blocks=3), (3, 1, 7, 28), "at least 8"),
        (SigNet(size=(25, 25), width=0.02), (3, 1, 25, 26), r"expected \(B, 1, 25, 25\)"),
        (MahalanobisHead(4), (3, 5), r"expected embeddings \(B, 4\)"),
    ],
)
def test_inputs_of_another_shape(network, shape, message):
    with pytest.raises(ValueError, match=message):
        network(torch.zeros(shape))


# ---------------------------------------------------------------- Siamese


def with_batch_norm():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))


def test_two_branches_have_the_weights_of_one_encoder():
    encoder = MLPEncoder(4)
    siamese = SiameseNetwork(encoder)
    assert siamese.encoder is encoder
    assert parameters(siamese) == parameters(encoder)


def test_both_inputs_are_embedded_in_one_pass():
    encoder, sizes = with_batch_norm(), []
    encoder.register_forward_hook(lambda module, given, result: sizes.append(len(given[0])))
    SiameseNetwork(encoder)(draw(5, 4), draw(5, 4))
    assert sizes == [10]


def test_in_training_batchnorm_measures_both_inputs_together():
    siamese, x = SiameseNetwork(with_batch_norm()), draw(6, 4)
    y = torch.cat([x[:2], 5 + x[2:]])  # the first two pairs are equal, the others are not
    z1, z2 = siamese(x, y)
    apart = siamese.encoder(x)[:2] - siamese.encoder(y)[:2]
    assert (z1[:2] - z2[:2]).abs().max() < 1e-6
    assert apart.abs().max() > 0.1, "in two passes the same input has two embeddings"


def test_in_eval_mode_each_embedding_is_that_of_the_encoder():
    siamese, x, y = SiameseNetwork(with_batch_norm()).eval(), draw(5, 4), 1 + draw(5, 4)
    z1, z2 = siamese(x, y)
    assert torch.allclose(z1, siamese.encoder(x))
    assert torch.allclose(z2, siamese.encoder(y))


def test_gradients_of_both_branches_add_up():
    siamese, x, y = SiameseNetwork(MLPEncoder(4, (3,), 2)), draw(5, 4), 1 + draw(5, 4)
    weights = list(siamese.parameters())

    def gradients(z1, z2):
        loss = contrastive_loss(z1, z2, torch.tensor([True, False, True, False, True]), 5.0)
        return torch.autograd.grad(loss, weights, retain_graph=True)

    z1, z2 = siamese(x, y)
    both = gradients(z1, z2)
    one, other = gradients(z1, z2.detach()), gradients(z1.detach(), z2)
    for g, a, b in zip(both, one, other, strict=True):
        assert torch.allclose(g, a + b, atol=1e-6)


def test_its_distance_is_a_pseudo_metric():
    siamese, x = SiameseNetwork(MLPEncoder(4, (6,), 3)).double(), draw(30, 4, dtype=torch.float64)
    a, b, c = x.split(10)
    assert torch.allclose(siamese.distance(a, b), siamese.distance(b, a))
    assert (siamese.distance(a, a) < 1e-12).all()  # rows of one batch may be rounded differently
    through_b = siamese.distance(a, b) + siamese.distance(b, c)
    assert (siamese.distance(a, c) <= through_b + 1e-12).all()


def test_the_distance_of_equal_inputs_has_the_gradient_zero():
    siamese, x = SiameseNetwork(MLPEncoder(4)), draw(3, 4)
    siamese.distance(x, x).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in siamese.parameters())


def test_pairs_have_one_shape():
    with pytest.raises(ValueError, match=r"\(3, 4\) and x2 \(2, 4\): expected pairs"):
        SiameseNetwork(MLPEncoder(4))(draw(3, 4), draw(2, 4))


# ---------------------------------------------------------------- the head


def test_a_head_without_bound_starts_as_the_identity():
    z = draw(5, 3)
    assert torch.equal(MahalanobisHead(3)(z), z)
    assert torch.equal(MahalanobisHead(3, rank=2)(z), z[:, :2])


def test_its_matrix_gives_the_distances_of_the_network():
    siamese = SiameseNetwork(MLPEncoder(4, (5,), 3), MahalanobisHead(3, rank=2)).double()
    siamese.head.weight.data = draw(2, 3, dtype=torch.float64)
    x, y = draw(6, 4, dtype=torch.float64), 1 + draw(6, 4, dtype=torch.float64)
    M = siamese.head.get_mahalanobis_matrix()
    gaps = siamese.encoder(x) - siamese.encoder(y)
    assert M.shape == (3, 3)
    assert not M.requires_grad
    assert torch.allclose(siamese.distance(x, y).square(), ((gaps @ M) * gaps).sum(1))


@pytest.mark.parametrize("bound", [0.5, 2.0])
def test_it_starts_within_its_bound_and_projects_onto_it(bound):
    head = MahalanobisHead(3, bound=bound)
    assert head.weight.norm() <= bound * (1 + 1e-6)
    L = 4 * draw(3, 3)
    head.weight.data = L.clone()
    head.project_()
    assert head.weight.norm().item() == pytest.approx(bound, rel=1e-6)
    assert torch.allclose(head.weight, L * bound / L.norm()), "the nearest point is on the ray to L"


def test_a_projection_leaves_what_is_inside():
    head = MahalanobisHead(3, bound=9.0)
    before = head.weight.clone()
    head.project_()
    assert torch.equal(head.weight, before)
    head.weight.data.zero_()
    head.project_()
    assert not head.weight.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_length_whose_square_overflows_is_projected_too(dtype):
    head = MahalanobisHead(3, bound=2.0).to(dtype)
    head.weight.data.fill_(1000.0)
    head.project_()
    assert head.weight.dtype == dtype
    assert torch.allclose(head.weight.float(), torch.full((3, 3), 2 / 3), rtol=2**-7)


def test_no_distance_grows_by_more_than_the_bound():
    head, z = MahalanobisHead(4, bound=0.7), draw(50, 4)
    head.weight.data = draw(4, 4)
    head.project_()
    assert (torch.pdist(head(z)) <= 0.7 * torch.pdist(z) * (1 + 1e-5)).all()
