# %% [markdown] title
# # 04 · Exercises: supervision and MMC
#
# Five functions, 17 points, about 110 minutes. They belong to `chapters/04_supervision.ipynb`.
#
# Write each answer in its cell and run the cell below it. The check shows the smallest case that
# fails and says what your answer did. It never shows the solution.

# %% [markdown] remark solutions
# **This notebook holds the worked answers**, each with a closing remark. It is worth more after you
# have tried.

# %% given imports
import numpy as np

from dmlcourse.checks import check, hint


# %% exercise 04.1
def pairs_from_labels(y, n, seed):
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(len(y), 1)
    pairs, same = np.stack([i, j], axis=1), y[i] == y[j]
    return rng.permutation(pairs[same])[:n], rng.permutation(pairs[~same])[:n]


# %% [markdown] remark 04.1
# Equally likely pairs do not make equally likely classes: a class of 40 has 780 pairs and a class
# of 2 has one. Whoever wants every class heard alike draws the class first, and says so. For many
# points the full list is too long ($n = 10^5$ gives $5 \cdot 10^9$ pairs); the library computes the
# pair of a random number instead.


# %% exercise 04.2
def diagonal_objective(w, S, D):
    a, squares = (S**2).sum(axis=0), D**2
    distances = np.sqrt(squares @ w)
    total = distances.sum()
    slope = (squares / (2 * distances[:, None])).sum(axis=0)
    return a @ w - np.log(total), a - slope / total


# %% [markdown] remark 04.2
# The logarithm makes the scale a matter of the objective: no budget is needed, and at the minimum
# $\langle a, w \rangle$ is $\frac12$. Means for sums change the scale of the best $w$ and nothing
# else, because a factor in the logarithm is a constant.


# %% given diagonal-form
def value_and_gradient(w, S, D):
    """Return f of 04.2 and its gradient."""
    a, squares = (S**2).sum(axis=0), D**2
    distances = np.sqrt(squares @ w)
    gradient = a - squares.T @ (0.5 / distances) / distances.sum()
    return a @ w - np.log(distances.sum()), gradient


# %% exercise 04.2b
def newton_step(w, S, D):
    value, gradient = value_and_gradient(w, S, D)
    squares = D**2
    distances = np.sqrt(squares @ w)
    s, slope = distances.sum(), squares.T @ (0.5 / distances)
    bend = -(squares.T * (0.25 / distances**3)) @ squares
    p = -np.linalg.solve(np.outer(slope, slope) / s**2 - bend / s, gradient)
    for halvings in range(31):
        moved = w + p / 2**halvings
        if (moved > 0).all() and value_and_gradient(moved, S, D)[0] < value:
            return moved
    return w


# %% [markdown] remark 04.2b
# A sum of roots is concave, so $-\nabla^2 s$ adds to the Hessian: both parts are positive
# semidefinite and $f$ is convex. The paper, too, shortens the whole step until no weight is
# negative; that jams where the best weights are 0, as the chapter shows. An algorithm that is right
# at every step can still stop in the wrong place.


# %% given projections
def project_budget(M, A):
    """Return the matrix nearest to M with <A, M> at most 1."""
    return M - max(0, np.sum(A * M) - 1) / np.sum(A * A) * A


def project_psd(M):
    """Return the positive semidefinite matrix nearest to M."""
    values, vectors = np.linalg.eigh((M + M.T) / 2)
    return (vectors * np.maximum(values, 0)) @ vectors.T


# %% exercise 04.3
def mmc_step(M, S, D, rate):
    A = S.T @ S
    distances = np.sqrt(np.sum((D @ M) * D, axis=1))
    G = D.T @ (D / (2 * distances[:, None]))
    M = M + rate * (G - np.sum(G * A) / np.sum(A * A) * A)
    for _ in range(1000):
        M = project_psd(project_budget(M, A))
        if np.sum(A * M) <= 1 + 1e-9:
            break
    return M


# %% [markdown] remark 04.3
# A start that spends the whole budget forgives an answer with $G$ in place of $G_\perp$: the
# projection onto the budget takes the part along $A$ away again. Inside the budget it does not. The
# loop is the price of the method: with many features it may take hundreds of eigendecompositions
# for a single step.


# %% exercise 04.4
def collapse(S, D):
    inverse = np.linalg.inv(np.linalg.cholesky(S.T @ S))
    _, vectors = np.linalg.eigh(inverse @ D.T @ D @ inverse.T)
    z = inverse.T @ vectors[:, -1]
    return np.outer(z, z)


# %% [markdown] remark 04.4
# A linear function over a convex set has its maximum at a corner, and the corners of this set are 0
# and the matrices $z z^\top$ that spend the whole budget. It is the first discriminant of 03.5b
# with pairs in place of classes: the scatter of $S$ stands for "within". All points then lie on one
# line, and the second-best direction, however good, has no say.
