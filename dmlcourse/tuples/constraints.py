"""Who is compared with whom: pairs, triplets and quadruplets from labels (chapters 04, 05, 11, 13).

A label says more than a constraint, so every supervised data set gives constraints for free:

    similar pair       i < j, the same class
    dissimilar pair    i < j, two classes
    triplet            (anchor, positive, negative): a ≠ p of one class, n of another
    quadruplet         (a, p, n1, n2): a ≠ p of one class, n1 and n2 of two further classes

There are about n² pairs, n³ triplets and n⁴ quadruplets, too many to list. None of them has to be
listed to draw from them: the members of a class, and the others, are numbered, and a tuple is
worked out from its numbers (``_Choices``). All samples are uniform over the tuples and without
replacement, and take memory in proportion to what is asked for.

Labels may have any dtype with equality: whole numbers, booleans, floats that are whole, strings,
objects. Only which of them are equal matters, never their names. NumPy arrays (and lists) give
int64 arrays. A tensor gives tensors on its device; the work, and every random draw, is done on the
CPU, so a seed means the same tuples everywhere. ``random_state`` is a seed, a
``numpy.random.Generator``, or None for other tuples each time.
"""

from dataclasses import dataclass
from operator import index as whole_number
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor


class TupleCounts(NamedTuple):
    """How many tuples there are of each kind, exact. Pairs are unordered, all others ordered."""

    similar: int
    dissimilar: int
    triplets: int
    quadruplets: int


def count_tuples(y: Any) -> TupleCounts:
    """How many pairs, triplets and quadruplets the labels y (n,) allow, counted from class sizes.

    With s the size of a class: Σ s(s − 1)/2 similar pairs, (n² − Σ s²)/2 dissimilar ones,
    Σ s(s − 1)(n − s) triplets and Σ s(s − 1)((n − s)² − Σ' t²) quadruplets, where t runs over the
    sizes of the other classes. Raises as ``pairs_from_labels`` does.
    """
    classes = _classes(y)
    kinds = (_similar(classes), _dissimilar(classes), _triplets(classes), _quadruplets(classes))
    return TupleCounts(*(choices.count for choices in kinds))


def pairs_from_labels(
    y: Any,
    n_similar: int | None = None,
    n_dissimilar: int | None = None,
    random_state: Any = None,
) -> tuple[Any, Any]:
    """Pairs (p, 2) of indices i < j, and whether the two are of the same class, (p,) bool.

    Similar pairs come first. With None all pairs of a kind are listed, each once, in ascending
    order; with a number so many of them are drawn without replacement, in random order. A sample
    in the proportions of the full list is mostly dissimilar: two numbers balance it.

    Raises ``ValueError`` where more pairs are asked for than there are, or y is empty, not
    one-dimensional, or has a missing or fractional label; ``TypeError`` where labels cannot be
    compared.
    """
    classes = _classes(y)
    rng = np.random.default_rng(random_state)
    choice = _similar(classes).take("n_similar", n_similar, "similar pairs", rng)
    similar = _listed(_similar_pairs(classes, choice), classes, n_similar)
    choice = _dissimilar(classes).take("n_dissimilar", n_dissimilar, "dissimilar pairs", rng)
    dissimilar = _listed(_dissimilar_pairs(classes, choice), classes, n_dissimilar)
    pairs = np.concatenate([similar, dissimilar], axis=1).T
    same = np.arange(len(pairs)) < similar.shape[1]
    return _like(y, pairs), _like(y, same)


def triplets_from_labels(
    y: Any, n: int | None = None, random_state: Any = None
) -> tuple[Any, Any, Any]:
    """Indices (a, p, n), each (t,): anchor and positive of one class, the negative of another.

    With n=None all triplets in ascending order, 24 bytes each, which is for small data: 1,000
    samples in 10 classes have 89 million (``count_tuples`` says how many). With a number so many of
    them, drawn without replacement. Raises as ``pairs_from_labels`` does. The order of the three is
    that of pytorch-metric-learning.
    """
    classes = _classes(y)
    rng = np.random.default_rng(random_state)
    choice = _triplets(classes).take("n", n, "triplets", rng)
    a, p = _ordered_pairs(classes, choice)
    columns = np.stack([a, p, classes.other(choice[0], choice[2])])
    anchors, positives, negatives = _listed(columns, classes, n)
    return _like(y, anchors), _like(y, positives), _like(y, negatives)


def quadruplets_from_labels(y: Any, n: int, random_state: Any = None) -> tuple[Any, Any, Any, Any]:
    """n quadruplets (a, p, n1, n2): a and p of one class, n1 and n2 of two further classes.

    Drawn without replacement from all ordered ones. Raises as ``pairs_from_labels`` does. Source:
    Chen, Chen, Zhang and Huang (2017), CVPR, the loss for person re-identification. Chapter 13.
    """
    classes = _classes(y)
    rng = np.random.default_rng(random_state)
    n = whole_number(n)  # None would list them all.
    choice = _quadruplets(classes).take("n", n, "quadruplets", rng)
    a, p = _ordered_pairs(classes, choice)
    n1, n2 = _negatives_of_two_classes(classes, choice)
    return _like(y, a), _like(y, p), _like(y, n1), _like(y, n2)


def class_codes(y: Any) -> np.ndarray:
    """The class of each label as a number from 0, in the order of first appearance: (n,) int64.

    Only equality of labels matters. Errors as for ``pairs_from_labels``.
    """
    return _codes(_labels(y)).astype(np.int64)


def neighbour_triplets(targets: Any, y: Any) -> tuple[Any, Any, Any]:
    """Every triplet of LMNN: (anchor, one of its target neighbours, a point of another class).

    targets: (n, k) whole numbers, row i the target neighbours of point i, −1 where there are fewer.
    In the order of anchors, then of the columns of ``targets``, then of the negatives. The list is
    what ``hinge_sums`` avoids: about n²·k triplets at 24 bytes, 7 GB for 10,000 points with k = 3,
    so it is for small data and for tests. Raises ``ValueError`` where a target is no other point of
    the anchor's class, and as ``pairs_from_labels`` does. Source: Weinberger and Saul (2009),
    Journal of Machine Learning Research 10, 207-244, equation 11. Chapter 05.
    """
    code = _classes(y).code
    near = _targets(targets, y, code)
    anchor, column = np.nonzero(near >= 0)
    row, negative = np.nonzero(code[anchor][:, None] != code)
    a, p = anchor[row], near[anchor, column][row]
    return _like(y, a), _like(y, p), _like(y, negative)


class _Classes(NamedTuple):
    """The samples class by class, so that each class is one block of ``order``.

    code: (n,) the class of each sample, numbered by first appearance. order: (n,) the samples
    sorted by class, then by index. start, size: (C,) where each block begins, and its length.
    """

    code: np.ndarray
    order: np.ndarray
    start: np.ndarray
    size: np.ndarray

    def member(self, c: np.ndarray, place: np.ndarray) -> np.ndarray:
        """The sample at some place, from 0, of class c."""
        return self.order[self.start[c] + place]

    def other(self, c: np.ndarray, place: np.ndarray) -> np.ndarray:
        """The sample at some place, from 0, of those that are not in class c."""
        return self.order[self.skip(c, place)]

    def skip(self, c: np.ndarray, place: np.ndarray) -> np.ndarray:
        """A place counted without the block of class c, counted with it."""
        return place + np.where(place >= self.start[c], self.size[c], 0)


@dataclass(frozen=True)
class _Choices:
    """Tuples counted in two choices: of class c, first[c] beginnings and second[c] ways to go on.

    A tuple is a column (c, u, v) with u < first[c] and v < second[c]. Each of the two numbers is
    below n², which int64 holds; their product may not be, so counts are Python's.
    """

    first: np.ndarray
    second: np.ndarray

    @property
    def ways(self) -> list[int]:
        """The number of tuples of each class."""
        return [u * v for u, v in zip(self.first.tolist(), self.second.tolist(), strict=True)]

    @property
    def count(self) -> int:
        """The number of tuples of all classes."""
        return sum(self.ways)

    def take(self, name: str, n: int | None, what: str, rng: np.random.Generator) -> np.ndarray:
        """All tuples (3, count), or n of them drawn without replacement, in random order."""
        if n is None:
            return self.all()
        n, there = whole_number(n), self.count
        if not 0 <= n <= there:
            raise ValueError(f"{name} is {n}: y has {there} {what}, expected from 0 to {there}.")
        if 2 * n >= there:
            return self.all()[:, rng.permutation(there)[:n]]
        return self._distinct(n, rng)

    def all(self) -> np.ndarray:
        """All tuples (3, count), class by class."""
        c, u = np.repeat(np.arange(len(self.first)), self.first), _places(self.first)
        ways = self.second[c]
        return np.stack([np.repeat(c, ways), np.repeat(u, ways), _places(ways)])

    def _distinct(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """The first n different ones of independent draws: quick while n is below half of all."""
        ways = np.array(self.ways, dtype=np.float64)
        drawn = np.empty((3, 0), dtype=np.int64)
        while drawn.shape[1] < n:
            c = rng.choice(len(ways), size=n, p=ways / ways.sum())
            more = np.stack([c, rng.integers(self.first[c]), rng.integers(self.second[c])])
            drawn = _first_of_each(np.concatenate([drawn, more], axis=1))
        return drawn[:, :n]


def _similar(classes: _Classes) -> _Choices:
    return _Choices(classes.size * (classes.size - 1) // 2, np.ones_like(classes.size))


def _dissimilar(classes: _Classes) -> _Choices:
    # A pair belongs to the later of its two classes: a member, and a sample of an earlier block.
    return _Choices(classes.size, classes.start)


def _triplets(classes: _Classes) -> _Choices:
    return _Choices(classes.size * (classes.size - 1), len(classes.code) - classes.size)


def _quadruplets(classes: _Classes) -> _Choices:
    squares = classes.size**2
    rest = len(classes.code) - classes.size
    return _Choices(squares - classes.size, rest**2 - (squares.sum() - squares))


def _similar_pairs(classes: _Classes, choice: np.ndarray) -> np.ndarray:
    c, u, _ = choice
    early, late = triangle(u)
    return np.stack([classes.member(c, early), classes.member(c, late)])


def triangle(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The u-th pair of places in the order (0, 1), (0, 2), (1, 2), (0, 3), …, for u below 2⁶²."""
    late = ((1 + np.sqrt(1 + 8.0 * u)) / 2).astype(np.int64)
    late -= late * (late - 1) // 2 > u  # In large numbers the root is rounded up to a whole one.
    return u - late * (late - 1) // 2, late


def _dissimilar_pairs(classes: _Classes, choice: np.ndarray) -> np.ndarray:
    c, place, earlier = choice
    return np.sort([classes.member(c, place), classes.order[earlier]], axis=0)


def _ordered_pairs(classes: _Classes, choice: np.ndarray) -> np.ndarray:
    """Anchor and positive: u counts the s(s − 1) ordered pairs of different places of a class."""
    c, u, _ = choice
    a, p = np.divmod(u, classes.size[c] - 1)
    return np.stack([classes.member(c, a), classes.member(c, p + (p >= a))])


def _negatives_of_two_classes(classes: _Classes, choice: np.ndarray) -> np.ndarray:
    """n1 of a class b, n2 of neither b nor c: v counts first b, then places in b, then n2."""
    c, _, v = choice
    b = _class_of_first_negative(classes, c, v)
    left = len(classes.code) - classes.size[c] - classes.size[b]
    place, rest = np.divmod(v - _begun_before(classes, c, b), left)
    early, late = np.minimum(b, c), np.maximum(b, c)
    second = classes.order[classes.skip(late, classes.skip(early, rest))]
    return np.stack([classes.member(b, place), second])


def _class_of_first_negative(classes: _Classes, c: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The last class b before which at most v pairs of negatives begin, by bisection."""
    last = len(classes.size) - 1
    b = np.zeros_like(c)
    for bit in reversed(range(last.bit_length())):
        tried = b + 2**bit
        reached = _begun_before(classes, c, np.minimum(tried, last)) <= v
        b = np.where((tried <= last) & reached, tried, b)
    return b


def _begun_before(classes: _Classes, c: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Σ t(n − s − t) over the sizes t of the classes before b, without c, whose size is s."""
    squares = classes.size**2
    before = np.cumsum(squares) - squares
    rest = len(classes.code) - classes.size[c]
    own = np.where(c < b, classes.size[c], 0)
    return rest * (classes.start[b] - own) - (before[b] - own**2)


def _places(counts: np.ndarray) -> np.ndarray:
    """Counting from 0 anew for each count: (0, 1, 0, 1, 2) for counts (2, 0, 3)."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _first_of_each(columns: np.ndarray) -> np.ndarray:
    """The columns without those that came before, in their order."""
    order = np.lexsort(columns)
    ordered = columns[:, order]
    new = np.append(True, (ordered[:, 1:] != ordered[:, :-1]).any(axis=0))
    return columns[:, np.sort(order[new])]


def _listed(columns: np.ndarray, classes: _Classes, n: int | None) -> np.ndarray:
    """A full list in ascending order; a sample, n of them, in the order of its draws."""
    return ascending(columns, len(classes.code)) if n is None else columns


def ascending(columns: np.ndarray, points: int) -> np.ndarray:
    """The columns in lexicographic order, where all entries are below ``points``."""
    if points ** len(columns) > np.iinfo(np.int64).max:
        return columns[:, np.lexsort(columns[::-1])]
    # Numbers, one for each tuple, are sorted several times as fast as columns.
    shape = (points,) * len(columns)
    return np.stack(np.unravel_index(np.sort(np.ravel_multi_index(tuple(columns), shape)), shape))


def _like(y: Any, result: np.ndarray) -> Any:
    result = np.ascontiguousarray(result)
    return torch.from_numpy(result).to(y.device) if isinstance(y, Tensor) else result


def _classes(y: Any) -> _Classes:
    code = _codes(_labels(y))
    size = np.bincount(code)
    return _Classes(code, np.argsort(code, kind="stable"), np.cumsum(size) - size, size)


def _labels(y: Any) -> np.ndarray:
    """The labels as a NumPy array (n,) of at least one."""
    labels = _tensor_labels(y) if isinstance(y, Tensor) else _array_labels(y)
    if labels.ndim != 1:
        raise ValueError(
            f"y has shape {labels.shape}: expected one label for each sample, shape (n,). "
            f"For a single column write y.ravel(), for one-hot rows y.argmax(1)."
        )
    if not len(labels):
        raise ValueError("y is empty: expected a label for each sample.")
    return labels


def _tensor_labels(y: Tensor) -> np.ndarray:
    y = y.detach().cpu()
    # NumPy has no bfloat16, and float64 holds every smaller float exactly.
    return (y.double() if y.is_floating_point() else y).numpy()


def _array_labels(y: Any) -> np.ndarray:
    try:
        labels = np.asarray(y)
    except ValueError as error:
        raise TypeError(f"y cannot be read as an array of labels: {error}") from error
    if hasattr(y, "__array__") or labels.dtype.kind not in "USf":
        return labels
    # NumPy makes strings of the list ["a", 1, nan], and rounded floats of large whole numbers.
    kinds = {type(label) for label in y} if labels.ndim else set()
    return np.asarray(y, dtype=object) if len(kinds) > 1 or kinds == {int} else labels


def _codes(labels: np.ndarray) -> np.ndarray:
    """The class of each label as a number from 0, in the order of first appearance."""
    if labels.dtype == object:
        return _codes_of_objects(labels)
    if labels.dtype.kind == "c":
        raise TypeError(f"y has dtype {labels.dtype}: expected labels, not complex numbers.")
    bad = labels != labels
    if labels.dtype.kind == "f":
        bad |= ~np.isfinite(labels) | (labels != np.floor(labels))
    if bad.any():
        raise ValueError(_no_class(int(bad.argmax()), labels[bad.argmax()]))
    _, first, code = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[code]


def _codes_of_objects(labels: np.ndarray) -> np.ndarray:
    # By hash, because labels of different kinds cannot be sorted.
    numbers: dict[Any, int] = {}
    try:
        code = np.array([numbers.setdefault(label, len(numbers)) for label in labels])
    except TypeError as error:
        raise TypeError(f"y holds labels that cannot be compared: {error}.") from error
    for label, number in numbers.items():
        if _is_missing(label) or _is_fraction(label):
            raise ValueError(_no_class(int((code == number).argmax()), label))
    return code


def _is_missing(label: Any) -> bool:
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas.NA is neither equal to itself nor different.
        return True


def _is_fraction(label: Any) -> bool:
    return isinstance(label, float | np.floating) and not float(label).is_integer()


def _no_class(where: int, label: Any) -> str:
    if _is_missing(label):
        return f"y[{where}] is {label}: leave samples without a label out, or give them one."
    return (
        f"y[{where}] is {label}: expected classes, and y looks like measurements. "
        f"Put them into classes first, with np.digitize for instance."
    )


def _targets(targets: Any, y: Any, code: np.ndarray) -> np.ndarray:
    """The target neighbours as int64 (n, k), checked: −1, or another point of the same class."""
    if isinstance(targets, Tensor) != isinstance(y, Tensor):
        raise TypeError(
            "one of targets and y is a torch tensor and the other is not: pass both as tensors "
            "(torch.as_tensor) or both as NumPy arrays."
        )
    near = targets.detach().cpu().numpy() if isinstance(targets, Tensor) else np.asarray(targets)
    if near.dtype.kind not in "iu":
        raise TypeError(f"targets has dtype {near.dtype}: expected indices, whole numbers.")
    if near.ndim != 2 or len(near) != len(code):
        raise ValueError(
            f"targets has shape {near.shape} and y {len(code)} labels: expected (n, k), one row of "
            f"target neighbours for each label."
        )
    _expect_targets(near, code)
    return near.astype(np.int64)


def _expect_targets(near: np.ndarray, code: np.ndarray) -> None:
    n = len(code)
    _refuse(near, (near < -1) | (near >= n), f"expected an index below {n}, or −1 for none")
    there = near != -1
    _refuse(near, there & (near == np.arange(n)[:, None]), "a point is no neighbour of its own")
    other = code[np.where(there, near, 0).astype(np.int64)] != code[:, None]
    _refuse(near, there & other, "that point has another label than the anchor")


def _refuse(near: np.ndarray, bad: np.ndarray, why: str) -> None:
    if bad.any():
        i, j = np.argwhere(bad)[0]
        raise ValueError(f"targets[{i}, {j}] is {near[i, j]}: {why}.")
