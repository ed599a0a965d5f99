# %% [markdown] title
# # 01 · Exercises: distances, divergences and the axioms
#
# Seven functions, 17 points, about 90 minutes. They belong to `chapters/01_distances.ipynb`.
#
# Write each answer in its cell and run the cell below it. The check shows the smallest case that
# fails and says what your answer did. It never shows the solution.

# %% [markdown] remark solutions
# **This notebook holds the worked answers**, each with a closing remark. It is worth more after you
# have tried.

# %% given imports
import numpy as np

from dmlcourse.checks import check, hint


# %% exercise 01.1
def find_triangle_violation(D):
    direct = D[:, None, :]
    detour = D[:, :, None] + D[None, :, :]
    excess = direct - detour
    if excess.max() <= 1e-10 * D.max():
        return ()
    return np.unravel_index(excess.argmax(), excess.shape)


# %% [markdown] remark 01.1
# Entry $[i, j, k]$ of `excess` belongs to the triple: the middle axis is the point on the way. This
# takes $n^3$ numbers of memory; a loop over $j$ takes $n^2$. The largest entry of `D` sets what
# counts as rounding, so that metres and kilometres give the same answer. An empty tuple is no proof
# that a formula is a metric: other points might still break it.


# %% exercise 01.2
def kl_gaussian(m0, S0, m1, S1):
    difference = m1 - m0
    trace = np.trace(np.linalg.solve(S1, S0))
    quadratic = difference @ np.linalg.solve(S1, difference)
    logdets = np.linalg.slogdet(S1).logabsdet - np.linalg.slogdet(S0).logabsdet
    return 0.5 * (trace + quadratic - len(m0) + logdets)


# %% [markdown] remark 01.2
# A determinant is a product of $d$ variances. With 200 variances of $10^{-4}$ it is $10^{-800}$. No
# float above 0 is that small: the product becomes 0, and its logarithm infinite. The sum of the
# logarithms is $-1842$, a number like any other. `solve` needs no inverse, which saves time and a
# little rounding.


# %% exercise 01.2b
def kl_discrete(p, q):
    seen = p > 0
    with np.errstate(divide="ignore"):
        return np.sum(p[seen] * np.log(p[seen] / q[seen]))


# %% [markdown] remark 01.2b
# Only bins with $p_b > 0$ enter, so $0 \cdot \log 0$ never has to be computed. A bin that $p$ uses
# and $q$ does not gives $\log \infty$. This is what a divergence is for: it is finite only where
# $p$ is absolutely continuous with respect to $q$, which means that whatever $q$ calls impossible
# is impossible under $p$ too. A small number in the empty bin hides that, and decides the result.


# %% exercise 01.3
def jeffrey(p, q):
    p, q = p / p.sum(), q / q.sum()
    used = (p > 0) | (q > 0)
    p, q = p[used], q[used]
    with np.errstate(divide="ignore"):
        return np.sum((p - q) * np.log(p / q))


# %% [markdown] remark 01.3
# The two divergences share the factor $\log(p/q)$, and $p - q$ always has its sign: no term is
# negative. The sum of both directions is symmetric, and still no metric. On $(0.1, 0.9)$, $(0.5,
# 0.5)$ and $(0.9, 0.1)$ the direct way is 3.52, and the two steps 0.88 each.


# %% exercise 01.4
def bhattacharyya(p, q):
    p, q = p / p.sum(), q / q.sum()
    with np.errstate(divide="ignore"):
        return -np.log(np.sum(np.sqrt(p * q)))


# %% [markdown] remark 01.4
# The coefficient is the cosine between the vectors $\sqrt p$ and $\sqrt q$, which both have length
# 1. Empty bins need no care: they add 0. The logarithm turns products into sums: for histograms
# over pairs of independent features the distances add up. A metric it is not: $(1, 0)$ and $(0, 1)$
# are infinitely far apart, and each of them is only 0.35 from $(0.5, 0.5)$.


# %% exercise 01.4b
def matusita(p, q):
    p, q = p / p.sum(), q / q.sum()
    return np.linalg.norm(np.sqrt(p) - np.sqrt(q))


# %% [markdown] remark 01.4b
# Why this one is a metric: it is the Euclidean distance after the map $p \mapsto \sqrt p$. Every
# axiom is inherited from Euclid, and the map loses nothing. Expanding the square gives $d^2 = 2 -
# 2\,\sum_b \sqrt{p_b q_b}$: the same coefficient as in the exercise before. The Hellinger distance
# is this one divided by $\sqrt 2$.


# %% exercise 01.5
def cosine_to_euclidean(X, Y):
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    Y = Y / np.linalg.norm(Y, axis=1, keepdims=True)
    squared = 2 - 2 * X @ Y.T
    return np.sqrt(np.maximum(squared, 0))


# %% [markdown] remark 01.5
# So cosine similarity and the Euclidean distance of scaled rows rank neighbours in the same order:
# an index for Euclidean distances serves both. The formula is one matrix product and fast, and
# near zero it is coarse. A rounding of $10^{-16}$ under the root becomes $10^{-8}$ after it;
# subtracting the scaled rows themselves does not have that loss.
