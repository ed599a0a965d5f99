# %% [markdown] title
# # 02 · Exercises: Mahalanobis distances and the cone
#
# Five functions, 14 points, about 70 minutes. They belong to `chapters/02_mahalanobis.ipynb`.
#
# Write each answer in its cell and run the cell below it. The check shows the smallest case that
# fails and says what your answer did. It never shows the solution.

# %% [markdown] remark solutions
# **This notebook holds the worked answers**, each with a closing remark. It is worth more after you
# have tried.

# %% given imports
import numpy as np

from dmlcourse.checks import check, hint


# %% exercise 02.1
def mahalanobis(X, Y, M):
    values, vectors = np.linalg.eigh(M)
    L = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    X, Y = X @ L.T, Y @ L.T
    return np.array([np.sqrt(((x - Y) ** 2).sum(axis=1)) for x in X])


# %% [markdown] remark 02.1
# The map $L$ turns the question into one about Euclidean distances. One row of the result at a time
# needs $m \times d$ numbers of memory; all differences at once need $n \times m \times d$. The
# library's version works in blocks of both, and on a GPU.


# %% exercise 02.2
def factor(M):
    values, vectors = np.linalg.eigh(M)
    return np.sqrt(np.maximum(values, 0))[:, None] * vectors.T


# %% [markdown] remark 02.2
# With $M = \sum_i \lambda_i v_i v_i^\top$, the rows of this $L$ are $\sqrt{\lambda_i}\, v_i^\top$.
# Rows with $\lambda_i = 0$ may be left out: then $L$ has as many rows as $M$ has rank. Cholesky is
# faster, and exists in this plain form only for positive definite $M$.


# %% exercise 02.3
def project_psd(A):
    values, vectors = np.linalg.eigh((A + A.T) / 2)
    return (vectors * np.maximum(values, 0)) @ vectors.T


# %% [markdown] remark 02.3
# Why clipping is nearest: let $P$ be the result and $S$ the symmetric part of $A$. Then $P - S$ is
# positive semidefinite and $\langle P - S, P \rangle = 0$. So for every $Z \succeq 0$, $\langle S -
# P, Z - P \rangle = -\langle P - S, Z \rangle \le 0$: no $Z$ in the cone lies nearer.


# %% exercise 02.4
def is_psd(A):
    if np.abs(A - A.T).max() > 1e-10 * np.abs(A).max():
        return False
    values = np.linalg.eigvalsh(A)
    return bool(values[0] >= -1e-10 * np.abs(values).max())


# %% [markdown] remark 02.4
# Both tests compare with the size of the matrix, so that a change of units changes nothing.
# `eigvalsh` reads one triangle only; that is why symmetry is asked first.


# %% exercise 02.5
def aligning_isometry(L1, L2):
    left, _, right = np.linalg.svd(L2 @ L1.T)
    return left @ right


# %% [markdown] remark 02.5
# This is the orthogonal Procrustes problem (Schönemann 1966). With $L_2 L_1^\top = U S V^\top$, the
# trace of $Q^\top L_2 L_1^\top$ is largest at $Q = U V^\top$. Zero singular values leave part of
# $Q$ free; the decomposition fills it in orthogonally, and nothing is divided by zero.
