# %% [markdown] title
# # 04 · Supervision: what can a metric be told, and what does it make of it?
#
# So far a metric came from measurements alone. Now somebody says which things belong together, and
# which do not. MMC put hints of both kinds into one convex problem (Xing et al. 2002). It is still
# a good method to learn from: in its successes and in what goes wrong.

# %% [markdown] objectives
# **After this chapter you can**
#
# - turn labels into pairs, and say why a plain random sample of pairs is lopsided;
# - name five parts of every metric learner: distance, constraints, loss, regulariser, optimiser;
# - say why MMC does not square the distances that it maximises;
# - solve it three ways: by Newton–Raphson, by iterated projections, and without a step size;
# - prove how near a result is to the best one, and say why the best one may disappoint.
#
# **Needs** chapter 02; what it uses of chapter 03 is repeated here. **Costs** about 40 minutes to
# read, 10 seconds on two cores, 0.4 GB of memory, no download. The exercises take another 110
# minutes.

# %% imports
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from dmlcourse.benches import calibration, pairs_bench, predict
from dmlcourse.data import load, standardise
from dmlcourse.figures import canvas, show
from dmlcourse.learners import MMC, mmc_step

# %% [markdown] kinds
# ## What a metric can be told
#
# | hint | says | used in |
# |---|---|---|
# | must-link pair | these two belong together | 04, 06 |
# | cannot-link pair | these two do not | 04, 06 |
# | triplet $(a, p, n)$ | $a$ is more like $p$ than like $n$ | 05, 07, 11 |
# | quadruplet | $a, b$ are of one class, $c, d$ of two others | 13 |
#
# The first three are called **weak supervision**: nobody has to know the classes, or how many there
# are. A triplet needs no threshold for "alike", only a comparison. Labels say more than any of
# them: three classes or more yield all four kinds. How many of each?

# %% predict-share jupyter={"source_hidden": true}
predict(
    "04.share",
    "Ten classes of equal size. Of all pairs of points, about how many are similar?",
    options=["one in two", "one in ten", "one in a hundred"],
    answer="one in ten",
    why="For any point, one tenth of the others are of its class. A random sample of pairs is "
    "mostly dissimilar, and so is what a loss sums over it.",
)

# %% count
from dmlcourse.tuples import count_tuples, pairs_from_labels

digits = load("digits")
counts = count_tuples(digits.y)
print(f"{counts.similar:,} similar pairs, {counts.dissimilar:,} dissimilar")
print(f"{counts.triplets:,} triplets, {counts.quadruplets:,} quadruplets")
pairs, same = pairs_from_labels(digits.y, 200, 200, random_state=0)
print(pairs.shape, same.mean())

# %% [markdown] balanced
# So one draws as many pairs of each kind (**exercise 04.1**). Nobody can use nearly $10^{12}$
# quadruplets; which tuples to use is chapter 12's subject.
#
# ## Five parts
#
# Every learner in this part of the course is one choice in each column:
#
# | | distance | constraints | loss | regulariser | optimiser |
# |---|---|---|---|---|---|
# | MMC | Mahalanobis | pairs | minus distances of $D$ | a budget for $S$ | ascent, projections |
# | LMNN | Mahalanobis | triplets | hinge | pull of the targets | L-BFGS |
# | ITML | Mahalanobis | pairs | broken bounds | stay near $M_0$ | projections |
#
# A metric with no constraints in it, such as the inverse covariance of chapter 02, never saw a
# label. If it separates classes, no label made it do so.
#
# ## MMC
#
# Let $S$ be the similar pairs and $D$ the dissimilar ones. Pull $D$ apart, on a budget for $S$:
#
# $$\max_{M \succeq 0} \sum_{(i, j) \in D} d_M(x_i, x_j) \quad \text{where} \quad
# \sum_{(i, j) \in S} d_M^2(x_i, x_j) \le 1$$
#
# With $A$ the sum of $(x_i - x_j)(x_i - x_j)^\top$ over $S$ the budget is $\langle A, M \rangle \le
# 1$: a half-space. The 1 sets nothing but the scale.
#
# Why is one side squared and the other not? Take $S$ with the differences (1, 0) and (0, 1), so
# that $A = I$, and $D$ with (3, 0) and (0, 2). Spend the whole budget: $M$ gives a share $m$ to the
# first axis and $1 - m$ to the second.

# %% budget
share = np.linspace(0, 1, 201)
squared = 9 * share + 4 * (1 - share)
rooted = 3 * np.sqrt(share) + 2 * np.sqrt(1 - share)
print(f"squared: best share {share[squared.argmax()]:.2f}")
print(f"rooted: best share {share[rooted.argmax()]:.2f}, objective {rooted.max():.3f}")

# %% budget-figure
fig, axes = canvas(2, size=(8.6, 3.2))
for ax, values, name in zip(axes, (squared, rooted), ("d²", "d"), strict=True):
    ax.plot(share, values)
    ax.plot(share[values.argmax()], values.max(), "o", ms=9)
    ax.set(xlabel="m, the share of the first axis", title=f"Sum of {name} over D")
show(
    fig,
    alt="Left: the sum of squared distances is a straight line, highest at m = 1. Right: the sum "
    "of distances is a curve, highest at m = 0.69, with both ends lower.",
)

# %% [markdown] collapse
# With squares the sum is linear in $M$, and a linear function is largest at a corner: everything on
# the first axis, $M$ of rank 1. So it is in any dimension: $\sum_D d_M^2$ has a maximum $M = z
# z^\top$ with $z$ the leading generalised eigenvector of two scatter matrices, one line for all of
# space (**exercise 04.4**). The root makes the second axis worth having: at 0 its slope is
# infinite, because one pair differs in nothing else. The best share is $9/13$ and the objective
# $\sqrt{13}$.

# %% predict-rank jupyter={"source_hidden": true}
predict(
    "04.rank",
    "Same budget, but D has the differences (3, 1) and (3, −1). What is the rank of MMC's best M?",
    options=["1", "2"],
    answer="1",
    why="Both pairs are already apart along the first axis. All on it gives 3 + 3 = 6; moving a "
    "share e to the second gives 2·√(9 − 8e), which is less. The slope is infinite only where "
    "a pair would be at distance 0 without the second axis.",
)

# %% [markdown] rank
# So the root helps against rank 1, and does not exclude it. On the wines below the optimum has rank
# 1, on the digits rank 3.
#
# ## Only weights: Newton–Raphson
#
# First let $M = \mathrm{diag}(w)$, and write $d_w$ for its distances. The method minimises
#
# $$f(w) = \sum_S d_w^2 - \log \sum_D d_w$$
#
# over $w \ge 0$. That has no budget. Its minimum is a maximum of the first problem, up to a
# positive factor of $w$: multiply $w$ by $c$ and $f$ becomes $c \sum_S d_w^2 - \frac12 \log c$ and
# something without $c$, so the best scale has $\sum_S d_w^2 = \frac12$. It is convex, and has
# few variables, so Newton's step is cheap: $w - t\,(\nabla^2 f)^{-1} \nabla f$, where $t$ is halved
# until all weights stay positive and $f$ falls (**exercises 04.2 and 04.2b**).

# %% newton
from dmlcourse.learners import mmc_diagonal_objective, mmc_newton_step

wine = load("wine")
Xw, yw = standardise(wine.X), wine.y  # (178, 13)

# %% wine-pairs
pairs, same = pairs_from_labels(yw, 180, 180, random_state=0)
V = Xw[pairs[:, 0]] - Xw[pairs[:, 1]]
S, D = V[same], V[~same]

# %% newton-steps
w, newton = np.full(13, 0.5 / np.sum(S**2)), []  # the best scale of equal weights
for _ in range(30):
    newton.append(float(mmc_diagonal_objective(w, S, D)[0]))
    w = mmc_newton_step(w, S, D)

# %% border
weights = MMC(diagonal=True).fit_pairs(Xw[pairs], same)
# f at the best scale of w, where Σ_S d² = ½ and all distances are √½ of those that history_ has
reached = np.array([0.5 - np.log(step.objective / 2**0.5) for step in weights.history_])
print("the library's weights that are 0:", int((weights.components_.any(0) == 0).sum()) > 5)
print("Newton stays above it by more than 0.2:", newton[-1] - reached.min() > 0.2)

# %% newton-figure
fig, ax = canvas(size=(6.4, 3.4))
for values, line, name in [(newton, "s--", "inside w > 0"), (reached, "o-", "weights set to 0")]:
    ax.plot(np.array(values) - reached.min() + 1e-12, line, label=name)
ax.set(xlabel="steps", ylabel="f − its minimum", yscale="log", title="Wine: Newton and the border")
ax.legend()
show(
    fig,
    alt="How far f is above its minimum, on a logarithmic axis against steps. The steps that stay "
    "inside stop near 0.29. Those that set weights to 0 fall from 0.01 to below 1e-11 in four "
    "steps.",
)

# %% [markdown] read-newton
# The best weights of most wine features are 0: the minimum lies on the border. A step that must
# keep all weights positive is cut short by the first weight that reaches 0, again and again, and
# jams above the minimum. (Another start jams elsewhere.) The library sets such weights to 0, and
# takes Newton's step in the others: **projected Newton**. In four steps its error falls from
# $10^{-2}$ to below $10^{-11}$.
#
# ## Any matrix: ascent and iterated projections
#
# The paper's way for a full $M$: step along $G = \sum_D v v^\top / (2 d_M)$, the derivative by $M$
# with $v = x_i - x_j$, without its part along $A$, which would only spend more. Then project onto
# the half-space and onto the cone in turn, until both hold: alternating projections, chapter 03
# (**exercise 04.3**). It is an ascent, though a printed survey calls it a descent. How many passes
# over the two sets does one step need?

# %% passes
from dmlcourse.geometry import project_budget, project_psd

A = S.T @ S
M = np.eye(13) / A.trace()
G = D.T @ (D / (2 * np.sqrt(((D @ M) * D).sum(1)))[:, None])
rate, passes = 0.1 * np.linalg.norm(M) / len(D), 0
M = M + rate * (G - (G * A).sum() / (A * A).sum() * A)
while passes == 0 or (A * M).sum() > 1 + 1e-9:
    M, passes = project_psd(project_budget(M, A)), passes + 1
print("more than 100 passes until both hold:", passes > 100)

# %% [markdown] sphere
# ## No step size
#
# Choose coordinates in which $A = I$. The budget is $\mathrm{tr}\, M = \|L\|^2 \le 1$: the map $L$
# is a point of a sphere. The objective $\sum_D \|Lv\|$ is convex in $L$, so it lies above each of
# its tangents. On the sphere a tangent is highest where $L$ is parallel to the gradient. Go there:
# the objective is at least as high, and no step had to be chosen.
#
# $$L \leftarrow \frac{H}{\|H\|}, \qquad H = \sum_D \frac{L v}{\|L v\|}\, v^\top$$
#
# Without the division by $\|Lv\|$ this would be the power iteration for a leading eigenvector. It
# is called the **generalised power method** (Journée et al. 2010).


# %% power
def climb(differences, A, steps):
    """MMC by the power method: the map after so many steps, and the objective before each."""
    values, vectors = np.linalg.eigh(A)
    white = differences @ (vectors / np.sqrt(values))  # where A = I
    L, heights = np.eye(len(A)) / len(A) ** 0.5, []
    for _ in range(steps):
        Z = white @ L.T
        lengths = np.linalg.norm(Z, axis=1, keepdims=True)
        heights.append(lengths.sum())
        L = (Z / lengths).T @ white
        L = L / np.linalg.norm(L)
    return L @ (vectors / np.sqrt(values)).T, heights


# %% power-wine
L, heights = climb(D, A, 30)
print("it never falls:", (np.diff(heights) >= -1e-9).all())
print("the budget is spent:", np.allclose(np.sum((S @ L.T) ** 2), 1))
sizes = np.linalg.svd(L, compute_uv=False)
print("rank 1, up to rounding:", sizes[1] < 1e-3 * sizes[0])

# %% [markdown] proof
# ## A proof
#
# In $M$ the objective $g$ is concave, below each tangent. For any $M'$ within the budget $g(M') \le
# g(M) + \langle G, M' - M \rangle$. As $g(tM) = \sqrt t\, g(M)$, $\langle G, M \rangle = g(M)/2$;
# and where $A = I$, $\langle G, M' \rangle \le \lambda_{\max}(G)$. So no metric passes
#
# $$\tfrac12\, g(M) + \lambda_{\max}(G).$$
#
# On the toy, at the share $9/13$, $G = \frac{\sqrt{13}}{2} I$: the bound is $\sqrt{13}$, which was
# reached. The library's `gap_` is the bound divided by the objective, minus 1.

# %% bound
from scipy.linalg import eigh

reached = np.linalg.norm(D @ L.T, axis=1)
G = D.T @ (D / (2 * reached[:, None]))
bound = reached.sum() / 2 + eigh(G, A, eigvals_only=True)[-1]  # λ_max where A = I
print("proved to one part in a million:", bound < reached.sum() * (1 + 1e-6))

# %% ascent
M, ascent = np.eye(13) / A.trace(), []
rate = 0.1 * np.linalg.norm(M) / len(D)
for _ in range(20):
    ascent.append(np.sqrt(((D @ M) * D).sum(1)).sum())
    moved = mmc_step(M, S, D, rate)
    higher = np.sqrt(((D @ moved) * D).sum(1)).sum() > ascent[-1]
    M, rate = (moved, 1.05 * rate) if higher else (M, rate / 2)

# %% ascent-figure
fig, ax = canvas(size=(6.4, 3.4))
ax.plot(bound / np.array(ascent) - 1, "s--", label="ascent with iterated projections")
ax.plot(bound / np.array(heights) - 1 + 1e-12, "o-", label="power method")
ax.set(xlabel="steps", ylabel="bound / objective − 1", yscale="log", title="Wine, full matrix")
ax.legend()
show(
    fig,
    alt="A proved bound divided by the objective, minus 1, on a logarithmic axis against steps. "
    "In 20 steps the ascent falls from 2 to 0.03. The power method falls along a straight line, "
    "below 0.001 after 5 steps and 1e-10 after 30.",
)

# %% [markdown] read-ascent
# The rate matters: ten times the first one comes to 0.004 in as many steps, and a hundred times
# uses up the thousand rounds and breaks the budget. And a step of the ascent takes a hundred rounds
# or more, each with an eigendecomposition; a step of the power method is two products of matrices.
#
# ## Point at pairs
#
# Choose a kind and press two points. Three tasks. Switch to d²: what becomes of the ball, and of
# the number of points whose nearest neighbour is of their own class? Back at d, add one wrong
# must-link, A4 with B4. Last, remove all pairs and give one of each kind: why is the ball a strip?
# Generated data: this tests the method against our generator, not the field.

# %% bench
pairs_bench()

# %% [markdown] clustering
# ## What a few hints are worth
#
# The paper's own use: clustering with side information. $k$-means finds the groups that the ruler
# sees. Somebody who knows the flowers says of 20 pairs that they match and of 20 that they do not:

# %% iris
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

iris = load("iris")
Xi = standardise(iris.X)


def agreement(Z):
    groups = KMeans(3, n_init=10, random_state=0).fit_predict(Z)
    return adjusted_rand_score(iris.y, groups)  # 1 is perfect, 0 is chance


# %% iris-hints
told = [
    agreement(MMC(n_pairs=20, random_state=seed).fit(Xi, iris.y).transform(Xi)) for seed in range(5)
]
print("without hints, below 0.7:", agreement(Xi) < 0.7)
print("with 20 + 20 pairs, mean of five draws above 0.9:", np.mean(told) > 0.9)

# %% [markdown] breaks
# ## Where this breaks
#
# **The best is not good.** On digits, look at three neighbours after 1, 10 and 40 steps:

# %% digits
train, test = train_test_split(
    np.arange(len(digits.y)), test_size=0.3, random_state=0, stratify=digits.y
)
Xd, Xt = standardise(digits.X[train], digits.X[test])  # (1257, 64), (540, 64)
yd, yt = digits.y[train], digits.y[test]


def right(Z, Zt):
    return KNeighborsClassifier(3).fit(Z, yd).score(Zt, yt)


# %% digits-steps
pairs, same = pairs_from_labels(yd, 2000, 2000, random_state=0)
V = Xd[pairs[:, 0]] - Xd[pairs[:, 1]]
moving = V.any(0)  # pixels that are equal in every pair are no use, and make A singular
S, D = V[same][:, moving], V[~same][:, moving]
maps = {steps: climb(D, S.T @ S, steps)[0] for steps in (1, 10, 40)}

# %% digits-scores
scores = {n: right(Xd[:, moving] @ L.T, Xt[:, moving] @ L.T) for n, L in maps.items()}
print("each nearer to the optimum, each worse:", scores[1] > scores[10] > scores[40])
print("worse than the ruler by over 0.1:", right(Xd, Xt) - scores[40] > 0.1)

# %% digits-figure
fig, ax = canvas(size=(6.4, 3.2))
for (steps, L), marker in zip(maps.items(), "os^", strict=True):
    sizes = np.linalg.svd(L, compute_uv=False)
    ax.plot(range(1, 13), (sizes / sizes[0])[:12], marker + "-", label=f"after step {steps}")
ax.set(xlabel="direction", ylabel="length, largest = 1", title="Digits: what MMC keeps of space")
ax.legend()
show(
    fig,
    alt="The twelve longest semi-axes of the map of digits after 1, 10 and 40 steps, the first "
    "set to 1. After 1 step they fall slowly. After 40 steps three remain and the others are 0.",
)

# %% [markdown] breaks-more
# At the optimum three directions are left, too few for ten classes. MMC asks that dissimilar pairs
# be far apart **on average**, and one long direction does that well; it never asks who is near to
# whom. An optimiser that stops early hides this, and much of what is said of a method may be said
# of where its solver stops. LMNN's hinge (chapter 05) and ITML's bounds (chapter 06) are two ways
# to say "far enough".
#
# **No price, no limit.** Where the similar pairs agree in a direction in which dissimilar ones do
# not, stretching it costs nothing and there is no maximum. Fewer similar pairs than features are
# enough for that; the library warns. **Contradictions:** a pair that is called similar and
# dissimilar cannot be met, and one wrong label makes many wrong pairs.

# %% [markdown] summary
# ## Summary
#
# - Pairs, triplets and quadruplets are weak supervision; labels give all of them, mostly
#   dissimilar pairs, so draw as many of each kind.
# - MMC maximises distances over $D$ on a budget of squared distances over $S$.
# - With squares on both sides some optimum has rank 1. The root helps, and does not promise more.
# - Solved by Newton (mind the border), by ascent with projections, or by the power method.
# - A tangent proves the gap. A proved optimum of the wrong question is still no good metric.

# %% calibration
calibration("04")

# %% [markdown] next
# **Now do the exercises.** Type `dmlcourse start 04` in a terminal, and open
# `work/04_supervision.ipynb`: five functions, 17 points, about 110 minutes.

# %% [markdown] references
# ## References
#
# - E. P. Xing, A. Y. Ng, M. I. Jordan, S. Russell (2002). Distance metric learning with application
#   to clustering with side-information. NIPS 15.
#   [proceedings](https://proceedings.neurips.cc/paper/2002/hash/c3e4035af2a1cde9f21e1ae1951ac80b-Abstract.html)
# - M. Journée, Y. Nesterov, P. Richtárik, R. Sepulchre (2010). Generalized power method for sparse
#   principal component analysis. Journal of Machine Learning Research 11, 517–553.
#   [jmlr.org](https://jmlr.org/papers/v11/journee10a.html)
