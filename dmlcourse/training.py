"""One training loop for every network of the course: read it once, then call it.

``train`` goes over batches, epoch after epoch: embed, loss, gradient, step. Around that it keeps a
history, stops early, writes a checkpoint after each epoch and resumes from it, and refuses what
makes training fail in silence. ``embed`` maps data with a trained network.

The random numbers of an epoch depend on ``random_state`` and its number alone. So a run that was
killed and started again ends as one that was never interrupted, bit for bit on the CPU.
"""

from __future__ import annotations

import inspect
import random
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from math import isfinite, isnan, nan
from numbers import Integral
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .data.rendering import on_device
from .files import write_whole

FORMAT = "dmlcourse training, 1"

# In a checkpoint, the value of a setting that is none: training changes it.
CHANGES = "changed by training"


class Epoch(NamedTuple):
    """What one epoch left. epoch: its number, from 1 on. seconds: its time, without validation.

    loss, gradient: means over its batches, of the loss and of the gradient's length (all parameters
    as one vector). Steps that half precision left out have no gradient: without any other it is
    NaN. value: what ``validate`` gave after it, or None.
    """

    epoch: int
    loss: float
    gradient: float
    seconds: float
    value: float | None = None


@dataclass
class History:
    """The epochs of a run, one ``Epoch`` each: iterate over them, or take a column as a list."""

    epochs: list[Epoch] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def __getitem__(self, index: int) -> Epoch:
        return self.epochs[index]

    @property
    def loss(self) -> list[float]:
        """The mean loss of each epoch."""
        return [line.loss for line in self.epochs]

    @property
    def gradient(self) -> list[float]:
        """The mean length of the gradient in each epoch."""
        return [line.gradient for line in self.epochs]

    @property
    def seconds(self) -> list[float]:
        """The seconds of each epoch."""
        return [line.seconds for line in self.epochs]

    @property
    def value(self) -> list[float | None]:
        """What ``validate`` gave after each epoch."""
        return [line.value for line in self.epochs]

    @property
    def best(self) -> Epoch | None:
        """The first epoch with the highest value; None without validation."""
        values = [value for value in self.value if value is not None]
        if not values:
            return None
        return next(line for line in self.epochs if line.value == max(values))

    @property
    def since_best(self) -> int:
        """How many epochs have passed since the best one; 0 without validation."""
        return len(self) - self.best.epoch if self.best else 0


def train(
    network: nn.Module,
    loss: Callable[..., Tensor],
    batches: Callable[[np.random.Generator], Iterable] | Iterable,
    *,
    epochs: int,
    optimizer: torch.optim.Optimizer | None = None,
    lr: float = 1e-3,
    validate: Callable[[nn.Module], float] | None = None,
    patience: int | None = None,
    checkpoint: str | Path | None = None,
    device: str | torch.device = "auto",
    amp: bool = False,
    compile: bool = False,
    deterministic: bool = False,
    random_state: int = 0,
    progress: bool = True,
    on_epoch: Callable[[Epoch, nn.Module], Any] | None = None,
) -> History:
    """Train a network in place, and give the history of its epochs.

    batches: a callable that gets the random numbers of an epoch and gives its batches, as those of
    ``dmlcourse.selection``; or what can be iterated again and again, such as a DataLoader or a
    list. A batch is (inputs, targets), NumPy arrays or tensors, which are moved to the device;
    floating inputs are brought to the dtype of the network. Inputs that are a tuple go in as
    ``network(*inputs)``, and outputs that are one as ``loss(*outputs, targets)``. A loader's or
    sampler's own ``generator`` is seeded anew in each epoch, and its ``set_epoch`` called.

    optimizer: by default Adam with ``lr`` over all parameters of the network and of the loss, where
    some losses learn a boundary or proxies. One of your own has to hold them all. A module that has
    a method ``project_``, such as ``MahalanobisHead``, is projected after each step.

    validate: network → a number, larger is better. Afterwards the network has the weights of its
    best epoch. patience: stop after so many epochs without a better one. on_epoch: called with each
    ``Epoch`` and the network. For both the network is in eval mode; its modes are restored at last.
    A part in eval mode beside others in train mode stays so, such as a BatchNorm that is frozen; a
    network that is in eval mode as a whole is trained as a whole.

    checkpoint: a file, written whole after each epoch; a run that finds its own goes on from there,
    and one that is complete returns at once. Data and ``batches`` are not in it: keep them alike.
    Not in it either are the count of a torch scheduler (set the rate from ``line.epoch``) and what
    persistent workers remember. An interruption, such as Ctrl-C, costs the epoch that was begun.

    device: CPU or CUDA; "auto" is CUDA if there is one. The network stays there. amp: half
    precision, float16 with scaled gradients on CUDA, bfloat16 elsewhere. compile:
    ``torch.compile``. deterministic: only algorithms that repeat bit for bit, or an error; on CUDA,
    set CUBLAS_WORKSPACE_CONFIG first as torch asks. The global random numbers of torch, NumPy and
    Python are seeded for each epoch, and afterwards as they were, as are torch's settings.

    Raises:
        ValueError: for a batch, loss, optimizer or checkpoint that does not fit; says what to do.
        FloatingPointError: for a loss or a gradient that is not finite; weights and buffers, such
            as the statistics of BatchNorm, are those before.

    Warns where the gradient is exactly 0 in every batch of the first epoch.
    """
    _expect_options(epochs, patience, validate, random_state, batches)
    where = _trainable(device)
    for part in _modules(network, loss):
        part.to(where)
    run = _Run(network, loss, _optimizer(optimizer, network, loss, lr), where, amp, random_state)
    if checkpoint is not None:
        run.resume(Path(checkpoint), epochs)
    forward = torch.compile(network) if compile else network
    with ExitStack() as stack:
        for keep in (_modes_of(network, loss), _random_numbers(where), _repeatable(deterministic)):
            stack.enter_context(keep)
        bar = stack.enter_context(_bar(progress, epochs, len(run.history)))
        while len(run.history) < epochs and (not patience or run.history.since_best < patience):
            line = run.epoch(forward, batches, validate)
            if on_epoch:
                on_epoch(line, network)
            if checkpoint is not None:
                run.save(Path(checkpoint))
            bar.set_postfix_str(f"loss {line.loss:.4g}", refresh=False)
            bar.update()
    run.take_best()
    return run.history


@torch.no_grad()
def embed(network: nn.Module, X: Any, batch_size: int = 512) -> Any:
    """f(x) for every row of X, in eval mode and without gradient: (n, …) → (n, d).

    X: a tensor or a NumPy array; the result is of the same kind, and on the device of X, in the
    dtype of the network (float32 where that is bfloat16 and X an array). It is computed on the
    device of the network, ``batch_size`` rows at a time. A network with a method ``encode``, such
    as ``SiameseNetwork``, is asked for that.
    """
    _expect_count("batch_size", batch_size)
    function: Callable[[Tensor], Tensor] = getattr(network, "encode", network)
    weight = _first_weight(network)
    rows = X if isinstance(X, Tensor) else np.asarray(X)
    with _modes_of(network):
        network.eval()
        starts = range(0, max(1, len(rows)), batch_size)
        parts = [function(_moved(rows[k : k + batch_size], weight)) for k in starts]
    Z = torch.cat(parts)
    if isinstance(X, Tensor):
        return Z.to(X.device)
    return (Z.float() if Z.dtype == torch.bfloat16 else Z).cpu().numpy()


class _Run:
    """The parts of a run that change: weights, optimizer, scaler, history."""

    def __init__(
        self,
        network: nn.Module,
        loss: Callable[..., Tensor],
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        amp: bool,
        random_state: int,
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        self.device, self.amp, self.random_state = device, amp, random_state
        half = amp and device.type == "cuda"
        self.scaler = torch.amp.GradScaler(device.type, enabled=half)
        self.half = torch.float16 if device.type == "cuda" else torch.bfloat16
        self.weight = _first_weight(network, device)
        self.frozen = _frozen(network)
        self.projected: list[Any] = [
            module
            for part in _modules(network, loss)
            for module in part.modules()
            if hasattr(module, "project_")
        ]
        self.history = History()
        self.best: dict[str, Any] | None = None
        self.facts = self.facts_now()

    def epoch(self, forward: Callable, batches: Any, validate: Callable | None) -> Epoch:
        """Go over the batches of the next epoch, validate, and add a line to the history."""
        number = len(self.history) + 1
        rng = _seeded(self.random_state, number, self.device)
        start = perf_counter()
        self.network.train()
        for module in self.frozen:
            module.training = False
        steps = [
            self.step(forward, batch, f"epoch {number}, batch {k}")
            for k, batch in enumerate(_of_epoch(batches, rng, number), 1)
        ]
        if not steps:
            raise ValueError(
                f"There are no batches in epoch {number}. An iterator can be used once: give a "
                f"list, a DataLoader, or a callable that makes new batches for every epoch."
            )
        seconds = perf_counter() - start
        self.network.eval()
        losses, gradients = np.transpose(steps)
        _warn_of_no_gradient(number, losses, gradients)
        loss, gradient = losses.mean().item(), _mean_of_numbers(gradients)
        value = _validated(validate, self.network, number)
        line = Epoch(number, loss, gradient, seconds, value)
        self.history.epochs.append(line)
        if self.history.best is line:
            self.best = deepcopy(self.weights())
        return line

    def step(self, forward: Callable, batch: Any, place: str) -> tuple[float, float]:
        """One step downhill; the loss before it, and its gradient's length, NaN if left out."""
        with _buffers_of(self.network, self.loss):
            return self.step_or_error(forward, batch, place)

    def step_or_error(self, forward: Callable, batch: Any, place: str) -> tuple[float, float]:
        inputs, targets = _pair(batch, place)
        inputs, targets = _moved(inputs, self.weight), _moved(targets, self.device)
        with torch.autocast(self.device.type, self.half, enabled=self.amp):
            outputs = forward(*inputs) if isinstance(inputs, tuple) else forward(inputs)
            several = isinstance(outputs, tuple)
            loss = self.loss(*outputs, targets) if several else self.loss(outputs, targets)
        _expect_loss(loss, place)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        value, gradient = _numbers(loss, self.gradient_length())
        # The scaler leaves out steps whose scaled gradient overflowed, and lowers its scale.
        left_out = self.scaler.is_enabled() and not isfinite(gradient)
        if not isfinite(value) or not (isfinite(gradient) or left_out):
            raise FloatingPointError(_not_finite(value, gradient, place))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        # A gradient that overflows at any scale was not finite before it was scaled.
        if left_out and self.scaler.get_scale() < 1:
            raise FloatingPointError(_not_finite(value, gradient, place, half=True))
        for module in self.projected:
            module.project_()
        return value, nan if left_out else gradient

    def gradient_length(self) -> Tensor:
        """‖∇‖ over all parameters of the optimizer, ()."""
        groups = self.optimizer.param_groups
        grads = [p.grad for group in groups for p in group["params"] if p.grad is not None]
        return nn.utils.get_total_norm(grads).to(self.device)

    def weights(self) -> dict[str, Any]:
        """The states of network and loss, not copied."""
        loss = self.loss.state_dict() if isinstance(self.loss, nn.Module) else {}
        return {"network": self.network.state_dict(), "loss": loss}

    def take_best(self) -> None:
        """Give network and loss the weights of the best epoch, if there is one."""
        if self.best is not None:
            self.load(self.best)

    def load(self, weights: dict[str, Any]) -> None:
        self.network.load_state_dict(weights["network"])
        if isinstance(self.loss, nn.Module):
            self.loss.load_state_dict(weights["loss"])

    def facts_now(self) -> dict[str, str]:
        return _facts(self.network, self.loss, self.optimizer, self.random_state, self.amp)

    def settled_facts(self) -> dict[str, str]:
        """The facts at the start, where what has changed since, such as a counter, is marked."""
        now = self.facts_now()
        for name in {**self.facts, **now}:
            if self.facts.get(name) != now.get(name):
                self.facts[name] = CHANGES
        return self.facts

    def save(self, path: Path) -> None:
        """Write everything that the next epoch needs."""
        state = {
            "format": FORMAT,
            "facts": self.settled_facts(),
            "history": [list(line) for line in self.history],
            "weights": self.weights(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        write_whole(path, lambda part: torch.save(state, part))

    def resume(self, path: Path, epochs: int) -> None:
        """Go on from a checkpoint, if there is one and it belongs to this run."""
        if not path.parent.is_dir():
            raise ValueError(f'There is no folder "{path.parent}" for the checkpoint: make it.')
        if not path.exists():
            return
        state = _read(path)
        _expect_same_run(path, state["facts"], self.facts)
        if len(state["history"]) > epochs:
            raise ValueError(
                f'"{path}" has {len(state["history"])} epochs already, more than epochs={epochs}. '
                f"Ask for at least as many, or delete it to start again."
            )
        self.facts |= {name: what for name, what in state["facts"].items() if what == CHANGES}
        self.history = History([Epoch(*line) for line in state["history"]])
        self.load(state["weights"])
        self.best = state["best"]
        self.optimizer.load_state_dict(state["optimizer"])
        if state["scaler"]:  # empty where the run was on the CPU
            self.scaler.load_state_dict(state["scaler"])


# ---------------------------------------------------------------- batches


def _of_epoch(batches: Any, rng: np.random.Generator, number: int) -> Iterable:
    """The batches of one epoch. A sampler that counts epochs is told which one it is.

    A generator of its own would go on from where it stands, and not be there in a resumed run.
    """
    if callable(batches):
        return batches(rng)
    for part in _with_samplers(batches):
        if hasattr(part, "set_epoch"):
            part.set_epoch(number - 1)
        generator = getattr(part, "generator", None)
        if isinstance(generator, torch.Generator):
            generator.manual_seed(int(rng.integers(2**63)))
    return batches


def _with_samplers(part: Any) -> Iterator[Any]:
    """A loader, its samplers, theirs."""
    yield part
    for name in ("batch_sampler", "sampler"):
        inner = getattr(part, name, None)
        if inner is not None:
            yield from _with_samplers(inner)


def _pair(batch: Any, place: str) -> tuple[Any, Any]:
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise ValueError(
            f"A batch is a {type(batch).__name__}{size} ({place}): expected (inputs, targets). "
            f"Several inputs are a tuple: ((x1, x2), same)."
        )
    return batch[0], batch[1]


def _moved(value: Any, to: Tensor | torch.device) -> Any:
    """A value, or each of a tuple or list, as tensors on a device.

    ``to``: the device; or a weight, whose dtype floating values get too.
    """
    if isinstance(value, tuple | list) and value and not np.isscalar(value[0]):
        return tuple(_moved(part, to) for part in value)
    if not isinstance(value, Tensor):
        # Writable too: torch warns where it shares memory that may not be written.
        value = torch.as_tensor(np.require(value, requirements=["C", "W"]))
    if isinstance(to, torch.device) or not value.is_floating_point():
        return value.to(to if isinstance(to, torch.device) else to.device)
    return value.to(to.device, to.dtype)


def _expect_loss(loss: Any, place: str) -> None:
    if not isinstance(loss, Tensor) or loss.ndim:
        what = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"type {type(loss)}"
        raise ValueError(f"The loss has {what} ({place}): expected one number. Take its mean.")
    if not loss.requires_grad:
        raise ValueError(
            f"The loss does not depend on any weight ({place}): there is no gradient. Look for "
            f"detach(), .item(), no_grad() or NumPy between the network and the loss."
        )


def _numbers(*values: Tensor) -> list[float]:
    """Tensors () as numbers: the device is waited for once."""
    dtype = torch.promote_types(values[0].dtype, torch.float32)
    return torch.stack([value.detach().to(dtype) for value in values]).tolist()


def _mean_of_numbers(values: np.ndarray) -> float:
    """The mean without NaN; NaN where there is nothing else."""
    numbers = values[~np.isnan(values)]
    return numbers.mean().item() if len(numbers) else nan


def _warn_of_no_gradient(number: int, losses: np.ndarray, gradients: np.ndarray) -> None:
    """A run that cannot move says so once. That is no error: the task may be solved already."""
    if number > 1 or gradients.any():
        return
    if losses.any():
        why = "Are all embeddings of a batch equal, or all units of a ReLU dead?"
    else:
        why = (
            "Has any batch a pair or triplet? balanced_batches of dmlcourse.selection draws "
            "several samples of each class. Or is every margin kept from the start?"
        )
    text = f"The gradient is 0 in every batch of epoch 1: nothing was learned. {why}"
    warnings.warn(text, stacklevel=4)  # the line that called train


def _not_finite(loss: float, gradient: float, place: str, half: bool = False) -> str:
    if not isfinite(loss):
        what = f"The loss is {loss} ({place})"
        why = "Look for an input that is not finite, a log or a quotient of 0, or lower lr."
    else:
        what = f"The loss is {loss:.4g}, but its gradient is {gradient} ({place})"
        why = "The root of a distance has an infinite slope at 0: give it the slope 0 there."
    if half:
        why += " If it is finite with amp=False, the numbers are too large for float16."
    return f"{what}. {why} Weights and buffers are those before this batch."


def _validated(validate: Callable | None, network: nn.Module, number: int) -> float | None:
    if validate is None:
        return None
    with torch.no_grad():
        value = float(validate(network))
    if isnan(value):
        raise ValueError(f"validate gave NaN after epoch {number}: expected a number.")
    return value


# ---------------------------------------------------------------- what is trained


def _modules(network: nn.Module, loss: Any) -> list[nn.Module]:
    return [part for part in (network, loss) if isinstance(part, nn.Module)]


def _first_weight(network: nn.Module, device: torch.device | None = None) -> Tensor:
    """The first floating parameter or buffer: it says dtype and device of the network.

    Without one it is float32, on the given device or on that of the network's other tensors.
    """
    tensors = [*network.parameters(), *network.buffers()]
    for tensor in tensors:
        if tensor.is_floating_point():
            return tensor
    return torch.empty(0, device=device or (tensors[0].device if tensors else None))


def _frozen(network: nn.Module) -> list[nn.Module]:
    """The parts in eval mode, if others are in train mode."""
    modules = list(network.modules())
    frozen = [module for module in modules if not module.training]
    return frozen if len(frozen) < len(modules) else []


def _optimizer(
    optimizer: torch.optim.Optimizer | None, network: nn.Module, loss: Any, lr: float
) -> torch.optim.Optimizer:
    """The given optimizer if it holds all that is to be learned; by default Adam."""
    named = {
        f"{name}.{parameter}": tensor
        for name, part in (("network", network), ("loss", loss))
        if isinstance(part, nn.Module)
        for parameter, tensor in part.named_parameters()
        if tensor.requires_grad
    }
    if not named:
        raise ValueError("Neither the network nor the loss has a parameter that can be learned.")
    if optimizer is None:
        return torch.optim.Adam(named.values(), lr=lr)
    closure = inspect.signature(type(optimizer).step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise ValueError(
            f"{type(optimizer).__name__} needs a closure, to compute the loss several times in a "
            f"step, and train computes it once. Choose another, such as Adam or SGD."
        )
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    missing = [name for name, tensor in named.items() if id(tensor) not in held]
    if missing:
        names = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise ValueError(
            f"The optimizer lacks {names}: it would never change. Give it "
            f"[*network.parameters(), *loss.parameters()], or set requires_grad to False."
        )
    return optimizer


# ---------------------------------------------------------------- checkpoints


def _facts(
    network: nn.Module, loss: Any, optimizer: torch.optim.Optimizer, random_state: int, amp: bool
) -> dict[str, str]:
    """What two runs have in common if one may go on from the other, in words."""
    facts: dict[str, str] = {}
    for name, part in (("network", network), ("loss", loss)):
        if isinstance(part, partial):
            given = [*enumerate(part.args), *part.keywords.items()]
            facts |= {f"{name}.{key}": str(value) for key, value in given if _is_plain(value)}
            part = part.func
        facts[name] = getattr(part, "__qualname__", type(part).__qualname__)
        if isinstance(part, nn.Module):
            facts |= {f"{name}.{key}": value for key, value in _facts_of(part)}
    facts |= {"random_state": str(random_state), "amp": str(amp)}
    facts["optimizer"] = type(optimizer).__qualname__
    facts["optimizer.groups"] = str([len(group["params"]) for group in optimizer.param_groups])
    return facts | {f"optimizer.{key}": str(value) for key, value in optimizer.defaults.items()}


def _facts_of(part: nn.Module) -> Iterator[tuple[str, str]]:
    """Shapes of the weights, and settings such as a margin or a rate of dropout."""
    for name, tensor in part.state_dict().items():
        yield name, f"{tuple(tensor.shape)} {tensor.dtype}"
    for prefix, module in part.named_modules():
        for name, value in vars(module).items():
            public = not name.startswith("_") and name != "training"
            if public and _is_plain(value):
                yield f"{prefix}.{name}".lstrip("."), str(value)


def _is_plain(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)


def _read(path: Path) -> dict[str, Any]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever is wrong with the file, the remedy is the same
        raise ValueError(f'"{path}" cannot be read as a checkpoint: {error}') from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ValueError(f'"{path}" is no checkpoint of this version. Choose another name.')
    return state


def _expect_same_run(path: Path, there: dict[str, str], here: dict[str, str]) -> None:
    for name in {**here, **there}:
        if there.get(name) not in (here.get(name), CHANGES):
            raise ValueError(
                f'"{path}" belongs to another run: there {name} is {there.get(name)}, here '
                f"{here.get(name)}. Choose another name, or delete it to start again."
            )


# ---------------------------------------------------------------- settings, and their restoration


def _seeded(random_state: int, number: int, device: torch.device) -> np.random.Generator:
    """The random numbers of an epoch; the global ones of all libraries are seeded from them."""
    rng = np.random.default_rng([random_state, number])
    seed = int(rng.integers(2**63))
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index].manual_seed(seed)
    return rng


@contextmanager
def _random_numbers(device: torch.device) -> Iterator[None]:
    """The global random numbers of torch, NumPy and Python, put back at the end."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng([device.index] if device.type == "cuda" else []):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


@contextmanager
def _repeatable(wanted: bool) -> Iterator[None]:
    """Only algorithms that repeat bit for bit; afterwards the setting is as before."""
    if not wanted:
        yield
        return
    before = torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before[0])
        torch.backends.cudnn.benchmark = before[1]


@contextmanager
def _modes_of(network: nn.Module, loss: Any = None) -> Iterator[None]:
    """Train or eval mode of every module, put back at the end."""
    before = [(m, m.training) for part in _modules(network, loss) for m in part.modules()]
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode


@contextmanager
def _buffers_of(network: nn.Module, loss: Any) -> Iterator[None]:
    """The buffers, such as the statistics of BatchNorm, put back if a number is not finite."""
    buffers = [tensor for part in _modules(network, loss) for tensor in part.buffers()]
    before = [tensor.clone() for tensor in buffers]
    try:
        yield
    except FloatingPointError:
        for tensor, value in zip(buffers, before, strict=True):
            tensor.copy_(value)
        raise


def _bar(progress: bool, epochs: int, done: int) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=epochs, initial=done, desc="training", unit="epoch", disable=not progress)


def _trainable(device: str | torch.device) -> torch.device:
    """The device of that name, if all that ``train`` promises can be kept there."""
    where = on_device(device)
    if where.type not in ("cpu", "cuda"):
        raise ValueError(
            f"device is {device!r}: expected 'auto', 'cpu' or 'cuda'. Others lack float64, or "
            f"random numbers that train can repeat."
        )
    return where


def _expect_options(
    epochs: Any, patience: Any, validate: Any, random_state: Any, batches: Any
) -> None:
    _expect_count("epochs", epochs)
    if patience is not None:
        _expect_count("patience", patience)
        if validate is None:
            raise ValueError("patience needs validate: without it no epoch is better than another.")
    _expect_count("random_state", random_state, 0)
    if epochs > 1 and isinstance(batches, Iterator) and not callable(batches):
        raise ValueError(
            f"batches is a {type(batches).__name__}, which is used up after one epoch: give a "
            f"list, a DataLoader, or a callable that makes new batches for every epoch."
        )


def _expect_count(name: str, count: Any, least: int = 1) -> None:
    if not isinstance(count, Integral) or isinstance(count, bool) or count < least:
        raise ValueError(f"{name} is {count!r}: expected a whole number, at least {least}.")
