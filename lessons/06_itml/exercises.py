# %% [markdown] title
# # 06 · Exercises: ITML
#
# Five functions, 17 points, about 100 minutes. They belong to `chapters/06_itml.ipynb`.
#
# Write each answer in its cell and run the cell below it. The check shows the smallest case that
# fails and says what your answer did. It never shows the solution.

# %% [markdown] remark solutions
# **This notebook holds the worked answers**, each with a closing remark. It is worth more after you
# have tried.

# %% given imports
import numpy as np

from dmlcourse.checks import check, hint


# %% exercise 06.1
def kl_between_metrics(M0, M):
    trace = np.trace(np.linalg.solve(M0, M))
    logdet = np.linalg.slogdet(M).logabsdet - np.linalg.slogdet(M0).logabsdet
    return (trace - logdet - len(M)) / 2


# %% [markdown] remark 06.1
# This is $\frac12 D(M, M_0)$: the mean is taken under $p(\cdot; M_0)$, and the covariance of that
# Gaussian is $M_0^{-1}$. For covariances $\Sigma_0$ and $\Sigma$ the same divergence is
# $\frac12 D(\Sigma_0, \Sigma)$, with the arguments in the other order. Who writes a precision where
# a covariance is meant, as one survey does, gets $\frac12 D(M_0, M)$. A counterexample needs no
# matrix: from precision 1 to precision 4 the divergence is $\frac32 - \log 2 \approx 0.81$, and the
# other order gives $\log 2 - \frac38 \approx 0.32$.


# %% exercise 06.2
def distance_bounds(X, low, high):
    i, j = np.triu_indices(len(X), 1)
    squared = ((X[i] - X[j]) ** 2).sum(axis=1)
    return np.percentile(squared, low), np.percentile(squared, high)


# %% [markdown] remark 06.2
# A bound in the wrong unit raises no error. If one pair in twenty is closer than 10, $u$ is 100.
# With 10 in its place, similar pairs are asked to be closer than $\sqrt{10} \approx 3.2$, and ITML
# returns a metric all the same. The unit gives it away: from metres to centimetres squared
# distances grow by 10,000, and these bounds with them, so that the constraints stay what they were.
# Bounds of distances grow by 100.


# %% exercise 06.3
def bregman_update(M, v, delta, xi, lam, gamma):
    image = M @ v
    p = v @ image
    alpha = min(lam, delta * gamma / (gamma + 1) * (1 / p - 1 / xi))
    beta = delta * alpha / (1 - delta * alpha * p)
    M = M + beta * np.outer(image, image)
    return M, gamma * xi / (gamma + delta * alpha * xi), lam - alpha


# %% [markdown] remark 06.3
# After an update that $\lambda$ does not limit, $v^\top M v = \xi$: one line that tests the whole
# function. It also finds the slip in print. The paper's Algorithm 1 has $\alpha = \frac{\delta}{2}
# (\frac1p - \frac{\gamma}{\xi})$, and after that the two sides meet for $\gamma = 1$ only. $M$
# needs no projection onto the cone: $1 - \delta\alpha p$ is positive for every $\alpha$ that
# occurs, and $M$ stays positive definite.


# %% given one-pair
def itml_update(M, v, delta, xi, lam, gamma):
    """Return M, xi and lam after the update of one pair; written for reading, not for speed."""
    p = v @ M @ v
    alpha = min(lam, delta * (1 / p - 1 / xi) / (1 + 1 / gamma))
    M = np.linalg.inv(np.linalg.inv(M) - delta * alpha * np.outer(v, v))
    return M, 1 / (1 / xi + delta * alpha / gamma), lam - alpha


# %% exercise 06.4
def itml_sweep(M, V, delta, xi, lam, gamma):
    xi, lam = xi.copy(), lam.copy()
    for i, v in enumerate(V):
        M, xi[i], lam[i] = itml_update(M, v, delta[i], xi[i], lam[i], gamma)
    return M, xi, lam


# %% [markdown] remark 06.4
# At any time $M^{-1} = M_0^{-1} + \sum_i \delta_i \lambda_i v_i v_i^\top$, if one began with $M =
# M_0$ and $\lambda = 0$. So $\lambda$ is the whole state: $M$ can be made again from it, and every
# $\xi_i$ too. Who sets $\lambda$ to zero between two sweeps keeps $M$ and forgets how it came
# about: no push of an earlier sweep can be taken back, and the sweeps may settle at a metric that
# is not the best one.


# %% exercise 06.5
def dual_value(lam, V, delta, xi0, gamma, M0):
    B = np.linalg.inv(M0) + (V.T * (delta * lam)) @ V
    eigenvalues = np.linalg.eigvalsh(B)
    slack = 1 - delta * lam * xi0 / gamma
    if eigenvalues[0] <= 0 or slack.min() <= 0:
        return -np.inf
    logdet = np.log(eigenvalues).sum() + np.linalg.slogdet(M0).logabsdet
    return logdet + gamma * np.log(slack).sum()


# %% [markdown] remark 06.5
# The value is a proof. Whatever the metric, its objective is not below $g(\lambda)$, for any
# $\lambda \ge 0$ and wherever it came from: from sweeps, from another solver, or from a guess. That
# is why the domain matters. A finite number outside of it would prove something that is not so, and
# `slogdet` returns one without a word: two negative eigenvalues have a positive product. A pair
# that is dissimilar and whose two points are equal shows in the dual as well: $v = 0$ does nothing
# to $B$, $g$ grows with its $\lambda$ without end, and no metric keeps that bound.
