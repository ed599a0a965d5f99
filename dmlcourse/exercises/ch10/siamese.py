"""10.2, a Siamese network: two branches, one encoder."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from ...observing import Around, Case
from ..budget import Arrays, rounding
from ..making import Rng, ways
from ..spec import Exercise, Mistake, Variant
from .encoders import Layers, drawn_weights, error_sizes
from .shared import (
    Measure,
    bare_roots,
    distances,
    softened_measures,
    squares,
    wrong_measures,
)

# Put modules into a network around an encoder; and give both embeddings of a network.
Build = Callable[[Any, Any], None]
Embed = Callable[[Any, Any, Any], tuple[Any, Any]]


def _shared(net: Any, encoder: Any) -> None:
    net.first = net.second = encoder


def _one_pass(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
    import torch

    z = net.first(torch.cat([x1, x2]))
    return z[: len(x1)], z[len(x1) :]


def _two_passes(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
    return net.first(x1), net.second(x2)


def _network(measure: Measure, *, build: Build = _shared, embed: Embed = _one_pass) -> type:
    """The class whose parts are these; without a change but the measure, a right answer."""
    from torch import nn

    class SiameseNetwork(nn.Module):
        def __init__(self, encoder: Any) -> None:
            super().__init__()
            build(self, encoder)

        def forward(self, x1: Any, x2: Any) -> Any:
            return measure(*embed(self, x1, x2))

    return SiameseNetwork


def _right_measure(variant: Variant) -> Measure:
    return squares if variant["squared"] else distances


# ---------------------------------------------------------------- the cases

LINE: Layers = (("Linear", 1, 1),)
PLANE: Layers = (("Linear", 2, 2),)
NORM: Layers = (("BatchNorm1d", 1),)
DEEP: Layers = (("Linear", 3, 4), ("ReLU",), ("Linear", 4, 2))
NORMED: Layers = (("Linear", 3, 4), ("BatchNorm1d", 4), ("ReLU",), ("Linear", 4, 2))


def _plus_one(times: float) -> Arrays:
    """The weights of x ↦ times · x + 1."""
    return {"0.weight": np.array([[times]]), "0.bias": np.array([1.0])}


def _scale(times: float) -> Arrays:
    return {"0.weight": np.array([times]), "0.bias": np.zeros(1)}


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    def case(
        name: str,
        layers: Layers,
        weights: tuple[Arrays, Arrays],
        *pair: Any,
        train: bool = True,
        group: str = "values",
    ) -> Case:
        x1, x2 = map(np.asarray, pair)
        given = {
            "layers": [list(layer) for layer in layers],
            "before": weights[0],
            "since": weights[1],
            "train": train,
        }
        found = Case(name, {"x1": x1, "x2": x2}, group, given=given)
        found.given["errors"] = _errors(found, not variant["squared"])
        return found

    def drawn(layers: Layers, n: int) -> tuple:
        """An encoder and n pairs; the second points of the pairs lie elsewhere than the first."""
        x1, x2 = rng.normal(size=(2, n, layers[0][1]))
        weights = drawn_weights(rng, layers), drawn_weights(rng, layers)
        return layers, weights, x1, 2 * x2 + 1

    def whole(layers: Layers, n: int) -> tuple:
        """The same in whole numbers, so that equal rows stay equal to the last digit."""
        size = layers[0][1]
        x = rng.integers(-3, 4, (n, size)).astype(float)
        shapes = {"0.weight": (size, size), "0.bias": (size,)}
        before, since = (
            {name: rng.integers(1, 4, shape).astype(float) for name, shape in shapes.items()}
            for _ in range(2)
        )
        return layers, (before, since), x

    layers, weights, x = whole(PLANE, 4)
    some_equal = x + np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0], [-4.0, 3.0]])
    single = drawn((("Linear", 3, 4), ("Linear", 4, 2)), 3)
    to_single = [a.astype(np.float32) for a in single[2:]]
    line = _plus_one(1.0), _plus_one(2.0)
    return [
        case("encoder 2x + 1, one pair on a line", LINE, line, [[1.0]], [[4.0]]),
        case("two layers, three pairs", *drawn(DEEP, 3)),
        case("with BatchNorm, in eval mode", *drawn(NORMED, 4), train=False),
        case(
            "BatchNorm alone, in training, two pairs on a line",
            NORM,
            (_scale(1.0), _scale(2.0)),
            [[0.0], [2.0]],
            [[4.0], [6.0]],
            group="training",
        ),
        case("with BatchNorm, in training, six pairs", *drawn(NORMED, 6), group="training"),
        case("one pair at one place", LINE, line, [[2.0]], [[2.0]], group="edge"),
        case("some pairs at one place", layers, weights, x, some_equal, group="edge"),
        case("float32", *single[:2], *to_single, group="edge"),
    ]


def _errors(case: Case, root: bool) -> Arrays:
    given, (x1, x2) = case.given, case.inputs.values()
    sizes = error_sizes(given["layers"], given["since"], x1, x2, given["train"], root)
    return {name: rounding(case, 1, size) for name, size in sizes.items()}


def _budget(case: Case, expected: Arrays) -> Arrays:
    """The errors of the case; whatever is counted or said has none."""
    return {name: case.given["errors"].get(name, np.zeros(())) for name in expected}


# ---------------------------------------------------------------- the mistakes


def _copied_second(net: Any, encoder: Any) -> None:
    net.first, net.second = encoder, copy.deepcopy(encoder)


def _copied_first(net: Any, encoder: Any) -> None:
    net.first, net.second = copy.deepcopy(encoder), encoder


def _copied_both(net: Any, encoder: Any) -> None:
    net.first, net.second = copy.deepcopy(encoder), copy.deepcopy(encoder)


def _copied_once(net: Any, encoder: Any) -> None:
    net.first = net.second = copy.deepcopy(encoder)


def _copied_and_hidden(net: Any, encoder: Any) -> None:
    """The copy stands in a list of Python's, where nothing registers it."""
    net.first, net.others = encoder, [copy.deepcopy(encoder)]


def _hidden(net: Any, encoder: Any) -> None:
    net.branches = [encoder, encoder]


def _frozen(net: Any, encoder: Any) -> None:
    _shared(net, encoder.requires_grad_(False))


def _fresh(net: Any, encoder: Any) -> None:
    for layer in encoder:
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    _shared(net, encoder)


def _zeroed(net: Any, encoder: Any) -> None:
    for parameter in encoder.parameters():
        parameter.data.zero_()
    _shared(net, encoder)


def _sharing(keep: Callable[[int, int], bool]) -> Build:
    """A second encoder that has some layers in common with the first; ``keep(i, number)``."""

    def build(net: Any, encoder: Any) -> None:
        _copied_second(net, encoder)
        for i, layer in enumerate(encoder):
            if keep(i, len(encoder)):
                net.second[i] = layer

    return build


def _wrong_sharing(measure: Measure) -> list[Mistake]:
    """The mistakes in which weights the two branches have."""
    import torch

    def building(build: Build, embed: Embed = _two_passes) -> type:
        return _network(measure, build=build, embed=embed)

    def with_the_hidden(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        return net.first(x1), net.others[0](x2)

    def from_a_list(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        z = net.branches[0](torch.cat([x1, x2]))
        return z[: len(x1)], z[len(x1) :]

    def twice_from_a_list(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        return net.branches[0](x1), net.branches[1](x2)

    return [
        *ways(
            "two encoders",
            "Your branches have weights of their own: one works with a copy. The two are equal "
            "only until the first step of training. The weights of this encoder were changed after "
            "your network was built, and one branch does not know of it.",
            building(_copied_second),
            building(_copied_first),
            building(_copied_both),
            building(_copied_and_hidden, with_the_hidden),
        ),
        *ways(
            "a copy in the place of the encoder",
            "Both of your branches work with one copy of the encoder that you were given. Whoever "
            "trains or saves that encoder has another one than your network.",
            building(_copied_once, _one_pass),
            building(_copied_once),
        ),
        *ways(
            "only some layers shared",
            "Your branches share some layers of the encoder and have the others twice. Then one "
            "input gets two embeddings, one in each branch.",
            building(_sharing(lambda i, n: i == 0)),
            building(_sharing(lambda i, n: i == n - 1)),
            building(_sharing(lambda i, n: i < n - 1)),
            building(_sharing(lambda i, n: i > 0)),
        ),
        *ways(
            "encoder hidden in a list",
            "Your network has no parameters: it keeps the encoder where nn.Module does not look, "
            "as in a Python list. An optimiser would get nothing to train.",
            building(_hidden, from_a_list),
            building(_hidden, twice_from_a_list),
        ),
        *ways(
            "weights drawn anew",
            "While your network is built, the encoder's weights change. It may have been trained "
            "before: keep what it has learned.",
            building(_fresh, _one_pass),
            building(_zeroed, _one_pass),
            building(_fresh),
        ),
        *ways(
            "encoder frozen",
            "Your network switches the gradient of the encoder's weights off. Nothing in it can be "
            "trained.",
            building(_frozen, _one_pass),
            building(_frozen),
        ),
    ]


def _wrong_passes(measure: Measure) -> list[Mistake]:
    """The mistakes in how the two inputs go through the encoder."""
    import torch

    def embedding(embed: Embed) -> type:
        return _network(measure, embed=embed)

    def second_first(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        z2 = net.first(x2)
        return net.first(x1), z2

    def in_eval(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        net.eval()
        return _one_pass(net, x1, x2)

    def second_in_eval(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        was = net.training
        z1 = net.first(x1)
        net.eval()
        z2 = net.first(x2)
        net.train(was)
        return z1, z2

    def first_of_both(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        return _one_pass(net, x1, x1)

    def second_of_both(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        return _one_pass(net, x2, x2)

    def of_the_difference(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        z = net.first(x1 - x2)
        return z, torch.zeros_like(z)

    def neighbours(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        z = net.first(torch.cat([x1, x2]))
        return z[::2], z[1::2]

    def across(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        z1, z2 = net.first(torch.cat([x1, x2])).chunk(2, dim=1)
        return z1, z2

    def side_by_side(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        z1, z2 = net.first(torch.cat([x1, x2], dim=1)).chunk(2, dim=1)
        return z1, z2

    def stacked(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        z1, z2 = net.first(torch.stack([x1, x2]))
        return z1, z2

    def no_encoder(net: Any, x1: Any, x2: Any) -> tuple[Any, Any]:
        return x1, x2

    return [
        *ways(
            "same weights, different statistics",
            "Your encoder runs once for each input. In training BatchNorm then measures each half "
            "by its own mean and variance: the weights are the same, the statistics are not. What "
            "all first inputs have in common and the second ones lack is normalised away.",
            embedding(_two_passes),
            embedding(second_first),
        ),
        *ways(
            "switched to eval mode",
            "Your network switches to eval mode in forward. Whoever trains it sets the mode, and "
            "layers such as BatchNorm and dropout rely on it.",
            embedding(in_eval),
            embedding(second_in_eval),
        ),
        *ways(
            "one branch without gradient",
            "One of your embeddings is cut off from the gradient, by detach or no_grad. Half of "
            "the force on the weights is missing. Some methods want this; a Siamese network learns "
            "from both branches.",
            _network(lambda z1, z2: measure(z1, z2.detach())),
            _network(lambda z1, z2: measure(z1.detach(), z2)),
        ),
        *ways(
            "no gradient",
            "Your result is cut off from the weights, by detach, no_grad, .item() or NumPy. "
            "Nothing can be learned from it.",
            _network(lambda z1, z2: measure(z1, z2).detach()),
        ),
        *ways(
            "one input twice",
            "Your network embeds one of its inputs twice, and every distance is zero. A published "
            "program for signatures had this slip: its reader loaded the first file twice.",
            embedding(first_of_both),
            embedding(second_of_both),
        ),
        *ways(
            "the difference encoded",
            "You subtract the inputs and encode the difference. Each input has an embedding of its "
            "own, and the distance is one between embeddings.",
            embedding(of_the_difference),
        ),
        *ways(
            "halves mixed up",
            "After one pass for both inputs your pairs are mixed up: you compare rows that follow "
            "each other, or coordinates of one row. First come all rows of x1, then all of x2.",
            embedding(neighbours),
            embedding(across),
        ),
        *ways(
            "joined side by side",
            "You join the two inputs side by side, to rows of twice the length. The encoder takes "
            "points as they are: join them one below the other.",
            embedding(side_by_side),
        ),
        *ways(
            "stacked to three axes",
            "Your inputs are stacked to three axes. BatchNorm then takes rows for features: join "
            "them to 2n rows.",
            embedding(stacked),
        ),
        *ways(
            "encoder not used",
            "Your distances are those of the inputs: the encoder has no part in them.",
            embedding(no_encoder),
        ),
    ]


def _wrong_results(variant: Variant) -> list[Mistake]:
    """The mistakes in what is made of two right embeddings."""

    def apart(z1: Any, z2: Any) -> Any:
        return (z1 - z2).abs()

    if variant["squared"]:
        power = ways(
            "not squared",
            "Your distances are not squared. Asked are their squares.",
            _network(distances),
            _network(bare_roots),
        )
    else:
        power = [
            *ways(
                "squared distances",
                "Your distances are squared. Asked is the distance itself.",
                _network(squares),
            ),
            *ways(
                "NaN at distance zero",
                "Where two embeddings coincide your gradient is NaN: the slope of a root is "
                "infinite at zero. One such pair spoils every weight of the encoder.",
                _network(bare_roots),
            ),
        ]
    return [
        *power,
        *ways(
            "one number for each coordinate",
            "Your result holds a number for each coordinate of the embeddings. Asked is one "
            "distance for each pair.",
            _network(apart),
            _network(lambda z1, z2: z1 - z2),
        ),
        *ways(
            "a distance table",
            "You measured every first input against every second one. Asked is one distance for "
            "each pair.",
            _network(lambda z1, z2: (z1[:, None] - z2).norm(dim=2)),
        ),
        *ways(
            "averaged over the pairs",
            "Your result is one number for the whole batch. Asked is one distance for each pair; "
            "what to make of them is for the loss to say.",
            _network(lambda z1, z2: _right_measure(variant)(z1, z2).mean()),
            _network(lambda z1, z2: _right_measure(variant)(z1, z2).sum()),
        ),
    ]


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    measure, power = _right_measure(variant), 2 if variant["squared"] else 1

    def measured(wrong: Measure) -> type:
        return _network(lambda z1, z2: wrong(z1, z2) ** power)

    softened = [] if variant["squared"] else softened_measures(measured)
    return (
        *_wrong_sharing(measure),
        *_wrong_passes(measure),
        *_wrong_results(variant),
        *wrong_measures(measured),
        *softened,
    )


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    what = "squared Euclidean distance" if variant["squared"] else "Euclidean distance"
    at_zero = "" if variant["squared"] else " For a distance of zero, take its gradient for zero."
    return (
        "A Siamese network is two branches with one set of weights. Write it as a class that is "
        "built around an `encoder`, a module that maps points to embeddings. Its `forward` takes "
        f"the two points of each pair and returns the {what} of their embeddings.{at_zero}\n\n"
        "Both branches use the encoder that was given, not a copy: it may be trained after the "
        "network is built. Embed both inputs in one pass, so that in training BatchNorm measures "
        "all of them by the same statistics. The check uses small encoders with weights of its "
        "own, and looks at the distances, at their gradients by the weights, and at what is left "
        "to train."
    )


def _skeleton(variant: Variant) -> str:
    what = "squared distances" if variant["squared"] else "distances"
    return f'''class SiameseNetwork(nn.Module):
    """Two branches that share one encoder."""

    def __init__(self, encoder):
        """encoder: a module that maps (n, d) to (n, e)."""

    def forward(self, x1, x2):
        """Return the {what} of the embeddings of n pairs.

        x1, x2: (n, d). Returns: (n,).
        """'''


SIAMESE_NETWORK = Exercise(
    number="10.2",
    name="SiameseNetwork",
    title="A Siamese network",
    points=3,
    minutes=20,
    kind=Around(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "How many encoders are there after your network is built? Count the numbers in "
        "network.parameters(): they are as many as the encoder has alone.",
        "A batch of 2n points is as good for the encoder as one of n. What has to be done with "
        "x1 and x2 before it, and with its output afterwards?",
        "The points of a pair are n rows apart in that output. Cut it in two and measure row by "
        "row, as in 10.1.",
    ),
    variants={"squared": (False, True)},
    groups={"values": 1, "training": 1, "edge": 1},
    cases=_cases,
    reference=lambda variant: _network(_right_measure(variant)),
    mistakes=_mistakes,
    budget=_budget,
)
