# %% [markdown] title
# # 02 · Mahalanobis distances: which matrices measure distance?
#
# Two flowers, two faces, two sentences: how different are they? The answer depends on which
# differences count. This chapter is about the simplest way to say so: with one matrix.

# %% [markdown] objectives
# **After this chapter you can**
#
# - compute the distance that a matrix $M$ defines, and say what its ball looks like;
# - move freely between $M$ and a map $L$ with $M = L^\top L$, and say what $L$ leaves open;
# - tell a metric from a pseudo-metric, and name the directions a metric cannot see;
# - test whether a matrix lies in the cone of positive semidefinite matrices, and project onto it;
# - say what whitening does, and what it can never know.
#
# **Needs** matrix products and eigenvectors. **Costs** about 35 minutes to read, 10 seconds on two
# cores, 0.4 GB of memory, no download. The exercises take another 70 minutes.

# %% imports
import numpy as np
from matplotlib.patches import Circle
from sklearn.datasets import load_iris

from dmlcourse.benches import calibration, ellipse_bench, predict
from dmlcourse.figures import axes_equal, canvas, ellipse, labelled_points, show
from dmlcourse.geometry import mahalanobis, nearest

# %% [markdown] stretched
# ## A distance can be stretched
#
# All points at distance 1 from a centre form a circle. Suppose that a step along the first axis
# matters twice as much as it did, and a step along the second half as much. Which points are at
# distance 1 now?

# %% circle-and-ellipse
fig, axes = canvas(2)
matrices = [np.eye(2), np.diag([4.0, 0.25])]
for ax, M, title in zip(axes, matrices, ["M = identity", "M = diag(4, 1/4)"], strict=True):
    axes_equal(ax, 2.4)
    ellipse(ax, M)
    ax.set_title(f"Distance at most 1, {title}")
show(
    fig,
    alt="Left: a circle of radius 1. Right: an ellipse, half as wide and twice as tall: the first "
    "axis has become expensive, the second cheap.",
)

# %% [markdown] read-ellipse
# The ellipse is short where steps are expensive. With eigenvalue $\lambda$ along a direction, the
# half axis there is $1/\sqrt{\lambda}$: here $1/2$ and $2$. A large eigenvalue makes a *short*
# axis.
#
# In general a symmetric matrix $M$ says how much each direction counts, and how directions count
# together. The **Mahalanobis distance** of $x$ and $y$ under $M$ is
#
# $$d_M(x, y) = \sqrt{(x - y)^\top M (x - y)}.$$

# %% one-pair
M = np.array([[1.0, -1.2], [-1.2, 2.3]])
x, y = np.array([0.0, 0.0]), np.array([1.5, 0.2])
difference = x - y  # shape (2,)
squared = difference @ M @ difference
print(f"squared {squared:.3f}, distance {np.sqrt(squared):.3f}")

# %% [markdown] root
# The ruler puts these two at distance 1.51; under $M$ they are nearer. The root is part of the
# formula, although some printed surveys leave it out. Without it the triangle inequality fails.
# Take three points on a line:

# %% triangle
points = np.array([[0.0], [1.0], [2.0]])
without_root = mahalanobis(points, M=np.eye(1), squared=True)
print("from 0 to 2:          ", without_root[0, 2])
print("from 0 to 1, then to 2:", without_root[0, 1] + without_root[1, 2])

# %% [markdown] read-triangle
# Squared, the detour through 1 costs 2 and the direct way 4. A "distance" under which detours save
# is no distance. Later chapters use $d_M^2$ often, because it is linear in $M$; they always say so.
#
# ## What changes is who is near
#
# Here are six points. By the ruler, D is nearest to A; E and F are farthest, almost equally far.

# %% six-points-figure
NAMES = "ABCDEF"
X = np.array([[0, 0], [1.5, 0.2], [0.5, 1.2], [-0.9, 0.8], [-1.5, -0.9], [0.4, -1.7]])
roles = ["anchor", *["plain"] * 5]
fig, ax = canvas()
axes_equal(ax, 2.3)
labelled_points(ax, X, NAMES, roles)
ax.set_title("Six points, and the ruler")
show(
    fig,
    alt="Six points in the plane: A in the middle, D nearest to it up on the left, C above, "
    "B on the right; E, down on the left, and F, below, are farthest.",
)


# %% predict-nearest jupyter={"source_hidden": true}
def stretched_plane():
    fig, ax = canvas()
    axes_equal(ax, 2.3)
    ellipse(ax, M, radius=1.0)
    labelled_points(ax, X, NAMES, ["anchor", "far", "far", "far", "near", "far"])
    ax.set_title("The ball of M around A")
    return fig, (
        "The ball of M around A is a narrow ellipse along the direction from A to E, "
        "and E is the only point inside it."
    )


predict(
    "02.nearest",
    "M = [[1, -1.2], [-1.2, 2.3]]. Which point is nearest to A under M?",
    options=["B", "C", "D", "E", "F"],
    answer="E",
    why="By the ruler no point is farther than E; under M it is the nearest. The entry -1.2 makes "
    "steps cheap when both coordinates move the same way, and E lies that way.",
    reveal=stretched_plane,
)

# %% [markdown] euclid-after
# ## Euclid, after a map
#
# Where does such an $M$ come from? Map every point $x$ to $Lx$ and use the ruler there:
#
# $$\lVert Lx - Ly \rVert^2 = (x - y)^\top L^\top L \, (x - y).$$
#
# So **every linear map $L$ gives a Mahalanobis distance, with $M = L^\top L$**. The way back goes
# through the eigenvectors of $M$: turn to them, then stretch each by $\sqrt{\lambda}$.

# %% factor-by-hand
values, vectors = np.linalg.eigh(M)  # M = vectors @ diag(values) @ vectors.T
L = np.sqrt(values)[:, None] * vectors.T
print("LᵀL equals M:", np.allclose(L.T @ L, M))

# %% mapped-plane
fig, (plane, mapped) = canvas(2)
roles = ["anchor", "far", "far", "far", "near", "far"]
for ax, points, ball in [(plane, X, M), (mapped, X @ L.T, np.eye(2))]:
    axes_equal(ax, 3.2)
    ellipse(ax, ball)
    labelled_points(ax, points, NAMES, roles)
plane.set_title("The plane, and the ball of M")
mapped.set_title("After L: the ball is a circle")
show(
    fig,
    alt="Left: the six points with the narrow elliptic ball of M around A. Right: the same points "
    "after L. The ellipse has become a circle, and E is the only point inside it.",
)

# %% [markdown] read-mapped
# The same points, the same neighbours, the same numbers. On the left the ruler is bent; on the
# right the points are moved and the ruler is straight. **Learning a Mahalanobis metric is learning
# a linear map.** In Part III the map becomes a network.

# %% library-agrees
under_M = mahalanobis(X, M=M)
after_L = mahalanobis(X @ L.T, M=np.eye(2))
print("same distances:", np.allclose(under_M, after_L))
print("from A:", dict(zip(NAMES[1:], under_M[0, 1:].round(2).tolist(), strict=True)))

# %% [markdown] exercises-one
# The library's `mahalanobis` takes `M` or `L`. **Exercises 02.1 and 02.2** ask you for these two
# ways: distances from $M$, and a factor of $M$ that survives a zero eigenvalue.

# %% [markdown] isometry
# ## What L leaves open
#
# $M$ determines the distances. Does it determine $L$? Turn the mapped plane: nothing that a ruler
# can measure changes. With an orthogonal $Q$, $(QL)^\top QL = L^\top Q^\top Q L = M$.

# %% many-factors
turn = np.array([[0.0, -1.0], [1.0, 0.0]])
mirror = np.diag([1.0, -1.0])
for name, Q in [("a turn", turn), ("a mirror", mirror)]:
    print(f"{name}: another L, the same M:", np.allclose((Q @ L).T @ (Q @ L), M))

# %% [markdown] read-isometry
# So $L$ is unique **up to an isometry**, mirrors included. Two people who learn the same metric may
# hold different factors; compare $M$, or align the factors first. **Exercise 02.5** finds the
# isometry between them (Schönemann 1966).
#
# ## Flat directions
#
# Nothing forbids an eigenvalue of zero. Then $M$ does not see that direction at all.


# %% predict-flat jupyter={"source_hidden": true}
def strip():
    fig, ax = canvas()
    axes_equal(ax, 8)
    ellipse(ax, np.diag([1.0, 0.0]))
    labelled_points(ax, np.array([[0.0, 0.0], [0.0, 7.0]]), ["x", "y"], ["anchor", "near"])
    ax.set_title("The ball of diag(1, 0)")
    return fig, (
        "The ball of diag(1, 0) around x is a vertical strip without end. "
        "The point y, straight above x, lies in it at distance zero."
    )


predict(
    "02.flat",
    "M = diag(1, 0), x = (0, 0), y = (0, 7). What is the distance of x and y under M?",
    options=["0", "7", "it is not defined"],
    answer="0",
    why="The difference is (0, 7), and M multiplies its second coordinate by zero. "
    "Two different points are at distance zero.",
    reveal=strip,
)

# %% [markdown] pseudo
# A distance that can be zero between different points is a **pseudo-metric**. If all eigenvalues
# are positive, $d_M$ is a metric; if some are zero, a pseudo-metric. A printed survey promises a
# metric for every positive semidefinite $M$; the point $y$ above is the counterexample.

# %% low-rank
wide = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]])  # L maps 3 coordinates to 2
M_low = wide.T @ wide
print("M has shape", M_low.shape, "and rank", np.linalg.matrix_rank(M_low))

# %% [markdown] read-rank
# Flat directions are often wanted. An $L$ with two rows maps three coordinates to a plane: the
# rank of $M$ is the number of dimensions that survive. A metric of low rank is a **dimension
# reduction** that keeps what the task needs.
#
# ## Which matrices measure?
#
# The root needs $(x-y)^\top M (x-y) \ge 0$ for every pair of points. A symmetric matrix with that
# property is **positive semidefinite**, written $M \succeq 0$. Equivalent: all its eigenvalues are
# at least zero. What about the determinant, which is their product?

# %% determinant
A = np.diag([-1.0, -1.0])
print("determinant:", np.linalg.det(A))
print("eigenvalues:", np.linalg.eigvalsh(A))
print("(1, 0) squared under A:", np.array([1.0, 0.0]) @ A @ np.array([1.0, 0.0]))

# %% [markdown] read-determinant
# Two negative eigenvalues, a positive determinant, and no distance anywhere. "The determinant is
# not negative" stands in print as a test. It is none. **Exercise 02.4** collects such
# tests and the matrices that they get wrong.

# %% predict-cone jupyter={"source_hidden": true}
predict(
    "02.cone",
    "P = [[2, -1], [-1, 2]], Q = [[1, 2], [2, 1]], R = [[0, 0], [0, -1]]. "
    "Which of them is positive semidefinite?",
    options=["P", "Q", "R", "P and Q", "none"],
    answer="P",
    why="Eigenvalues: P has 1 and 3, Q has -1 and 3, R has -1 and 0. "
    "The signs off the diagonal decide nothing.",
)

# %% [markdown] cone
# ## A cone of metrics
#
# Add two metrics, or multiply one by a positive number: the result is positive semidefinite again.
# Such a set is a **convex cone**. For 2×2 matrices one can see it. Fix the sum of the eigenvalues
# at 2 and walk through all such matrices: each point below *is* a metric, drawn as its ball.

# %% cone-slice
fig, ax = canvas(size=(5.6, 5.2))
axes_equal(ax, 1.35)
for r, count in [(0, 1), (0.42, 6), (0.8, 12)]:  # rings around the identity
    for t in 2 * np.pi * np.arange(count) / count:
        u, b = r * np.cos(t), r * np.sin(t)
        ellipse(ax, np.array([[1 + u, b], [b, 1 - u]]), (u, b), radius=0.075)
ax.add_patch(Circle((0, 0), 1, fill=False, lw=2))
ax.set(xlabel="(M₁₁ − M₂₂) / 2", ylabel="M₁₂", title="Metrics with trace 2, each drawn as its ball")
show(
    fig,
    alt="A disc of small ellipses. In the centre a circle, the identity. Towards the rim the "
    "ellipses grow longer, in a direction that turns with the place on the disc.",
)

# %% [markdown] read-cone
# In the middle is the identity. Towards the rim one eigenvalue falls and the balls grow long. On
# the rim it is zero: the balls are strips, the metrics flat. Outside the rim no metric exists.
# Larger traces give larger discs: together they are a round cone.
#
# ## Back into the cone
#
# Learning moves $M$ by gradient steps, and a step may leave the cone. The repair is the **nearest**
# matrix in the cone. Near means the Frobenius norm, with $\langle A, B \rangle = \sum_{ij} A_{ij}
# B_{ij}$. It does not change under rotation, so turn to the eigenvectors, where only $d$
# numbers are left: negative ones become zero.

# %% project-by-hand
A = np.array([[1.0, 2.0], [2.0, 1.0]])  # eigenvalues 3 and -1
values, vectors = np.linalg.eigh(A)
repairs = {
    "clip to zero": np.maximum(values, 0),
    "absolute value": np.abs(values),
    "shift all up": values - values.min(),
}
for name, repaired in repairs.items():
    B = (vectors * repaired) @ vectors.T
    print(f"{name:15} ends {np.linalg.norm(A - B):.2f} away from A")

# %% projection-figure
fig, ax = canvas(size=(5.6, 3.9))
ax.axvspan(0, 6, ymin=0.4, color="#56b4e9", alpha=0.25)
ax.set(xlim=(-0.5, 6), ylim=(-2, 3), xlabel="first eigenvalue", ylabel="second eigenvalue")
ax.plot(3, -1, "X", color="#cc79a7", markersize=10)
ax.text(2.5, -1.1, "A")
for name, end in {"absolute value": (3, 1), "clip": (3, 0), "shift": (4, 0)}.items():
    ax.annotate("", end, (3, -1), arrowprops={"arrowstyle": "->", "lw": 1.5})
    ax.text(end[0] + 0.15, end[1] + 0.15, name)
ax.set_title("Three ways back into the cone")
show(
    fig,
    alt="In the plane of the two eigenvalues the cone is the first quadrant, shaded. A lies below "
    "it at (3, -1). Clipping goes straight up to the border at (3, 0); the absolute value goes on "
    "to (3, 1); the shift goes diagonally to (4, 0).",
)

# %% [markdown] read-projection
# Clipping takes the shortest way, at a right angle to the border. The absolute value goes twice as
# far: a cone is not a mirror. If $A$ is not symmetric, take $(A + A^\top)/2$ first; the
# antisymmetric rest is orthogonal to everything in the cone (Higham 1988). **Exercise 02.3.**

# %% [markdown] whitening
# ## A metric without a teacher
#
# Mahalanobis himself took $M = \Sigma^{-1}$, the inverse covariance of the data. Its factor
# **whitens**: after $L$, every direction has variance 1. Correlated and badly scaled features are
# repaired at once. Does it help to tell classes apart?

# %% whiten-iris
iris, species = load_iris(return_X_y=True)  # 150 flowers, 4 measurements, 3 species
M_white = np.linalg.inv(np.cov(iris.T))


def neighbour_agrees(M):
    """Share of flowers whose nearest other flower under M has the same species."""
    _, index = nearest(iris, k=1, M=M)
    return (species[index[:, 0]] == species).mean()


print(f"ruler {neighbour_agrees(np.eye(4)):.1%}, whitened {neighbour_agrees(M_white):.1%}")

# %% [markdown] read-whitening
# It got worse. The direction in which iris varies most is the one that separates the species, and
# whitening shrinks exactly that direction. **Whitening never saw a label**: it cannot know which
# differences matter. Learning $M$ from examples of what is alike began with Xing et al. (2002);
# Bellet et al. (2013) survey what followed. It is what the rest of this course is about.
#
# ## Turn it yourself
#
# Three tasks for the bench. Make F the nearest point. Make a metric for which B and C are equally
# near. Then push one eigenvalue through zero and watch the ball: what does it become at zero, and
# what below?

# %% bench
ellipse_bench(first=3.0, second=0.25, angle=30.0)

# %% [markdown] breaks
# ## Where this breaks
#
# **Rounding.** Expanding $\lVert x-y \rVert^2$ into $\lVert x \rVert^2 + \lVert y \rVert^2 - 2
# x^\top y$ is fast, and far from the origin it subtracts large equal numbers. In float32:

# %% cancellation
pair = np.array([[10_000.0], [10_000.5]], dtype=np.float32)
norms = (pair**2).sum(axis=1)
expanded = norms[:, None] + norms - 2 * pair @ pair.T
print("expanded, squared:", expanded[0, 1], "  true:", 0.25)
print("the library:      ", mahalanobis(pair, M=np.eye(1, dtype=np.float32), squared=True)[0, 1])

# %% [markdown] breaks-more
# The expanded form has lost every digit; the library watches for this and recomputes such pairs.
#
# **Size.** $M$ has $d(d+1)/2$ free numbers: 5,050 for 100 features, more than many data sets can
# pay for. **Shape.** One $M$ stretches the whole space alike. What must bend, as faces and words
# do, needs kernels or networks.

# %% [markdown] summary
# ## Summary
#
# - $d_M(x,y) = \sqrt{(x-y)^\top M(x-y)} = \lVert Lx - Ly \rVert$ with $M = L^\top L$.
# - $M$ gives a metric if all eigenvalues are positive, a pseudo-metric if some are zero.
# - $L$ is free up to an isometry; the rank of $M$ is the dimension of the mapped space.
# - Positive semidefinite matrices form a convex cone. Project by clipping eigenvalues.
# - $\Sigma^{-1}$ whitens, and knows nothing of the task.

# %% calibration
calibration("02")

# %% [markdown] next
# **Now do the exercises.** Type `dmlcourse start 02` in a terminal, and open
# `work/02_mahalanobis.ipynb`: five functions, 14 points, about 70 minutes.

# %% [markdown] references
# ## References
#
# - P. C. Mahalanobis (1936). On the generalised distance in statistics. Reprinted in Sankhya A 80,
#   1–7 (2018). [doi:10.1007/s13171-019-00164-5](https://doi.org/10.1007/s13171-019-00164-5)
# - E. P. Xing, A. Y. Ng, M. I. Jordan, S. Russell (2002). Distance metric learning, with
#   application to clustering with side-information. NIPS 15, 505–512.
#   [proceedings](https://proceedings.neurips.cc/paper/2002/hash/c3e4035af2a1cde9f21e1ae1951ac80b-Abstract.html)
# - N. J. Higham (1988). Computing a nearest symmetric positive semidefinite matrix. Linear Algebra
#   and its Applications 103, 103–118.
#   [doi:10.1016/0024-3795(88)90223-6](https://doi.org/10.1016/0024-3795(88)90223-6)
# - P. H. Schönemann (1966). A generalized solution of the orthogonal Procrustes problem.
#   Psychometrika 31, 1–10. [doi:10.1007/BF02289451](https://doi.org/10.1007/BF02289451)
# - A. Bellet, A. Habrard, M. Sebban (2013). A survey on metric learning for feature vectors and
#   structured data. [arXiv:1306.6709](https://arxiv.org/abs/1306.6709)
