# %% [markdown] title
# # 05 · Exercises: large margin nearest neighbours
#
# Five functions, 17 points, about 110 minutes. They belong to `chapters/05_lmnn.ipynb`.
#
# Write each answer in its cell and run the cell below it. The check shows the smallest case that
# fails and says what your answer did. It never shows the solution.

# %% [markdown] remark solutions
# **This notebook holds the worked answers**, each with a closing remark. It is worth more after you
# have tried.

# %% given imports
import numpy as np

from dmlcourse.checks import check, hint


# %% exercise 05.1
def target_neighbours(X, y, k):
    targets = np.full((len(X), k), -1)
    for i, x in enumerate(X):
        others = np.flatnonzero((y == y[i]) & (np.arange(len(X)) != i))
        squared = ((X[others] - x) ** 2).sum(axis=1)
        nearest = others[np.argsort(squared)[:k]]
        targets[i, : len(nearest)] = nearest
    return targets


# %% [markdown] remark 05.1
# The targets are chosen before anything is learned, and they stay. That makes the loss convex in
# $M$: if the nearest neighbours were chosen anew under each $M$, the sum would be a minimum over
# many choices. The price is that the first metric decides who belongs together; some people run
# LMNN twice, the second time with targets under the metric that was learned.


# %% exercise 05.2
def lmnn_loss(L, X, y, targets, mu):
    Z, pull, push = X @ L.T, 0.0, 0.0
    for i, z in enumerate(Z):
        squared = ((Z - z) ** 2).sum(axis=1)
        near = squared[targets[i][targets[i] >= 0]]
        pull += near.sum()
        push += np.maximum(1 + near[:, None] - squared[y != y[i]], 0).sum()
    return (1 - mu) * pull + mu * push


# %% [markdown] remark 05.2
# The number 1 sets the scale. With a margin of 4, the best $L$ would be twice as large and the
# picture the same. Without a margin $L = 0$ would cost nothing: every distance is 0, and no
# impostor is nearer than a target.


# %% exercise 05.3
def lmnn_gradient(L, X, y, targets, mu):
    Z, W = X @ L.T, np.zeros((len(X), len(X)))
    for i, z in enumerate(Z):
        squared = ((Z - z) ** 2).sum(axis=1)
        own, other = targets[i][targets[i] >= 0], np.flatnonzero(y != y[i])
        active = 1 + squared[own][:, None] > squared[other]
        W[i, own] += 1 - mu + mu * active.sum(axis=1)
        W[i, other] -= mu * active.sum(axis=0)
    W = W + W.T
    return 2 * L @ X.T @ (np.diag(W.sum(axis=1)) - W) @ X


# %% [markdown] remark 05.3
# A triplet adds one pair and takes away another, so all triplets together are a weight $w_{ij}$ for
# each pair. With symmetric $W$ and the row sums $D$, half of $\sum_{ij} w_{ij} (x_i - x_j)(x_i -
# x_j)^\top$ is $X^\top (D - W) X$: two matrix products in place of an outer product for each
# triplet. $D - W$ is called the Laplacian of the graph whose edges have these weights.


# %% given metric-form
def squared_distances(M, X):
    """Return (x_i - x_j)' M (x_i - x_j) for all rows of X."""
    difference = X[:, None] - X[None]
    return np.einsum("ijk,kl,ijl->ij", difference, M, difference)


def lmnn_objective(M, X, y, targets, mu):
    """Return the loss of 05.2 as a function of M."""
    i, place = np.nonzero(targets >= 0)
    D = squared_distances(M, X)
    near = D[i, targets[i, place]]
    hinges = np.maximum(1 + near[:, None] - D[i], 0)
    return (1 - mu) * near.sum() + mu * hinges[y[i][:, None] != y].sum()


def lmnn_gradient_M(M, X, y, targets, mu):
    """Return a subgradient of that function at M, (d, d) and symmetric."""
    i, place = np.nonzero(targets >= 0)
    j, D = targets[i, place], squared_distances(M, X)
    active = (1 + D[i, j][:, None] > D[i]) & (y[i][:, None] != y)
    W = np.zeros((len(X), len(X)))
    np.add.at(W, (i, j), 1 - mu + mu * active.sum(axis=1))
    np.add.at(W, i, -mu * active)
    W = W + W.T
    return X.T @ (np.diag(W.sum(axis=1)) - W) @ X


# %% exercise 05.4
def lmnn_step(M, X, y, targets, mu, step):
    value = lmnn_objective(M, X, y, targets, mu)
    G = lmnn_gradient_M(M, X, y, targets, mu)
    for _ in range(31):
        values, vectors = np.linalg.eigh(M - step * G)
        candidate = (vectors * np.maximum(values, 0)) @ vectors.T
        if lmnn_objective(candidate, X, y, targets, mu) <= value:
            return candidate, step
        step = step / 2
    return M, 0.0


# %% [markdown] remark 05.4
# The objective is asked of the projected matrix: the one before may have negative squared
# distances, and a low objective that nobody can use. At the edge of a hinge the function has a
# kink, and there $-G$ need not point downhill. Halving can then shrink the step to nothing above
# the minimum: on standardised wine, started at $I$, the steps end about 0.3 % above it. That is
# why the number of tries is limited, and a step that is too short is no proof of a minimum.


# %% exercise 05.5
def impostors_fast(Z, y, targets):
    counts = np.zeros(targets.shape, dtype=int)
    for i, z in enumerate(Z):
        squared = ((Z - z) ** 2).sum(axis=1)
        others = np.sort(squared[y != y[i]])
        counts[i] = np.searchsorted(others, squared[targets[i]] + 1)
    return np.where(targets >= 0, counts, 0)


# %% [markdown] remark 05.5
# Sorting takes $n \log n$ for each point, and then $k$ targets cost $k$ searches, not $k \cdot n$
# comparisons. The sorted distances give the push as well: with their cumulative sum, the hinges of
# a target add up to its count times its reach, minus the sum of the counted distances. So loss and
# gradient need no list of triplets either.
