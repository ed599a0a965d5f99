# %% [markdown] title
# # 11 · Exercises: triplet networks
#
# Five answers, 17 points, about 110 minutes. They belong to `chapters/11_triplets.ipynb`.
#
# Write each answer in its cell and run the cell below it. The check shows the smallest case that
# fails and says what your answer did. It never shows the solution.

# %% [markdown] remark solutions
# **This notebook holds the worked answers**, each with a closing remark. It is worth more after you
# have tried.

# %% given imports
import numpy as np
import torch

from dmlcourse.checks import check, hint


# %% exercise 11.1
def triplet_loss(anchor, positive, negative, margin):
    near = ((anchor - positive) ** 2).sum(dim=1)
    far = ((anchor - negative) ** 2).sum(dim=1)
    return torch.relu(margin + near - far).mean()


# %% [markdown] remark 11.1
# The margin bounds a difference, $d(a, n)^2 - d(a, p)^2$, and neither distance by itself: a class
# may be wide as long as the others are wider away. On unit vectors squared distances end at 4, so a
# larger margin is never met. An active triplet has three forces, $2(n - p)$ on the anchor, and
# they add up to zero.


# %% exercise 11.2
def batch_all(Z, y, margin):
    D = ((Z[:, None] - Z) ** 2).sum(dim=2)
    same = y[:, None] == y
    positive = same & ~torch.eye(len(y), dtype=torch.bool, device=y.device)
    valid = positive[:, :, None] & ~same[:, None, :]  # anchor, positive, negative
    hinges = torch.relu(margin + D[:, :, None] - D[:, None, :])[valid]
    return hinges.sum() / max(len(hinges), 1)


# %% [markdown] remark 11.2
# A loss of 0 has two causes: every triplet is satisfied, or there is none. Count them before you
# rejoice. If all points lie at one place, the loss is exactly $m$ and the gradient is zero. The
# table holds $B^3$ numbers, a gigabyte in float32 for 645 samples; 11.3 and 11.4 do without it.


# %% exercise 11.3
def anchor_sum(near, far, margin):
    thresholds = np.sort(margin + near)
    below = np.searchsorted(thresholds, far, side="right")
    sums = np.append(0, np.cumsum(thresholds))
    above = len(near) - below
    return (sums[-1] - sums[below] - above * far).sum(), above.sum()


# %% [markdown] remark 11.3
# A negative at a threshold has a hinge of 0. With `side="right"` it counts as kept, with the
# default as active, and the sum is the same in both cases. So no test of a sum finds this slip. The
# count does, and so does every loss that divides by it.


# %% exercise 11.4
def batch_all_sorted(D, y, margin):
    W, triplets = np.zeros(D.shape), 0
    for a, row in enumerate(D):
        own = (y == y[a]) & (np.arange(len(y)) != a)
        other = y != y[a]
        thresholds = margin + row[own]
        W[a, own] = np.searchsorted(np.sort(row[other]), thresholds)
        W[a, other] = np.searchsorted(np.sort(thresholds), row[other], side="right") - own.sum()
        triplets += own.sum() * other.sum()
    total = (W * D).sum() + margin * W[W > 0].sum()
    return total / max(1, triplets), W / max(1, triplets)


# %% [markdown] remark 11.4
# Two searches for each anchor stand for all its triplets, and the sum of the hinges comes out of
# its own derivative: where no hinge opens or closes, it is linear in $D$. The largest table here is
# $B \times B$, where a list of triplets grows with $B^3$. By the chain rule $W$ gives the gradient
# by the embeddings.


# %% exercise 11.5
def name_the_run(losses, active, triplets, margin, last):
    def over_all(part):
        return (losses * active)[part].sum() / triplets[part].sum()

    end, before = slice(-last, None), slice(-2 * last, -last)
    at_the_margin = np.abs(losses[end] - margin) <= 0.001 * margin
    if triplets[end].sum() == 0:
        return "no triplets"
    if at_the_margin.all() and (active[end] == triplets[end]).all():
        return "collapsed"
    if active[end].sum() < 0.01 * triplets[end].sum():
        return "solved"
    return "learning" if over_all(end) <= 0.95 * over_all(before) else "not learning"


# %% [markdown] remark 11.5
# At one point each hinge is $m$, and every triplet is active. A mean over the active can stay near
# $m$ for the whole of a good run: what is solved leaves it. Curves have limits. With $m > 4$ on
# unit vectors every triplet stays active, and an untrained network may sit near $m$. Uniformity
# tells: only at one point is it 0.
