# %% [markdown] title
# # 01 · Distances, divergences and the axioms: what may be called a distance?
#
# Many formulas are called distances in papers and libraries. Some of them are none, and sometimes
# that matters. This chapter says what is promised by the word, and to whom.

# %% [markdown] objectives
# **After this chapter you can**
#
# - name the four axioms of a metric, and find the three points that break the last one;
# - say what Minkowski's, cosine and squared distances keep and what they lose;
# - tell which axiom k-NN, clustering and a search index rely on;
# - compare two distributions by four measures, and know which of them is a metric;
# - compute a divergence between Gaussians, in 200 dimensions too.
#
# **Needs** chapter 00, vectors, logarithms. **Costs** about 35 minutes to read, 10 seconds on two
# cores, 0.4 GB of memory, no download. The exercises take another 90 minutes.

# %% imports
import numpy as np

from dmlcourse.benches import calibration, gaussians_bench, minkowski_bench, predict
from dmlcourse.figures import axes_equal, canvas, labelled_points, show
from dmlcourse.geometry import axiom_report, find_triangle_violation, pairwise_distances

# %% [markdown] axioms
# ## Four promises
#
# A function $d$ of two points is a **metric** (Fréchet 1906) if for all $x, y, z$
#
# 1. $d(x, y) \ge 0$, and $d(x, x) = 0$;
# 2. $d(x, y) = 0$ only if $x = y$;
# 3. $d(x, y) = d(y, x)$;
# 4. $d(x, z) \le d(x, y) + d(y, z)$: no detour is shorter than the direct way.
#
# Without the second it is a **pseudo-metric**. A table of distances can be tested:

# %% report
X = np.random.default_rng(0).normal(size=(6, 2))
D = pairwise_distances(X)
print(axiom_report(D))

# %% report-squared
print(axiom_report(D**2))
i, j, k = find_triangle_violation(D**2)
print(f"direct {D[i, k] ** 2:.2f}, over {j}: {D[i, j] ** 2 + D[j, k] ** 2:.2f}")

# %% [markdown] read-report
# The report splits the first promise into two lines. The Euclidean distance keeps all four. Its
# square fails the last one, and the report names three points. **Exercise 01.1** is the search for
# them. Squaring changes no nearest neighbour. Is the fourth axiom of any use? The section "Who
# needs which axiom?" answers that.
#
# ## A family: Minkowski
#
# For an order $p$, $d_p(x, y) = \bigl(\sum_j |x_j - y_j|^p\bigr)^{1/p}$. With $p = 2$ this is the
# ruler, with $p = 1$ the way through a city of square blocks, with $p = \infty$ the largest
# difference alone.

# %% balls
fig, axes = canvas(4, size=(11, 3.0))
turn = np.linspace(0, 2 * np.pi, 721)
circle = np.stack([np.cos(turn), np.sin(turn)])
for ax, p in zip(axes, [0.5, 1, 2, np.inf], strict=True):
    axes_equal(ax, 1.3)
    ball = circle / (abs(circle).max(0) if p == np.inf else (abs(circle) ** p).sum(0) ** (1 / p))
    ax.fill(*ball, facecolor="#56b4e940", edgecolor="#0072b2")
    ax.set_title("p = ∞" if p == np.inf else f"p = {p:g}")
show(
    fig,
    alt="Four balls of radius 1. For p = 1/2 a star that bends inwards between its four points on "
    "the axes; for p = 1 a square on a corner; for p = 2 a circle; for infinity a square.",
)


# %% predict-half jupyter={"source_hidden": true}
def detour():
    fig, ax = canvas()
    axes_equal(ax, 1.0, (0.5, 0.5))
    ax.plot([0, 1, 1], [0, 0, 1], "--", color="#d55e00", linewidth=2, label="detour: 1 + 1 = 2")
    ax.plot([0, 1], [0, 1], "-", color="#0072b2", linewidth=2, label="direct: (1 + 1)² = 4")
    corners = np.array([[0, 0], [1, 0], [1, 1]])
    labelled_points(ax, corners, ["x", "y", "z"], ["anchor", "plain", "far"])
    ax.legend(loc="upper left")
    ax.set_title("p = 1/2: the detour is shorter")
    return fig, (
        "From x at (0, 0) to z at (1, 1): the direct line has length 4 for p = 1/2, "
        "the way over y at (1, 0) has length 1 + 1 = 2."
    )


predict(
    "01.half",
    "One of the four axioms fails for p = 1/2. Which one?",
    options=["never negative", "zero only for equal points", "symmetry", "no shorter detour"],
    answer="no shorter detour",
    why="From (0, 0) to (1, 1) it is (1 + 1)² = 4, and over (1, 0) it is 1 + 1 = 2. "
    "The ball bends inwards for the same reason.",
    reveal=detour,
)

# %% [markdown] before-bench
# Three tasks for the bench. For which $p$ does no turn of the points change anything? Find an order
# $p$ and a turn that make D the nearest point. From which $p$ on is the detour never shorter?

# %% bench-minkowski
minkowski_bench(order=1.0, angle=30.0)

# %% [markdown] read-minkowski
# Only $p = 2$ does not care for the directions of the axes. The others ask that the axes mean
# something. Chapter 02 keeps $p = 2$ and bends it with a matrix $M$: the Mahalanobis distance.
#
# ## Cosine: a similarity
#
# Texts and embeddings are often compared by the **cosine** of the angle between them. It is a
# *similarity*: large means alike. A common way to a "distance" is $1 - \cos$. Three unit vectors at
# 0, 45 and 90 degrees:

# %% cosine
angles = np.radians([0, 45, 90])
U = np.stack([np.cos(angles), np.sin(angles)], axis=1)  # unit vectors, shape (3, 2)
cosine = U @ U.T
gap = 1 - cosine
print(f"1 - cos: direct {gap[0, 2]:.2f}, detour {gap[0, 1] + gap[1, 2]:.2f}")
angle = np.degrees(np.arccos(cosine.clip(-1, 1)))
print(f"angle:   direct {angle[0, 2]:.0f}, detour {angle[0, 1] + angle[1, 2]:.0f}")

# %% [markdown] read-cosine
# $1 - \cos$ is no metric, although a printed overview calls it one; the angle between unit vectors
# is. Another metric on them is $\lVert x - y \rVert = \sqrt{2 - 2 \cos}$: the cosine and the
# Euclidean distance rank alike. **Exercise 01.5** uses it.

# %% cosine-is-euclid
rng = np.random.default_rng(1)
V = rng.normal(size=(50, 8))
V /= np.linalg.norm(V, axis=1, keepdims=True)
squared = pairwise_distances(V, squared=True)
print("2 - 2 cos is the squared distance:", np.allclose(squared, 2 - 2 * V @ V.T))

# %% [markdown] who-needs
# ## Who needs which axiom?
#
# - **k-NN** needs only an order. Squares, $2 - 2\cos$ and even asymmetric measures will do.
# - **k-means** needs that the mean is the best centre, and that is true of the *squared* Euclidean
#   distance and of other divergences (chapter 03), not of metrics in general.
# - **A search index** needs the fourth axiom. It stores distances to a pivot $v$ and skips every
#   point with $|d(q, v) - d(v, x)|$ above the best so far, since $d(q, x)$ cannot be smaller.


# %% index
points, queries = rng.normal(size=(500, 4)), rng.normal(size=(200, 4))


def lost(power):
    """How many of 200 queries lose their nearest point to the rule, with points[0] as pivot."""
    D = pairwise_distances(queries, points) ** power
    least = abs(D[:, :1] - pairwise_distances(points[:1], points) ** power)
    best = D[:, 0].copy()
    for x in range(1, 500):
        looked_at = least[:, x] < best  # all other queries skip the point x
        best[looked_at] = np.minimum(best, D[:, x])[looked_at]
    return int((best > D.min(axis=1)).sum())


print("distance:", lost(1), " squared:", lost(2))

# %% [markdown] read-index
# With squared distances this index loses the true neighbour of more than half of the queries, and
# reports no error. That is what an axiom is for.
#
# ## Between distributions
#
# A document can be a histogram of words, an image one of colours. How far apart are two of them?
# When $p$ is true, the divergence of Kullback and Leibler (1951) says how much *more* surprised
# someone is who expects $q$ than someone who expects $p$:
#
# $$\mathrm{KL}(p \,\Vert\, q) = \sum_i p_i \log \frac{p_i}{q_i}.$$

# %% kl-by-hand
from dmlcourse.geometry import bhattacharyya, jeffrey, kl_discrete, kl_gaussian, matusita

p = np.array([0.6, 0.3, 0.05, 0.05])
q = np.array([0.25, 0.25, 0.25, 0.25])
by_hand = (p * np.log(p / q)).sum()
print(f"KL(p‖q) = {by_hand:.3f} nats; the library: {kl_discrete(p, q):.3f}")

# %% [markdown] ratio
# In print one also finds $\sum_i p_i \, \frac{\log p_i}{\log q_i}$: the ratio of the logarithms. A
# divergence of $p$ from itself must be zero, and this form gives 1. **Exercise 01.2b.**

# %% predict-direction jupyter={"source_hidden": true}
predict(
    "01.direction",
    "Now p = (0.6, 0.3, 0.1, 0) has an empty bin, and q as above has none. KL(p‖q) is 0.49, "
    "with 0 · log 0 counted as 0. And KL(q‖p)?",
    options=["0.49 as well", "a larger finite number", "infinite"],
    answer="infinite",
    why="q puts weight on a bin that p calls impossible. Who expects p is infinitely surprised. "
    "KL is not symmetric, so it is called a divergence and not a distance.",
)

# %% both-directions
p = np.array([0.6, 0.3, 0.1, 0.0])
print("KL(q‖p) =", kl_discrete(q, p), " Jeffreys =", jeffrey(p, q))
print(f"Bhattacharyya = {bhattacharyya(p, q):.3f}, Matusita = {matusita(p, q):.3f}")

# %% [markdown] three-symmetric
# Three measures are symmetric. **Jeffreys** (1946) adds both directions. **Bhattacharyya** (see
# Kailath 1967) takes $-\log \mathrm{BC}$ of the coefficient $\mathrm{BC} = \sum_i \sqrt{p_i q_i}$.
# **Matusita** (1955) takes
#
# $$\sqrt{\textstyle\sum_i (\sqrt{p_i} - \sqrt{q_i})^2} = \sqrt{2 - 2\,\mathrm{BC}}.$$
#
# Are they metrics? Take three coins that fall heads in 10, 50 and 90 per cent of throws.

# %% coins
coins = np.array([[h, 1 - h] for h in [0.1, 0.5, 0.9]])
for measure in [jeffrey, bhattacharyya, matusita]:
    D = np.array([[measure(a, b) for b in coins] for a in coins])
    print(
        f"{measure.__name__:13} direct {D[0, 2]:.2f}, detour {D[0, 1] + D[1, 2]:.2f},",
        "no metric" if find_triangle_violation(D) else "no fault found",
    )

# %% coins-figure
fig, ax = canvas(size=(4.8, 4.4))
axes_equal(ax, 0.62, (0.55, 0.55))
roots, arc = np.sqrt(coins), np.linspace(0, np.pi / 2, 91)
ax.plot(np.cos(arc), np.sin(arc), color="#6b6b6b")
ax.plot(*roots.T, "--", color="#d55e00", label="detour")
ax.plot(*roots[[0, 2]].T, "-", color="#0072b2", label="direct")
labelled_points(ax, roots, ["10", "50", "90"], ["anchor", "plain", "far"])
ax.set(xlabel="√ heads", ylabel="√ tails", title="Coins (heads in %) after the root")
ax.legend(loc="lower left")
show(
    fig,
    alt="A quarter circle in the plane of the roots of heads and tails. The three coins lie on "
    "it; straight lines join them. The direct line between the outer coins is shorter than the "
    "two lines over the fair coin.",
)

# %% [markdown] read-coins
# Jeffreys and Bhattacharyya fail, although a printed survey calls them distances. Matusita cannot
# fail: **after the square root every distribution lies on a sphere, and Matusita is the ruler
# there.** A map first, then Euclid. Most of this course is a variation of that idea.
#
# ## Between Gaussians
#
# For Gaussians the sums become integrals, and these have closed forms. With means $\mu_0, \mu_1$
# (`m0`, `m1`) and covariances $S_0, S_1$,
#
# $$\mathrm{KL}(N_0 \Vert N_1) = \tfrac12 \Bigl[\operatorname{tr}(S_1^{-1} S_0) +
# (\mu_1 - \mu_0)^\top S_1^{-1} (\mu_1 - \mu_0) - d + \log\tfrac{\det S_1}{\det S_0}\Bigr].$$
#
# Believe no closed form without a test. KL is a mean over $N_0$, so samples can check it:

# %% two-gaussians
m0, S0 = np.array([0.0, 0.0]), np.array([[1.0, 0.3], [0.3, 0.5]])
m1, S1 = np.array([1.0, -0.5]), np.array([[2.0, -0.4], [-0.4, 1.0]])


def log_density(x, m, S):
    form = np.einsum("ni,ij,nj->n", x - m, np.linalg.inv(S), x - m)
    return -(form + np.linalg.slogdet(2 * np.pi * S)[1]) / 2


# %% monte-carlo
x = rng.multivariate_normal(m0, S0, size=100_000)
extra = log_density(x, m0, S0) - log_density(x, m1, S1)
error = extra.std() / np.sqrt(len(x))  # standard error of the mean
exact = kl_gaussian(m0, S0, m1, S1)
print(f"closed form {exact:.3f}; samples agree: {abs(extra.mean() - exact) < 4 * error}")

# %% [markdown] before-gaussians
# In the bench, make p narrow and q wide, then exchange them. Which direction of KL is larger? Set
# both deviations to 0.5 and move q away: which measure stays below $\sqrt 2$? In chapter 06 this KL
# is the objective that a metric is learned with.

# %% bench-gaussians
gaussians_bench(gap=1.0, first=0.75, second=2.0)

# %% [markdown] breaks
# ## Where this breaks
#
# **Determinants.** In 200 dimensions the determinant of a modest covariance is below the smallest
# number of float64. Its logarithm is harmless; `slogdet` never forms the determinant.

# %% logdet
S = 0.01 * np.eye(200)
print("det:", np.linalg.det(S), " log det:", round(np.linalg.slogdet(S)[1], 1))

# %% [markdown] breaks-more
# **Empty bins.** One bin that is empty by chance makes KL infinite: smooth the histograms, or use
# Matusita. **Many dimensions.** For independent coordinates all distances become alike, and
# "nearest" loses its meaning (Beyer et al. 1999):

# %% concentration
for d in [2, 20, 200, 2000]:
    D = pairwise_distances(rng.random((200, d)))[0, 1:]
    print(f"d = {d:4}: the farthest is {D.max() / D.min():.1f} times as far as the nearest")

# %% [markdown] read-concentration
# In 2000 dimensions the farthest point is hardly farther than the nearest. These coordinates
# are independent; real data have fewer directions that matter, and a learned metric finds them.

# %% [markdown] summary
# ## Summary
#
# - A metric promises four things; a pseudo-metric forgives different points at distance zero.
# - Squares, $1 - \cos$ and Minkowski with $p < 1$ break the triangle inequality. k-NN does not
#   mind; an index does.
# - KL is not symmetric; Jeffreys and Bhattacharyya are, but are no metrics; Matusita is one.
# - Check closed forms with samples, and use log-determinants.

# %% calibration
calibration("01")

# %% [markdown] next
# **Now do the exercises.** Type `dmlcourse start 01` in a terminal, and open
# `work/01_distances.ipynb`: seven functions, 17 points, about 90 minutes.

# %% [markdown] references
# ## References
#
# - M. Fréchet (1906). Sur quelques points du calcul fonctionnel. Rendiconti del Circolo Matematico
#   di Palermo 22, 1–72. [doi:10.1007/BF03018603](https://doi.org/10.1007/BF03018603)
# - S. Kullback, R. A. Leibler (1951). On information and sufficiency. Annals of Mathematical
#   Statistics 22, 79–86. [doi:10.1214/aoms/1177729694](https://doi.org/10.1214/aoms/1177729694)
# - H. Jeffreys (1946). An invariant form for the prior probability in estimation problems.
#   Proceedings of the Royal Society A 186, 453–461.
#   [doi:10.1098/rspa.1946.0056](https://doi.org/10.1098/rspa.1946.0056)
# - T. Kailath (1967). The divergence and Bhattacharyya distance measures in signal selection. IEEE
#   Transactions on Communication Technology 15, 52–60.
#   [doi:10.1109/TCOM.1967.1089532](https://doi.org/10.1109/TCOM.1967.1089532)
# - K. Matusita (1955). Decision rules, based on the distance, for problems of fit, two samples, and
#   estimation. Annals of Mathematical Statistics 26, 631–640.
#   [doi:10.1214/aoms/1177728422](https://doi.org/10.1214/aoms/1177728422)
# - K. Beyer, J. Goldstein, R. Ramakrishnan, U. Shaft (1999). When is "nearest neighbor" meaningful?
#   ICDT, 217–235. [doi:10.1007/3-540-49257-7_15](https://doi.org/10.1007/3-540-49257-7_15)
