"""The training loop: what a step is, what a run repeats, survives and refuses; and ``embed``."""

import random
import subprocess
import sys
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from dmlcourse.losses import (
    ContrastiveLoss,
    MarginLoss,
    TripletLoss,
    contrastive_loss,
    triplet_loss,
)
from dmlcourse.networks import ConvEncoder, MahalanobisHead, MLPEncoder, SiameseNetwork
from dmlcourse.selection import (
    BalancedBatchSampler,
    balanced_batches,
    pair_batches,
    shuffled_batches,
)
from dmlcourse.training import Epoch, History, embed
from dmlcourse.training import train as train_aloud

pytestmark = pytest.mark.usefixtures("one_thread")

train = partial(train_aloud, progress=False, device="cpu")

Y = np.arange(24) % 4
X = (np.random.default_rng(0).normal(size=(24, 6)) + Y[:, None]).astype(np.float32)
BATCHES = shuffled_batches(X, Y, 8)


def encoder(**settings):
    return MLPEncoder(6, (5,), 3, random_state=0, **settings)


def restless():
    """A network with everything that a run has to remember: statistics, and random numbers."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.3), nn.Linear(5, 3))


def state(*modules):
    return [tensor.clone() for module in modules for tensor in module.state_dict().values()]


def equal(one, other):
    return len(one) == len(other) and all(map(torch.equal, one, other))


@pytest.fixture(autouse=True)
def global_numbers_stay():
    """Whatever is trained here, torch's own random numbers are afterwards as they were."""
    with torch.random.fork_rng(devices=[]):
        yield


# ---------------------------------------------------------------- the loop


def test_it_is_the_loop_that_one_would_write():
    network, twin = encoder(), encoder()
    loss = ContrastiveLoss(2.0)
    fixed = list(BATCHES(np.random.default_rng(0)))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    history = train(network, loss, fixed, epochs=3, optimizer=optimizer)

    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9)
    losses, lengths = [], []
    for x, y in fixed * 3:
        value = loss(twin(torch.from_numpy(x)), torch.from_numpy(y))
        optimizer.zero_grad()
        value.backward()
        lengths.append(torch.cat([p.grad.flatten() for p in twin.parameters()]).norm().item())
        losses.append(value.item())
        optimizer.step()

    assert equal(state(network), state(twin))
    assert history.loss == pytest.approx(np.reshape(losses, (3, 3)).mean(1).tolist())
    assert history.gradient == pytest.approx(np.reshape(lengths, (3, 3)).mean(1).tolist(), rel=1e-5)
    assert [line.epoch for line in history] == [1, 2, 3]
    assert all(seconds > 0 for seconds in history.seconds)


def test_it_learns():
    network, loss = encoder(), TripletLoss(1.0)
    before = loss(embed(network, torch.from_numpy(X)), Y)
    history = train(network, loss, BATCHES, epochs=20, lr=0.01)
    assert loss(embed(network, torch.from_numpy(X)), Y) < before / 3
    assert history.loss[-1] < history.loss[0] / 3


def test_several_inputs_and_outputs():
    pairs = np.array([(i, j) for i in range(8) for j in range(i)])
    batches = pair_batches(X, pairs, Y[pairs[:, 0]] == Y[pairs[:, 1]], 10)
    network = SiameseNetwork(encoder())
    history = train(network, contrastive_loss, batches, epochs=8, lr=0.02)
    assert history.loss[-1] < history.loss[0]


@pytest.mark.parametrize(
    "batches",
    [
        [(X.astype(np.float64), Y), (X[::-1], Y[::-1])],
        [(torch.from_numpy(X).double(), Y.tolist())],
        [[torch.from_numpy(X), torch.from_numpy(Y)]],
        DataLoader(TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)), 8, shuffle=True),
        lambda rng: iter([(X, Y)]),
        DataLoader([(x, y) for x, y in zip(X, Y, strict=True)], 8),
    ],
    ids=["float64", "lists", "tensors", "shuffled loader", "callable", "loader"],
)
def test_batches_of_any_kind(batches):
    assert len(train(encoder(), ContrastiveLoss(), batches, epochs=2)) == 2


def test_a_sampler_is_told_the_epoch():
    sampler = BalancedBatchSampler(Y, 2, 3)
    loader = DataLoader(
        TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)), None, sampler=sampler
    )
    seen = []
    loss = lambda z, y: (seen.append(y.tolist()), z.sum())[1]  # noqa: E731
    train(encoder(), loss, loader, epochs=2)
    expected = [Y[batch].tolist() for _ in range(2) for batch in sampler_pass(sampler, _)]
    assert seen == expected


def sampler_pass(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


def test_a_parameter_of_the_loss_is_trained():
    loss = MarginLoss(beta=0.3)
    train(encoder(), loss, BATCHES, epochs=3, lr=0.05)
    assert abs(loss.beta.item() - 0.3) > 0.05


def test_an_optimizer_that_lacks_a_parameter_is_refused_by_name():
    network, loss = encoder(), MarginLoss()
    optimizer = torch.optim.Adam(network.parameters())
    with pytest.raises(ValueError, match=r"lacks loss\.beta: it would never change"):
        train(network, loss, BATCHES, epochs=1, optimizer=optimizer)
    with pytest.raises(ValueError, match=r"lacks network\.layers\.0\.weight, network.*, loss"):
        train(encoder(), loss, BATCHES, epochs=1, optimizer=optimizer)
    loss.beta.requires_grad_(False)
    train(network, loss, BATCHES, epochs=1, optimizer=optimizer)


def test_the_norm_of_a_head_is_bounded_at_every_step():
    head = MahalanobisHead(3, bound=0.8)
    norms = []

    def watched(rng):
        for batch in BATCHES(rng):
            yield batch
            norms.append(head.weight.norm().item())

    network = nn.Sequential(encoder(), head)
    train(network, ContrastiveLoss(10.0), watched, epochs=5, lr=0.05)
    assert len(norms) == 15
    assert max(norms) <= 0.8 * (1 + 1e-6)
    assert norms[-1] == pytest.approx(0.8, rel=1e-5), "the loss wants to go farther"


def test_modes_are_train_in_a_step_and_eval_after_it_and_then_as_before():
    network = restless()
    network[1].eval()
    modes = {"loss": set(), "validate": set(), "on_epoch": set()}

    def loss(z, y):
        modes["loss"].add(network.training)
        return z.sum()

    def validate(given):
        modes["validate"].add((given.training, torch.is_grad_enabled()))
        return 0

    train(
        network, loss, BATCHES, epochs=2, validate=validate,
        on_epoch=lambda line, given: modes["on_epoch"].add(given.training),
    )  # fmt: skip
    assert modes == {"loss": {True}, "validate": {(False, False)}, "on_epoch": {False}}
    assert [module.training for module in network] == [True, False, True, True]
    assert network.training


def test_a_part_in_eval_mode_beside_others_in_train_mode_stays_so():
    network, modes = restless(), []
    network[1].eval()
    before = state(network[1])[2:]
    watched = lambda z, y: (modes.append([m.training for m in network]), z.sum())[1]  # noqa: E731
    train(network, watched, BATCHES, epochs=2)
    assert modes == [[True, False, True, True]] * 6
    assert equal(state(network[1])[2:], before), "its statistics are as they were"


def test_a_network_that_is_in_eval_mode_as_a_whole_is_trained_as_a_whole():
    network, modes = restless().eval(), []
    watched = lambda z, y: (modes.append([m.training for m in network]), z.sum())[1]  # noqa: E731
    train(network, watched, BATCHES, epochs=1)
    assert modes == [[True] * 4] * 3
    assert not any(module.training for module in network.modules())


def test_a_network_may_freeze_its_parts_itself():
    class Frozen(nn.Sequential):
        def train(self, mode=True):
            super().train(mode)
            self[1].eval()
            return self

    network = Frozen(*restless())
    before = state(network[1])[2:]
    train(network, ContrastiveLoss(), BATCHES, epochs=1)
    assert equal(state(network[1])[2:], before)


def test_on_epoch_gets_the_line_and_the_network():
    seen, network = [], encoder()
    history = train(
        network, ContrastiveLoss(), BATCHES, epochs=2, on_epoch=lambda *a: seen.append(a)
    )
    assert seen == [(history[0], network), (history[1], network)]


# ---------------------------------------------------------------- what a run repeats


def run(random_state=0, **settings):
    network, loss = restless(), MarginLoss(beta=0.5)
    history = train(network, loss, BATCHES, random_state=random_state, **({"epochs": 3} | settings))
    return state(network, loss), history


def test_the_same_random_state_gives_the_same_weights_whatever_happened_before():
    first, _ = run()
    torch.rand(5)
    np.random.default_rng().normal()
    assert equal(first, run()[0])
    assert not equal(first, run(random_state=1)[0])


def test_each_epoch_has_random_numbers_of_its_own():
    drawn = []

    def batches(rng):
        drawn.append((rng.random(), torch.rand(()).item(), np.random.rand(), random.random()))
        return BATCHES(rng)

    train(encoder(), ContrastiveLoss(), batches, epochs=3)
    assert all(len(set(numbers)) == 3 for numbers in zip(*drawn, strict=True))


def test_the_global_random_numbers_stay():
    network = restless()
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    train(network, ContrastiveLoss(), BATCHES, epochs=1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]


def test_deterministic_algorithms_are_set_for_the_run_alone():
    seen = []

    def loss(z, y):
        seen.append(torch.are_deterministic_algorithms_enabled())
        return z.sum() * (torch.nan if len(seen) == 3 else 1)

    with pytest.raises(FloatingPointError):
        train(encoder(), loss, BATCHES, epochs=1, deterministic=True)
    assert seen == [True] * 3
    assert not torch.are_deterministic_algorithms_enabled()


# ---------------------------------------------------------------- validation


def scripted(values):
    """A validation that gives these values, and keeps the weights that it was shown."""
    shown = []

    def validate(network):
        shown.append(state(network))
        return values[len(shown) - 1]

    return validate, shown


def test_it_stops_when_nothing_improves_and_gives_back_the_best_weights():
    network, loss = restless(), MarginLoss()
    validate, shown = scripted([1.0, 3.0, 3.0, 2.0, 9.0])
    history = train(network, loss, BATCHES, epochs=5, validate=validate, patience=2)
    assert history.value == [1.0, 3.0, 3.0, 2.0]
    assert history.best == history[1], "the first of equal ones"
    assert equal(state(network), shown[1])
    assert not equal(shown[1], shown[3])


def test_the_loss_gets_the_weights_of_the_best_epoch_too():
    loss, betas = MarginLoss(), []
    validate, _ = scripted([2.0, 1.0])
    train(
        encoder(), loss, BATCHES, epochs=2, lr=0.1, validate=validate,
        on_epoch=lambda *_: betas.append(loss.beta.item()),
    )  # fmt: skip
    assert loss.beta.item() == betas[0] != betas[1]


def test_without_validation_the_last_epoch_stays():
    history = train(encoder(), ContrastiveLoss(), BATCHES, epochs=2)
    assert history.best is None
    assert history.value == [None, None]
    assert history.since_best == 0


def test_a_value_that_is_no_number():
    with pytest.raises(ValueError, match="validate gave NaN after epoch 1"):
        train(encoder(), ContrastiveLoss(), BATCHES, epochs=1, validate=lambda network: np.nan)


def test_an_empty_history():
    assert (len(History()), History().best, History().loss) == (0, None, [])


# ---------------------------------------------------------------- checkpoints

STRANGERS = shuffled_batches(X[::-1].copy(), Y, 6)
VALUES = {"validate": lambda network: -abs(network[0].weight.sum().item() - 0.5)}


class Stop(Exception):
    """Something that goes wrong in the middle of an epoch."""


def until(epoch, batch, error):
    """The batches, but for an error in this batch of that epoch."""
    calls = []

    def batches(rng):
        calls.append(rng)
        for number, one in enumerate(BATCHES(rng), 1):
            if (len(calls), number) == (epoch, batch):
                raise error
            yield one

    return batches


@pytest.mark.parametrize("error", [Stop(), KeyboardInterrupt()])
@pytest.mark.parametrize("settings", [{}, VALUES], ids=["last", "best"])
def test_an_interrupted_run_that_goes_on_ends_as_one_that_was_not(tmp_path, error, settings):
    whole, history = run(epochs=5, **settings)
    checkpoint = tmp_path / "run.pt"
    with pytest.raises(type(error)):
        train(
            restless(), MarginLoss(beta=0.5), until(3, 2, error), epochs=5, checkpoint=checkpoint,
            **settings,
        )  # fmt: skip
    resumed, again = run(epochs=5, checkpoint=checkpoint, **settings)
    assert equal(whole, resumed)
    assert columns(again) == columns(history)
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


def columns(history):
    return [line._replace(seconds=0) for line in history]


def noisy(samples):
    """Samples with noise from the global numbers of NumPy and Python, as augmentations draw it."""
    x, y = zip(*samples, strict=True)
    noise = np.random.normal(size=(len(x), 6)) + random.random()
    return torch.stack(x) + torch.from_numpy(noise).float(), torch.stack(y)


def own_generator(seed):
    return torch.Generator().manual_seed(seed)


LOADERS = {
    "loader": lambda data, seed: DataLoader(
        data, 8, shuffle=True, generator=own_generator(seed), collate_fn=noisy
    ),
    "sampler": lambda data, seed: DataLoader(
        data, 8, sampler=RandomSampler(data, generator=own_generator(seed))
    ),
    "batch sampler": lambda data, seed: DataLoader(
        data,
        batch_sampler=BatchSampler(RandomSampler(data, generator=own_generator(seed)), 8, False),
    ),
    "sampler of batches": lambda data, seed: DataLoader(
        data,
        batch_size=None,
        sampler=BatchSampler(RandomSampler(data, generator=own_generator(seed)), 8, False),
    ),
    "balanced": lambda data, seed: DataLoader(
        data, batch_sampler=BalancedBatchSampler(Y, 2, 4), collate_fn=noisy
    ),
    "no generator": lambda data, seed: DataLoader(data, 8, shuffle=True, collate_fn=noisy),
}


@pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS)
def test_a_loader_with_random_numbers_of_its_own_goes_on_as_if_never_stopped(tmp_path, make):
    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))

    def end(epochs, seed, **settings):
        network = restless()
        np.random.seed(seed)
        random.seed(seed)
        train(network, ContrastiveLoss(), make(data, seed), epochs=epochs, **settings)
        return state(network)

    checkpoint = tmp_path / "run.pt"
    end(1, 5, checkpoint=checkpoint)
    assert equal(end(3, 6, checkpoint=checkpoint), end(3, 7))


KILLED = """
import os, signal, sys
import numpy as np
import torch
from torch import nn
from dmlcourse.losses import MarginLoss
from dmlcourse.selection import shuffled_batches
from dmlcourse.training import train

checkpoint, kill = sys.argv[1], sys.argv[2] == "kill"
torch.set_num_threads(1)
X = np.random.default_rng(0).normal(size=(24, 6)).astype(np.float32)
epochs = []

def batches(rng):
    epochs.append(rng)
    for k, batch in enumerate(shuffled_batches(X, np.arange(24) % 4, 8)(rng)):
        if kill and (len(epochs), k) == (3, 1):
            os.kill(os.getpid(), signal.SIGKILL)
        yield batch

torch.manual_seed(0)
network = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.3), nn.Linear(5, 3))
loss = MarginLoss(beta=0.5)
train(network, loss, batches, epochs=4, device="cpu", checkpoint=checkpoint, progress=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_run_that_is_killed_goes_on_to_the_very_same_end(tmp_path, monkeypatch):
    cut, whole = str(tmp_path / "cut.pt"), str(tmp_path / "whole.pt")
    killed = subprocess.run([sys.executable, "-c", KILLED, cut, "kill"], check=False)
    assert killed.returncode == -9
    assert len(torch.load(cut)["history"]) == 2
    for path in (cut, whole):
        monkeypatch.setattr(sys, "argv", ["", path, "live"])
        exec(KILLED, {})
    one, other = torch.load(cut), torch.load(whole)
    for part in ("network", "loss"):
        assert equal(list(one["weights"][part].values()), list(other["weights"][part].values()))
    moments = [
        [tensor for moment in each["optimizer"]["state"].values() for tensor in moment.values()]
        for each in (one, other)
    ]
    assert equal(*moments)


def test_a_finished_run_returns_at_once(tmp_path):
    checkpoint = tmp_path / "run.pt"
    weights, history = run(epochs=2, checkpoint=checkpoint, **VALUES)
    network, loss = restless(), MarginLoss(beta=0.5)
    again = train(network, loss, until(1, 1, Stop()), epochs=2, checkpoint=checkpoint, **VALUES)
    assert equal(state(network, loss), weights)
    assert again == history


def test_a_run_that_had_stopped_early_returns_at_once(tmp_path):
    checkpoint, settings = tmp_path / "run.pt", {"epochs": 9, "patience": 1}
    first, _ = run(checkpoint=checkpoint, validate=scripted([1.0, 0.0])[0], **settings)
    network, loss = restless(), MarginLoss(beta=0.5)
    history = train(
        network, loss, until(1, 1, Stop()), checkpoint=checkpoint, validate=scripted([])[0],
        **settings,
    )  # fmt: skip
    assert len(history) == 2
    assert equal(state(network, loss), first)


def test_more_epochs_go_on_and_fewer_are_refused(tmp_path):
    checkpoint = tmp_path / "run.pt"
    run(epochs=2, checkpoint=checkpoint, **VALUES)
    longer, history = run(epochs=4, checkpoint=checkpoint, **VALUES)
    assert equal(longer, run(epochs=4, **VALUES)[0])
    assert len(history) == 4
    with pytest.raises(ValueError, match="has 4 epochs already, more than epochs=3"):
        run(epochs=3, checkpoint=checkpoint)


def test_a_rate_that_was_changed_on_the_way_is_kept(tmp_path):
    def rates(epochs, checkpoint=None):
        network, seen = encoder(), []
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1)

        def halve(*_):
            optimizer.param_groups[0]["lr"] /= 2
            seen.append(optimizer.param_groups[0]["lr"])

        train(
            network, ContrastiveLoss(), BATCHES, epochs=epochs, optimizer=optimizer,
            on_epoch=halve, checkpoint=checkpoint,
        )  # fmt: skip
        return seen

    checkpoint = tmp_path / "run.pt"
    assert rates(2, checkpoint) + rates(4, checkpoint) == rates(4)


def small(**settings):
    """Arguments of a small run, some of them replaced."""
    network = settings.pop("network", encoder())
    loss = settings.pop("loss", MarginLoss(0.2))
    return network, loss, BATCHES, {"epochs": 1} | settings


def sgd(network, loss):
    return torch.optim.SGD([*network.parameters(), *loss.parameters()], lr=1e-3)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: small(network=MLPEncoder(6, (7,), 3)), r"network\.layers\.0\.weight is \(5, 6\)"),
        (
            lambda: small(network=MLPEncoder(6, (5, 5), 3)),
            r"network\.layers\.2\.weight is \(3, 5\)",
        ),
        (lambda: small(network=restless()), "network is MLPEncoder"),
        (
            lambda: small(network=encoder().double()),
            r"network\.layers\.0\.weight is \(5, 6\) torch\.float32, here .* torch\.float64",
        ),
        (lambda: small(loss=MarginLoss(0.3)), r"loss\.margin is 0\.2, here 0\.3"),
        (lambda: small(loss=ContrastiveLoss()), "loss is MarginLoss, here ContrastiveLoss"),
        (lambda: small(lr=1e-2), r"optimizer\.lr is 0\.001, here 0\.01"),
        (lambda: small(random_state=1), "random_state is 0, here 1"),
        (lambda: small(amp=True), "amp is False, here True"),
    ],
)
def test_a_checkpoint_of_another_run(tmp_path, make, what):
    checkpoint = tmp_path / "run.pt"
    network, loss, batches, settings = small()
    train(network, loss, batches, checkpoint=checkpoint, **settings)
    network, loss, batches, settings = make()
    with pytest.raises(ValueError, match=f"belongs to another run: there {what}"):
        train(network, loss, batches, checkpoint=checkpoint, **settings)


def test_a_checkpoint_of_another_optimizer(tmp_path):
    checkpoint = tmp_path / "run.pt"
    network, loss, batches, settings = small()
    train(network, loss, batches, checkpoint=checkpoint, **settings)
    with pytest.raises(ValueError, match="optimizer is Adam, here SGD"):
        train(
            network, loss, batches, optimizer=sgd(network, loss), checkpoint=checkpoint, **settings
        )


def test_settings_of_a_partial_are_part_of_a_run(tmp_path):
    pairs = np.array([(i, j) for i in range(6) for j in range(i)])
    batches = pair_batches(X, pairs, Y[pairs[:, 0]] == Y[pairs[:, 1]], 8)

    def go(loss, epochs=2):
        train(SiameseNetwork(encoder()), loss, batches, epochs=epochs, checkpoint=tmp_path / "p.pt")

    go(partial(contrastive_loss, margin=1.0))
    go(partial(contrastive_loss, margin=1.0), epochs=3)
    with pytest.raises(ValueError, match=r"there loss\.margin is 1\.0, here 5\.0"):
        go(partial(contrastive_loss, margin=5.0))
    with pytest.raises(ValueError, match=r"loss\.margin is 1\.0, here None"):
        go(contrastive_loss)
    with pytest.raises(ValueError, match="there loss is contrastive_loss, here triplet_loss"):
        go(partial(triplet_loss, margin=1.0))


def test_what_training_itself_changes_makes_no_other_run(tmp_path):
    class Counting(ContrastiveLoss):
        calls = 0

        def forward(self, *given):
            self.calls += 1  # now an attribute of its own
            self.last = f"call {self.calls}"
            self.begun = True
            return super().forward(*given)

    def go(loss, epochs):
        return train(encoder(), loss, BATCHES, epochs=epochs, checkpoint=tmp_path / "run.pt")

    loss = Counting(1.0)
    for epochs in (1, 1, 3, 3):
        assert len(go(loss, epochs)) == epochs, "the same cell again"
    assert loss.calls == 9
    assert len(go(Counting(1.0), 3)) == 3
    with pytest.raises(ValueError, match=r"there loss\.margin is 1\.0, here 2\.0"):
        go(Counting(2.0), 3)


def test_files_that_are_no_checkpoint(tmp_path):
    path = tmp_path / "run.pt"
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        run(checkpoint=path)
    torch.save({"weights": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="no checkpoint of this version"):
        run(checkpoint=path)
    with pytest.raises(ValueError, match=r"no folder .*nowhere"):
        run(checkpoint=tmp_path / "nowhere" / "run.pt")


# ---------------------------------------------------------------- what is refused


def test_a_loss_that_is_not_finite_leaves_the_weights_before_it(tmp_path):
    network, states, checkpoint = encoder(), [], tmp_path / "run.pt"

    def loss(z, y):
        states.append(state(network))
        return z.square().mean() * (torch.nan if len(states) == 5 else 1)

    with pytest.raises(FloatingPointError, match=r"loss is nan \(epoch 2, batch 2\)"):
        train(network, loss, BATCHES, epochs=3, checkpoint=checkpoint)
    assert equal(state(network), states[-1])
    assert not equal(states[-1], states[-2])
    assert len(torch.load(checkpoint)["history"]) == 1


def test_a_gradient_that_is_not_finite_is_found_before_the_step():
    network = encoder()
    before = state(network)

    def bare_root(z, y):
        return (z[:4] - z[:4].detach()).square().sum(1).sqrt().sum()

    with pytest.raises(FloatingPointError, match=r"gradient is nan \(epoch 1, batch 1\).*slope 0"):
        train(network, bare_root, BATCHES, epochs=1)
    assert equal(state(network), before)


def test_statistics_are_put_back_with_the_weights():
    network, seen = restless(), []
    x = np.where(np.arange(24)[:, None] == 20, np.nan, X).astype(np.float32)

    def batches(rng):
        for rows in (slice(8), slice(8, 16), slice(16, 24)):
            seen.append(state(network))
            yield x[rows], Y[rows]

    with pytest.raises(FloatingPointError, match="Weights and buffers are those before this"):
        train(network, ContrastiveLoss(), batches, epochs=1)
    assert equal(state(network), seen[2])
    assert not equal(seen[1][4:], seen[2][4:]), "the batches before it are counted"


def scaled(monkeypatch):
    """Gradients are scaled on the CPU as they are with amp on CUDA."""
    make = torch.amp.GradScaler
    monkeypatch.setattr(torch.amp, "GradScaler", lambda device, enabled: make(device, enabled=True))


def test_a_gradient_that_no_scale_makes_finite_is_found(monkeypatch):
    scaled(monkeypatch)
    network = restless()
    weights = state(network)[:2]
    with pytest.raises(
        FloatingPointError, match=r"gradient is nan \(epoch 6, batch 2\).*amp=False"
    ):
        train(network, lambda z, y: (z - z.detach()).norm(dim=1).sqrt().sum(), BATCHES, epochs=9)
    assert equal(state(network)[:2], weights)


def test_steps_that_are_left_out_have_no_gradient(monkeypatch):
    scaled(monkeypatch)
    calls = []

    def loss(z, y):
        calls.append(z)
        # The derivative of the root at 0 is infinite.
        return 3 * z[0, 0] + ((z - z.detach()).square().sum().sqrt() if len(calls) < 5 else 0)

    network = nn.Linear(6, 1, bias=False)
    x = np.eye(1, 6, dtype=np.float32)
    history = train(network, loss, [(x, Y[:1])] * 3, epochs=2, lr=1e-9)
    assert history.gradient == pytest.approx([np.nan, 3.0], nan_ok=True)


def test_a_run_without_any_pair_says_so_once(tmp_path):
    alone = [(X[:3], np.arange(3))]
    message = "gradient is 0 in every batch of epoch 1: .* Has any batch a pair or triplet"
    with pytest.warns(UserWarning, match=message) as caught:
        train(encoder(), TripletLoss(), alone, epochs=3, checkpoint=tmp_path / "run.pt")
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(encoder(), TripletLoss(), alone, epochs=4, checkpoint=tmp_path / "run.pt")
        train(encoder(), TripletLoss(1.0), [*alone, (X, Y)], epochs=2)


def test_a_collapsed_network_says_so():
    network = encoder()
    nn.init.zeros_(network.layers[-1].weight)
    with pytest.warns(
        UserWarning, match="nothing was learned. Are all embeddings of a batch equal"
    ):
        train(network, ContrastiveLoss(), [(X, Y)], epochs=1)


def test_an_optimizer_that_needs_a_closure():
    network = encoder()
    optimizer = torch.optim.LBFGS(network.parameters())
    with pytest.raises(ValueError, match=r"LBFGS needs a closure.* Choose another"):
        train(network, ContrastiveLoss(), BATCHES, epochs=1, optimizer=optimizer)


@pytest.mark.parametrize(
    ("loss", "batches", "message"),
    [
        (lambda z, y: z.sum(1), BATCHES, r"loss has shape \(8,\) \(epoch 1, batch 1\)"),
        (lambda z, y: 0.5, BATCHES, "loss has type"),
        (lambda z, y: z.detach().sum(), BATCHES, "does not depend on any weight"),
        (lambda z, y: z.sum(), [(X, Y, Y)], r"batch is a tuple of 3 \(epoch 1, batch 1\)"),
        (lambda z, y: z.sum(), [X], r"batch is a ndarray \(epoch 1"),
        (lambda z, y: z.sum(), [], "no batches in epoch 1"),
    ],
)
def test_losses_and_batches_that_do_not_fit(loss, batches, message):
    with pytest.raises(ValueError, match=message):
        train(encoder(), loss, batches, epochs=2)


def test_an_iterator_that_is_used_up():
    once = [(X, Y)]
    with pytest.raises(ValueError, match="batches is a list_iterator"):
        train(encoder(), ContrastiveLoss(), iter(once), epochs=2)
    assert len(train(encoder(), ContrastiveLoss(), iter(once), epochs=1)) == 1
    same = iter(once)
    with pytest.raises(ValueError, match="no batches in epoch 2"):
        train(encoder(), ContrastiveLoss(), lambda rng: same, epochs=2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": 1.5}, r"epochs is 1\.5"),
        ({"patience": 0, "validate": len}, "patience is 0"),
        ({"patience": 2}, "patience needs validate"),
        ({"random_state": -1}, "random_state is -1"),
        ({"random_state": None}, "random_state is None"),
        ({"device": "nowhere"}, "device is 'nowhere'"),
        ({"device": "meta"}, "device is 'meta': expected 'auto', 'cpu' or 'cuda'"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        train_aloud(encoder(), ContrastiveLoss(), BATCHES, **({"epochs": 1} | settings))


def test_nothing_to_learn():
    with pytest.raises(ValueError, match="Neither the network nor the loss"):
        train(nn.Flatten(), ContrastiveLoss(), BATCHES, epochs=1)


# ---------------------------------------------------------------- devices, precision, progress


def test_it_trains_on_the_device_that_is_asked_for(device):
    network, loss = ConvEncoder(4, 4, 2), MarginLoss()
    images = np.random.default_rng(0).random((24, 1, 8, 8), np.float32)
    batches = balanced_batches(images, Y, 2, 3)
    history = train_aloud(network, loss, batches, epochs=2, device=device, progress=False)
    assert {p.device.type for p in [*network.parameters(), *loss.parameters()]} == {device}
    assert all(np.isfinite(history.loss))
    assert isinstance(embed(network, images), np.ndarray)


@pytest.mark.parametrize("compile", [False, pytest.param(True, marks=pytest.mark.gpu)])
def test_half_precision_follows_the_full_one(device, compile, tmp_path):
    if compile and device == "cpu":
        pytest.skip("compiling takes long on the CPU")
    histories = []
    for amp in (False, True):
        network = encoder()
        dtypes = set()
        network.layers[0].register_forward_hook(lambda m, i, out, seen=dtypes: seen.add(out.dtype))
        settings = {"device": device, "progress": False, "amp": amp, "compile": compile}
        histories.append(
            train_aloud(network, ContrastiveLoss(2.0), BATCHES, epochs=4, lr=0.01, **settings)
        )
        half = torch.float16 if device == "cuda" else torch.bfloat16
        assert dtypes == {half if amp else torch.float32}
        assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert histories[1].loss == pytest.approx(histories[0].loss, rel=0.05)


def test_a_run_that_was_not_scaled_goes_on_scaled(monkeypatch, tmp_path):
    settings = {"amp": True, "checkpoint": tmp_path / "run.pt"}
    train(encoder(), ContrastiveLoss(), BATCHES, epochs=1, **settings)  # as on a CPU
    scaled(monkeypatch)
    assert len(train(encoder(), ContrastiveLoss(), BATCHES, epochs=2, **settings)) == 2


def test_a_loss_alone_may_learn(device):
    loss = MarginLoss()
    train_aloud(nn.Flatten(), loss, BATCHES, epochs=1, device=device, progress=False)
    assert loss.beta.item() != pytest.approx(1.2, abs=1e-6)


def test_a_compiled_network_is_trained_and_stored_under_its_own_names(monkeypatch, tmp_path):
    compiled = []

    def wrapped(network):
        compiled.append(network)
        return nn.Sequential(network)

    monkeypatch.setattr(torch, "compile", wrapped)
    network, plain = encoder(), encoder()
    train(network, ContrastiveLoss(), BATCHES, epochs=1, compile=True, checkpoint=tmp_path / "c.pt")
    train(plain, ContrastiveLoss(), BATCHES, epochs=1)
    assert compiled == [network]
    assert equal(state(network), state(plain))
    assert set(torch.load(tmp_path / "c.pt")["weights"]["network"]) == set(plain.state_dict())


def test_progress_is_shown_or_not(capsys):
    train_aloud(encoder(), ContrastiveLoss(), BATCHES, epochs=2, device="cpu")
    assert "2/2" in capsys.readouterr().err
    train(encoder(), ContrastiveLoss(), BATCHES, epochs=2)
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------- embed


@pytest.mark.parametrize("size", [1, 5, 24, 512])
def test_embed_is_the_network_in_eval_mode(size):
    network, x = restless(), torch.from_numpy(X)
    Z = embed(network, x, batch_size=size)
    assert network.training
    assert not Z.requires_grad
    assert torch.allclose(Z, network.eval()(x), atol=1e-6)


def test_embed_leaves_the_statistics_as_they_are():
    network = restless()
    before = state(network)
    embed(network, X)
    assert equal(state(network), before)


def test_embed_gives_back_the_kind_it_got():
    network = encoder()
    tensor = embed(network, torch.from_numpy(X).double())
    array = embed(network, X[::-1].astype(np.float64))
    assert isinstance(array, np.ndarray)
    assert (tensor.dtype, array.dtype) == (torch.float32, np.float32)
    assert np.allclose(array[::-1], tensor, atol=1e-6)
    assert embed(network, X[:0]).shape == (0, 3)


def test_embed_in_half_precision():
    network = encoder().bfloat16()
    tensor, array = embed(network, torch.from_numpy(X)), embed(network, X)
    assert (tensor.dtype, array.dtype) == (torch.bfloat16, np.float32), "NumPy has no bfloat16"
    assert np.array_equal(array, tensor.float())
    assert embed(network.half(), X).dtype == np.float16


def test_embed_reads_what_may_not_be_written():
    x = X.copy()
    x.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(embed(encoder(), x), embed(encoder(), X))


def test_embed_stays_on_the_device_of_the_data(device):
    Z = embed(encoder().to(device), torch.from_numpy(X))
    assert Z.device.type == "cpu"
    assert embed(encoder(), torch.from_numpy(X).to(device)).device.type == device


def test_embed_asks_a_siamese_network_for_one_branch():
    siamese = SiameseNetwork(encoder(), MahalanobisHead(3, rank=2))
    x = torch.from_numpy(X)
    assert torch.allclose(embed(siamese, x), siamese.encode(x), atol=1e-6)


def test_embed_needs_a_batch_size():
    with pytest.raises(ValueError, match="batch_size is 0"):
        embed(encoder(), X, batch_size=0)


def test_a_line_of_the_history_in_words():
    assert Epoch(1, 0.5, 2.0, 0.1)._asdict() == {
        "epoch": 1,
        "loss": 0.5,
        "gradient": 2.0,
        "seconds": 0.1,
        "value": None,
    }
