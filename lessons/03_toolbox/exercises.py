# %% [markdown] title
# # 03 · Exercises: the optimiser's toolbox
#
# Eight functions, 22 points, about 120 minutes. They belong to `chapters/03_toolbox.ipynb`.
#
# Write each answer in its cell and run the cell below it. The check shows the smallest case that
# fails and says what your answer did. It never shows the solution.

# %% [markdown] remark solutions
# **This notebook holds the worked answers**, each with a closing remark. It is worth more after you
# have tried.

# %% given imports
import numpy as np

from dmlcourse.checks import check, hint


# %% exercise 03.1
def project_halfspace(x, a, b):
    excess = max(a @ x - b, 0)
    return x - excess / (a @ a) * a


# %% [markdown] remark 03.1
# Why there is one nearest point and not two: if $z$ and $z'$ were equally near, the point halfway
# between them would be nearer, and a convex set contains it. The nearest point $P$ is the one with
# $\langle x - P, z - P \rangle \le 0$ for every $z$ of the set. Here $x - P$ is a multiple of $a$.


# %% exercise 03.1b
def project_budget(M, A):
    excess = max(np.sum(A * M) - 1, 0)
    return M - excess / np.sum(A * A) * A


# %% [markdown] remark 03.1b
# What a projection costs: this one reads every entry a few times, $O(d^2)$. The projection onto the
# positive semidefinite cone needs an eigendecomposition, $O(d^3)$. With 1,000 features that is
# more than a thousand times the arithmetic. A method that never leaves the cone, such as that of
# chapter 06, saves it.


# %% exercise 03.2
def alternating_projections(x, A, b, rounds):
    for _ in range(rounds):
        for a, bound in zip(A, b, strict=True):
            x = project_halfspace(x, a, bound)
    return x


# %% [markdown] remark 03.2
# Each projection brings the point nearer to every point that all sets share: for such a point $z$,
# $\lVert P(x) - z \rVert^2 \le \lVert x - z \rVert^2 - \lVert x - P(x) \rVert^2$. So the moves
# become small, and the end is a common point. Nothing in this says that it is the nearest one.


# %% exercise 03.3
def dykstra(x, A, b, rounds):
    corrections = np.zeros_like(A)
    for _ in range(rounds):
        for i in range(len(A)):
            reach = x + corrections[i]
            x = project_halfspace(reach, A[i], b[i])
            corrections[i] = reach - x
    return x


# %% [markdown] remark 03.3
# Why the end is nearest: after every turn, the start is the point plus all corrections. Each
# correction is an outward normal of its half-space at the place of its last turn. Once all those
# places are one point $P$, the start minus $P$ is a sum of outward normals at $P$, and this is what
# marks the nearest point of an intersection.


# %% exercise 03.4
def projected_gradient(Q, c, x, step, rounds):
    for _ in range(rounds):
        x = np.maximum(x - step * (Q @ x - c), 0)
    return x


# %% [markdown] remark 03.4
# A point that this step does not move is a minimum over the set: where $x_j > 0$ the gradient is
# zero, where $x_j = 0$ it is not negative. Any step below $2/\lambda$ leads there, with the largest
# eigenvalue $\lambda$ of $Q$. For the cone of all positive semidefinite matrices the code is the
# same, with `project_psd` in place of `np.maximum`.


# %% exercise 03.5
def trace_maximiser(A, k):
    _, vectors = np.linalg.eigh(A)
    return vectors[:, ::-1][:, :k].T


# %% [markdown] remark 03.5
# The trace has many maximisers: $QL$ is one for every orthogonal $Q$. What they share is the
# subspace, and with it $L^\top L$; that is what the check compares. Distances between mapped points
# depend on $L^\top L$ alone.


# %% exercise 03.5b
def lda(X, y, k):
    names, classes, sizes = np.unique(y, return_inverse=True, return_counts=True)
    means = np.array([X[y == name].mean(axis=0) for name in names])
    inner, outer = X - means[classes], means - X.mean(axis=0)
    S_w = inner.T @ inner / len(X)
    S_b = (sizes[:, None] * outer).T @ outer / len(X)
    W = np.linalg.inv(np.linalg.cholesky(S_w))
    return trace_maximiser(W @ S_b @ W.T, k) @ W


# %% [markdown] remark 03.5b
# The rows solve $S_b\, l = \lambda S_w\, l$, a generalised eigenproblem. $W$ makes the classes
# round, and then it is an ordinary one, that of 03.5. Along each row of $L$ the scatter within is 1
# and the scatter between is $\lambda$. $C$ means lie in a space of $C - 1$ dimensions, so no more
# than $C - 1$ of the $\lambda$ are above zero.


# %% exercise 03.6
def logdet_divergence(M, N):
    trace = np.trace(np.linalg.solve(N, M))
    logdet = np.linalg.slogdet(M).logabsdet - np.linalg.slogdet(N).logabsdet
    return trace - logdet - len(M)


# %% [markdown] remark 03.6
# With the eigenvalues $\lambda_i$ of $M N^{-1}$ the divergence is $\sum_i (\lambda_i - \log
# \lambda_i - 1)$: zero where all are 1, and infinite at the edge of the cone. Half of it is the
# Kullback–Leibler divergence from $N(0, M)$ to $N(0, N)$, the one of 01.2. It does not change when
# both matrices become $B M B^\top$ and $B N B^\top$.
