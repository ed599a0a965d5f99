# %% [markdown] title
# # 05 · LMNN: can a metric be taught to keep neighbours together?
#
# A vote of nearest neighbours is right when the nearest points carry the right label. Large margin
# nearest neighbours, LMNN, asks for that point by point (Weinberger et al. 2005).

# %% [markdown] objectives
# **After this chapter you can**
#
# - name a point's target neighbours and impostors, and compute the LMNN loss by hand;
# - say why the loss is convex in $M$ and not in $L$, and what the margin is for;
# - compute its gradient without listing a triplet, and train a metric with it;
# - read a certificate: how far from the optimum a metric can be at most;
# - say when LMNN helps, and what it cannot repair.
#
# **Needs** chapter 02; what it uses of chapter 03 is repeated here. **Costs** about 40 minutes to
# read, 15 seconds on two cores, 0.5 GB of memory, no download. The exercises take another 110
# minutes.

# %% imports
import numpy as np
from matplotlib.patches import Circle
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from dmlcourse.benches import calibration, lmnn_bench, predict
from dmlcourse.data import load, standardise
from dmlcourse.figures import axes_equal, canvas, classes, labelled_points, show
from dmlcourse.geometry import nearest, pairwise_distances
from dmlcourse.learners import LMNN, lmnn_loss, target_neighbours

# %% [markdown] local
# ## A wish for each point
#
# Whitening never saw a label. LDA gathers each class around one centre. A vote needs less: a class
# may lie in ten heaps, if each heap is pure. So the wish is local. Each point $x_i$ has $k$
# **target neighbours**, written $j \rightsquigarrow i$: the nearest points of its own class by the
# ruler. They are chosen once and kept.

# %% toy
X = np.array([[0, 0], [1, 0], [0, 2], [1.2, 0.8], [-0.9, -1.9], [3, 1]])
y = np.array([0, 0, 0, 1, 1, 1])
targets = target_neighbours(X, y, k=2)
print("targets of A:", ["ABCDEF"[j] for j in targets[0]])

# %% toy-figure
fig, ax = canvas(size=(5.6, 4.4))
axes_equal(ax, 2.8, (0.5, 0))
labelled_points(ax, X, "ABCDEF", ["anchor", "near", "near", "refused", "refused", "far"])
for radius, line in [(2, "-"), (5**0.5, "--")]:
    ax.add_patch(Circle((0, 0), radius, fill=False, linestyle=line))
ax.set_title("A's farthest target, and the margin around it")
show(
    fig,
    alt="A in the middle, with its targets B at distance 1 and C at distance 2. A full circle "
    "through C, and a dashed one a little wider. Of the other class, D lies inside the full "
    "circle, E between the two, F outside.",
)

# %% [markdown] loss
# The full circle goes through C: squared distance 4. The dashed one is the margin: squared distance
# $4 + 1$. D and E, of the other class, lie inside the dashed one: they are **impostors** of the
# pair (A, C), E by the margin alone. LMNN pulls targets near and pushes impostors out, with $d^2$
# the squared distance under $M$:
#
# $$\varepsilon(M) = (1-\mu) \sum_{j \rightsquigarrow i} d^2(x_i, x_j) + \mu \sum_{j
# \rightsquigarrow i} \sum_{l:\, y_l \ne y_i} \bigl[ 1 + d^2(x_i, x_j) - d^2(x_i, x_l) \bigr]_+$$
#
# $[z]_+ = \max(0, z)$ is the **hinge**. The whole loss, by hand:

# %% by-hand
D = pairwise_distances(X, squared=True)  # (6, 6)
pairs = [(i, j) for i in range(6) for j in targets[i]]
pull = sum(D[i, j] for i, j in pairs)
push = sum(max(0, 1 + D[i, j] - D[i, l]) for i, j in pairs for l in range(6) if y[l] != y[i])
print(f"pull {pull:.2f}, push {push:.2f}, half of both {(pull + push) / 2:.2f}")
print(f"library {lmnn_loss(np.eye(2), X, y, targets, mu=0.5):.2f}")

# %% [markdown] read-by-hand
# **Exercises 05.1 and 05.2** ask for the targets and for this loss. Both terms use squared
# distances: only those are linear in $M$.

# %% predict-zero jupyter={"source_hidden": true}
predict(
    "05.zero",
    "M = 0 puts all points on one spot. μ = ½, 6 points with 2 targets each, 3 points of the "
    "other class for everyone. What is the loss?",
    options=["0", "18", "36"],
    answer="18",
    why="Nothing is pulled, because all distances are 0. But each of the 6·2·3 = 36 hinges is "
    "1 + 0 − 0 = 1, and they count by half.",
)

# %% [markdown] margin
# ## What the margin is for
#
# Without the 1, $M = 0$ would cost nothing and win every time. The margin also fixes the scale of
# the metric. A printed text writes the constraint as $d^2(x_i, x_l) - d^2(x_i, x_j) \ge \xi$, where
# $1 - \xi$ belongs: its best solution is $M = 0$, $\xi = 0$.
#
# ## One valley, or two
#
# Each hinge is convex in $M$, as the larger of 0 and something linear; so is their sum. In $L$,
# with $M = L^\top L$, the same loss is not convex. Four points on a line show it, with $L = t$ and
# $M = s$:

# %% valleys
line, sides = np.array([[0.0], [0.6], [1.8], [2.4]]), np.array([0, 0, 1, 1])
partner = np.array([[1], [0], [3], [2]])
t = np.linspace(-1.5, 1.5, 1201)
losses = np.array([lmnn_loss(np.array([[value]]), line, sides, partner) for value in t])

# %% valleys-figure
fig, (left, right) = canvas(2, size=(8.6, 3.2))
left.plot(t, losses)
left.set(xlabel="t, with L = t", ylabel="loss", title="In L: a hill between two valleys")
right.plot(t[t >= 0] ** 2, losses[t >= 0])
right.set(xlabel="s, with M = s", ylabel="loss", title="In M: convex, made of straight pieces")
show(
    fig,
    alt="Left: the loss against t has a hill at 0 and one valley on each side, symmetric. "
    "Right: against s = t² it falls steeply, bends at a few kinks and then rises: convex.",
)

# %% [markdown] read-valleys
# $L$ and $-L$ give the same metric, so a valley on one side has a twin on the other. That is
# harmless; local minima of low rank are not. On the right every local minimum is a global one.
#
# **At a kink** a convex function has no gradient, but a **subgradient**: the slope of a line that
# touches from below. Any choice between the slopes on both sides is one. A hinge at zero may count
# or not.
#
# ## A gradient without triplets
#
# Let $C_{ij} = (x_i - x_j)(x_i - x_j)^\top$. Each target adds $(1 - \mu) C_{ij}$ to the derivative
# by $M$, and each active hinge $\mu (C_{ij} - C_{il})$. Collect the weight of each pair, with its
# sign, in a matrix $W$. Then all outer products together are two matrix products, with the **graph
# Laplacian** of $W$ between:
#
# $$\sum_{ij} w_{ij} C_{ij} = X^\top (R + S - W - W^\top) X,$$
#
# where the diagonal matrices $R$ and $S$ hold the row and the column sums of $W$.

# %% laplacian
from dmlcourse.learners import lmnn_gradient

W = np.zeros((6, 6))
for i, j in pairs:
    active = (y != y[i]) & (D[i] < D[i, j] + 1)
    W[i, j] += 0.5 + 0.5 * active.sum()
    W[i, active] -= 0.5
G = X.T @ (np.diag(W.sum(1) + W.sum(0)) - W - W.T) @ X
print("equal:", np.allclose(2 * G, lmnn_gradient(np.eye(2), X, y, targets)))

# %% [markdown] read-laplacian
# $\partial \varepsilon / \partial L = 2LG$, here with $L = I$. **Exercise 05.3** asks for it.
# Listed one by one, the triplets of the digits below would need 4.3 million matrices of 64 × 64.
#
# ## A certificate
#
# How does one know that no metric is better? For each triplet $t$ choose a share $0 \le \alpha_t
# \le 1$. A hinge is never below that share of what is in it: $[z]_+ \ge \alpha z$. Let $C$ be the
# sum of $C_{ij}$ over targets and $A_t = C_{ij} - C_{il}$. Then for every $M \succeq 0$
#
# $$\varepsilon(M) \ge \mu \sum_t \alpha_t + \Bigl\langle (1-\mu) C + \mu \sum_t \alpha_t A_t,\; M
# \Bigr\rangle \ge \mu \sum_t \alpha_t$$
#
# as soon as the matrix in the brackets is positive semidefinite: the sum is a **lower bound**. Good
# shares are 1 for open hinges, 0 for closed ones and something between near a kink. If the matrix
# is not quite semidefinite, multiply all shares by the largest $\theta \le 1$ that makes it so. On
# the line the matrices are numbers, and the best shares are found by hand:

# %% bound-by-hand
gaps = (line - line.T) ** 2  # (4, 4)
A = [
    gaps[i, partner[i, 0]] - gaps[i, l] for i in range(4) for l in range(4) if sides[l] != sides[i]
]
room = sum(gaps[i, partner[i, 0]] for i in range(4))  # ½ (room + sum of shares · A) must stay >= 0
shares = []
for a in sorted(A, reverse=True):  # all are negative; those that take least room come first
    shares.append(min(1, room / -a))
    room += shares[-1] * a
print(f"bound {0.5 * sum(shares):.3f}, lowest loss on the curve {losses.min():.3f}")

# %% [markdown] read-bound
# The bound and the lowest loss agree: on this line nothing better exists. The distance between loss
# and bound is the **duality gap**; `gap_` gives it relative to the loss. An optimiser that stops is
# no proof; a gap is.
#
# ## Two ways down
#
# **On $M$:** step against $G$, project onto the cone, halve the step while the loss has risen
# (exercise 05.4). Below, each call starts from twice the last step, so that it can grow again. **On
# $L$:** no projection is needed, so L-BFGS can use what it remembers of the curvature. Its hinges
# are rounded off a little, less and less.

# %% wine-on-M
from dmlcourse.geometry import factor
from dmlcourse.learners import lmnn_step

wine = load("wine")
Xw, yw = standardise(wine.X), wine.y  # (178, 13)
near = target_neighbours(Xw, yw, k=3)
M, step, on_M = np.eye(13), 0.01, []
for _ in range(50):
    on_M.append(lmnn_loss(factor(M), Xw, yw, near))
    M, step = lmnn_step(M, Xw, yw, near, 0.5, 2 * step)

# %% wine-on-L
lmnn = LMNN(n_neighbors=3).fit(Xw, yw)
sure = LMNN(n_neighbors=3, solver="convex", tol=1e-3).fit(Xw, yw)
bound = sure.objective_ * (1 - sure.gap_)
print("L-BFGS is within 1 % of the bound:", lmnn.objective_ < 1.01 * bound)
print("the convex solver is within 0.1 %:", sure.gap_ < 1e-3)

# %% wine-figure
fig, ax = canvas(size=(6.4, 3.6))
on_L = np.array([(record.iteration, record.objective) for record in lmnn.history_])
ax.plot(np.array(on_M) / bound - 1, "--", label="projected steps on M")
ax.plot(on_L[:, 0], on_L[:, 1] / bound - 1, "o-", label="L-BFGS on L, every tenth step")
ax.set(xlabel="steps", ylabel="loss / bound − 1", yscale="log", title="Wine: how far from a bound")
ax.legend()
show(
    fig,
    alt="The loss divided by a proved lower bound, minus 1, on a logarithmic axis against steps. "
    "L-BFGS on L starts lower, is below 2 % after 20 steps and ends near 0.1 %. The projected "
    "steps on M fall more slowly and are near 1 % after 50.",
)

# %% [markdown] read-wine
# The curves start apart because the library first looks for a good scale. The projected steps are
# not lost, but slow, and they can jam: at a kink $-G$ need not point downhill, and halving shrinks
# the step to nothing above the minimum. On wine that happens 0.3 % above it.
#
# ## Few triplets matter

# %% digits
digits = load("digits")
train, test = train_test_split(
    np.arange(len(digits.y)), test_size=0.3, random_state=0, stratify=digits.y
)
Xd, Xt = standardise(digits.X[train], digits.X[test])  # (1257, 64), (540, 64)
yd, yt = digits.y[train], digits.y[test]

# %% predict-active jupyter={"source_hidden": true}
predict(
    "05.active",
    "1,257 digits with 3 targets each, and about 1,130 digits of other classes: 4.3 million "
    "triplets. At the end of training, how many have a positive hinge?",
    options=["about half", "about one in ten", "about one in a thousand"],
    answer="about one in a thousand",
    why="Most digits of other classes are far away. A solver that keeps a list of the near ones "
    "works with thousands of pairs and not with millions.",
)

# %% digits-fit
learned = LMNN(n_neighbors=3).fit(Xd, yd)
Zd, Zt = learned.transform(Xd), learned.transform(Xt)

# %% digits-active
D = pairwise_distances(Zd, squared=True)
reach = 1 + np.take_along_axis(D, learned.targets_, axis=1)  # (1257, 3)
other = yd[:, None] != yd
active = sum(((r[:, None] > D) & other).sum() for r in reach.T)
print("one triplet in a thousand or fewer:", active < 3 * other.sum() / 1000)

# %% [markdown] read-active
# The library keeps a list of possible impostors and renews it every ten steps (exercise 05.5 counts
# them without a list of triplets). One pass over all pairs costs $n^2 d$; a step on the list costs
# a small part of that. By the ruler even fewer hinges are open, because there a margin of 1 is
# small beside the distances. Training shrinks the space until the margin counts.
#
# ## Watch it learn
#
# Generated data: this tests the method against our generator, not the field. Three tasks. Find the
# step at which anchor 1 loses its last impostor. Find steps at which the number of active triplets
# rises although the loss falls. From step 4 every nearest neighbour is right: what is training for
# after that?

# %% bench
lmnn_bench()

# %% [markdown] strip-intro
# ## Before and after
#
# Test digits, the nearest training digit by the ruler, and the nearest after LMNN. Shown are digits
# whose answer changed.

# %% strip
by_ruler, by_lmnn = nearest(Xt, Xd)[1][:, 0], nearest(Zt, Zd)[1][:, 0]
was_right, is_right = yd[by_ruler] == yt, yd[by_lmnn] == yt
mended, broken = (is_right & ~was_right).sum(), (was_right & ~is_right).sum()
print("more mended than broken:", mended > broken)
chosen = np.flatnonzero(was_right != is_right)[:9]

# %% strip-figure
rows = {"test digit": test, "by the ruler": train[by_ruler], "by LMNN": train[by_lmnn]}
fig, axes = canvas(1, 3, size=(8.2, 3.4))
for ax, (name, index) in zip(axes, rows.items(), strict=True):
    strip = np.hstack(np.pad(digits.images[index[chosen]], ((0, 0), (0, 0), (2, 2))))
    ax.imshow(strip, cmap="gray_r")
    ax.set_xticks(12 * np.arange(9) + 5.5, digits.y[index[chosen]])
    ax.set(yticks=[], frame_on=False)
    ax.set_ylabel(name, rotation=0, ha="right", va="center")
axes[0].set_title("The nearest digit, before and after")
show(
    fig,
    alt="Three rows of nine small digits, each with its class below. Top: test digits whose "
    "nearest neighbour changed class. Middle: their nearest training digits by the ruler, most "
    "of another class. Bottom: their nearest training digits by LMNN, most of the same class as "
    "the top row.",
)

# %% [markdown] read-strip
# Shown are digits that were right before or are right now, not both. The ruler counts grey pixels;
# LMNN has learned which pixels tell neighbours of different classes apart.
#
# One split of 540 test digits says that more answers were mended than broken, and no more than
# that. Over 34 data sets Suárez et al. (2020) report a mean 3-NN accuracy of 0.843 for LMNN and
# for the ruler alike. That solver stops after a hundred steps of a direction that is not quite the
# gradient, often far from the optimum, so the number judges the solver too. In another table of
# theirs three libraries with the same method differ by up to 1.5 percentage points.
#
# ## Classify by energy
#
# A vote ignores what the loss knows: would the new point have impostors, and would it be one? Give
# it each label in turn, add up the terms of the loss that would involve it, and take the label with
# the least **energy** (Weinberger & Saul 2009).

# %% energy
from dmlcourse.learners import EnergyClassifier

vote = KNeighborsClassifier(3).fit(Zd, yd).predict(Zt)
energy = EnergyClassifier(3).fit(Zd, yd).predict(Zt)
print("same answer for 97 of 100 or more:", (vote == energy).mean() >= 0.97)
print("both right for 97 of 100 or more:", min((vote == yt).mean(), (energy == yt).mean()) >= 0.97)

# %% [markdown] fewer-rows
# On these digits the two hardly differ. Here the targets of the new point, and of all others, are
# chosen anew in the mapped space.
#
# ## Fewer rows
#
# An $L$ with two rows is a picture. The loss then has local minima, so it matters where one starts;
# the library starts twice and keeps the better end.

# %% low-rank
from dmlcourse.geometry import pca

flat = LMNN(n_neighbors=3, n_components=2).fit(Xw, yw)
planes = {"PCA": Xw @ pca(Xw, 2).T, "LMNN": flat.transform(Xw)}

# %% low-rank-figure
fig, axes = canvas(2, size=(9, 3.8))
for ax, (name, Z) in zip(axes, planes.items(), strict=True):
    classes(ax, Z, yw, wine.class_names)
    ax.set_title(f"Wine, two directions by {name}")
show(
    fig,
    alt="Left: the three wine classes by PCA, touching at their borders. Right: the same by an "
    "LMNN map with two rows: three dense groups with clear gaps between them.",
)

# %% [markdown] breaks
# ## Where this breaks
#
# **Targets come from the ruler.** If the features have unlike units or most of them are noise, the
# targets are wrong before training starts. Add noise to wine and look at training and test:

# %% noise
noisy = np.hstack([Xw, np.random.default_rng(0).normal(size=(178, 200))])
half, rest, y_half, y_rest = train_test_split(noisy, yw, random_state=0, stratify=yw)
fitted = LMNN(n_neighbors=3).fit(half, y_half)
maps = {"LMNN": fitted.transform, "the ruler": np.asarray}
right = {
    name: KNeighborsClassifier(3).fit(to(half), y_half).score(to(rest), y_rest)
    for name, to in maps.items()
}
print("loss is almost 0:", fitted.objective_ < 1, " and some answers wrong:", right["LMNN"] < 1)
print("fewer wrong than by the ruler:", right["LMNN"] > right["the ruler"])

# %% [markdown] breaks-more
# With more features than points every wish can be granted: the loss falls to nothing and says
# nothing about new wines. LMNN still helped, since it ignored most of the noise.
#
# **A wrong target stays wrong.** It is pulled for ever, and being far it costs most. **Small
# classes:** a class of $k$ or fewer members has fewer targets; the library warns and names it.
# **One matrix** stretches all of space alike; classes that need different stretches in different
# places wait for chapter 08.

# %% [markdown] summary
# ## Summary
#
# - Targets: the $k$ nearest of the same class, fixed. Impostors: others within $d^2 + 1$.
# - The loss pulls targets and pays a hinge for every impostor; squared distances throughout.
# - It is convex in $M$. The margin forbids $M = 0$ and fixes the scale.
# - Its gradient is a graph Laplacian between two copies of $X$.
# - Shares of the hinges prove a lower bound; the gap to it is a certificate.

# %% calibration
calibration("05")

# %% [markdown] next
# **Now do the exercises.** Type `dmlcourse start 05` in a terminal, and open
# `work/05_lmnn.ipynb`: five functions, 17 points, about 110 minutes.

# %% [markdown] references
# ## References
#
# - K. Q. Weinberger, J. Blitzer, L. K. Saul (2005). Distance metric learning for large margin
#   nearest neighbor classification. NIPS 18.
#   [proceedings](https://proceedings.neurips.cc/paper/2005/hash/a7f592cef8b130a6967a90617db5681b-Abstract.html)
# - K. Q. Weinberger, L. K. Saul (2009). Distance metric learning for large margin nearest neighbor
#   classification. Journal of Machine Learning Research 10, 207–244.
#   [jmlr.org](https://jmlr.org/papers/v10/weinberger09a.html)
# - J. L. Suárez, S. García, F. Herrera (2020). A tutorial on distance metric learning: mathematical
#   foundations, algorithms and software. [arXiv:1812.05944](https://arxiv.org/abs/1812.05944)
