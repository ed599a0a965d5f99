# %% [markdown] title
# # 00 · Exercises: points, pairs and neighbours
#
# Three functions, 7 points, about 40 minutes. They belong to `chapters/00_start.ipynb`.
#
# Write each answer in its cell and run the cell below it. The check shows the smallest case that
# fails and says what your answer did. It never shows the solution.

# %% [markdown] how to work here
# Replace the dots under a docstring by your code, run the cell, then run the check below it. Change
# the answer and check again, as often as you like. `hint("00.1")` in a cell of its own gives one
# hint more each time. `dmlcourse start 00` puts your copy of this notebook into `work/`, and
# `dmlcourse update` carries your answers into a newer release.

# %% [markdown] remark solutions
# **This notebook holds the worked answers**, each with a closing remark. It is worth more after you
# have tried.

# %% given imports
import numpy as np

from dmlcourse.checks import check, hint


# %% exercise 00.0
def distance(x, y):
    return np.sqrt(np.sum((x - y) ** 2))


# %% [markdown] remark 00.0
# `np.linalg.norm(x - y)` is the same. The order decides: difference, square, sum, root. In the
# chapter the last step was missing, and the check said so from the numbers alone: the answer did on
# every case what a squared distance does.


# %% exercise 00.1
def pairwise_sqdist(X, Y):
    norms = (X**2).sum(axis=1)[:, None] + (Y**2).sum(axis=1)
    return np.maximum(norms - 2 * X @ Y.T, 0)


# %% [markdown] remark 00.1
# One matrix product and no array larger than the result. Its price is accuracy: where two points
# are close and far from the origin, the digits of $\lVert x \rVert^2 + \lVert y \rVert^2$ cancel,
# and `np.maximum` removes the sign but not the error. With the mean of all points moved to the
# origin first the error is smaller; the library's `pairwise_distances` does that, and takes the
# difference itself where digits are missing.


# %% exercise 00.2
def knn_predict(X, y, k):
    D = pairwise_sqdist(X, X)
    np.fill_diagonal(D, np.inf)
    nearest = np.argsort(D, axis=1)[:, :k]
    return np.array([np.bincount(labels).argmax() for labels in y[nearest]])


# %% [markdown] remark 00.2
# A point is known by its position, so the diagonal is what has to go, and not every zero.
# `np.bincount` counts the labels 0, 1, 2, … in order, and `argmax` returns the first of several
# equal counts: the smallest label. To predict each point from all others is called leave-one-out;
# the library finds the neighbours with `nearest(X, k=k)`.
