"""L-BFGS on tensors of any device, one step at a time, for objectives with kinks too.

A step is p = −Hg, where H, never written down, is what the last pairs (s, y) of steps and changes
of the gradient say about the inverse Hessian. The line search asks for two things (the weak Wolfe
conditions, with g = ∇f(x)ᵀp):

    f(x + tp) ≤ f(x) + 10⁻⁴ t g        the value falls,
    ∇f(x + tp)ᵀp ≥ 0.9 g               the slope has risen: t was not too short.

It brackets t by doubling and halving alone. With this search BFGS finds minima of non-smooth
functions too, where the usual one, made for smooth functions, can fail (Lewis & Overton 2013). With
a short memory that is less certain: whoever needs to know how near the end is needs a proof.

Sources: Nocedal (1980), Mathematics of Computation 35, 773-782; Lewis & Overton (2013),
Mathematical Programming 141, 135-163, Algorithm 2.6. Chapter 03.
"""

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

ValueAndGradient = Callable[[Tensor], tuple[float, Tensor]]

_FALL, _FLATTEN, _TRIALS = 1e-4, 0.9, 30


class LBFGS:
    """A point that ``step`` moves downhill; ``x``, ``value`` and ``gradient`` belong together.

    x: a tensor of any shape, dtype and device. ``memory``: how many pairs (s, y) are kept; each
    costs twice the memory of x. The caller's function gives the gradient: nothing is recorded.
    """

    def __init__(self, x: Tensor, memory: int = 20) -> None:
        self.x = x
        self.value = torch.inf
        self.gradient = torch.zeros_like(x)
        self._pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=memory)

    def look(self, function: ValueAndGradient) -> None:
        """Measure the function where x is: at first, and whenever the function has changed."""
        self.value, self.gradient = function(self.x)

    def step(self, function: ValueAndGradient) -> bool:
        """Move x once; False where no step is better, and x stays where it is.

        Better is a lower value or, where rounding leaves it equal, a shorter gradient.
        """
        if self._line_search(function, self._direction()):
            return True
        if not self._pairs:
            return False
        self._pairs.clear()  # a memory of other places can mislead: once more, straight downhill
        return self._line_search(function, self._direction())

    def _direction(self) -> Tensor:
        """−Hg by the two loops of Nocedal; the first step of all has length at most 1."""
        p, shares = -self.gradient, []
        if not self._pairs:
            return p / max(1.0, float(p.norm()))
        for s, y, sy in reversed(self._pairs):
            share = float((s * p).sum()) / sy
            shares.append(share)
            p = p - share * y
        s, y, sy = self._pairs[-1]
        p = p * (sy / float((y * y).sum()))
        for (s, y, sy), share in zip(self._pairs, reversed(shares), strict=True):
            p = p + (share - float((y * p).sum()) / sy) * s
        return p

    def _line_search(self, function: ValueAndGradient, p: Tensor) -> bool:
        slope = float((self.gradient * p).sum())
        if not slope < 0:
            return False
        low, high, t = 0.0, torch.inf, 1.0
        best = None
        for _ in range(_TRIALS):
            x = self.x + t * p
            value, gradient = function(x)
            enough = value <= self.value + _FALL * t * slope
            if enough and value == self.value:  # rounding hides a fall that the gradient may show
                enough = bool(gradient.norm() < self.gradient.norm())
            if not enough:
                high = t
            else:
                best = (x, value, gradient)
                if float((gradient * p).sum()) >= _FLATTEN * slope:
                    break
                low = t
            t = 2 * low if high == torch.inf else (low + high) / 2
        if best is None:
            return False
        self._accept(*best)
        return True

    def _accept(self, x: Tensor, value: float, gradient: Tensor) -> None:
        s, y = x - self.x, gradient - self.gradient
        sy = float((s * y).sum())
        if sy > 0:  # without it H would not be positive definite
            self._pairs.append((s, y, sy))
        self.x, self.value, self.gradient = x, value, gradient
