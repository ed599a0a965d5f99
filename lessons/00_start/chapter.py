# %% [markdown] title
# # 00 · Start here: what is a distance for?
#
# "Find me more like this one." Search, recommendation, recognition and diagnosis all ask that, and
# all of them need to know what *like* means. This course is about learning it from examples. In the
# next five minutes a distance will change an answer, and a check will name a mistake.

# %% [markdown] objectives
# **After this chapter you can**
#
# - show on real data that units and weights decide who is near;
# - read what a check says, ask for a hint, and see your own progress;
# - say why a distance is learned and not chosen, with three results on one data set;
# - explain how a Gaussian mixture is k-means with a distance for each cluster.
#
# **Needs** some Python and NumPy. **Costs** about 25 minutes to read, 10 seconds on two cores, 0.4
# GB of memory, no download. The exercises take another 40 minutes.

# %% imports
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from dmlcourse.benches import calibration, predict, progress_panel, units_bench
from dmlcourse.checks import try_out
from dmlcourse.data import load
from dmlcourse.figures import canvas, classes, ellipse, show
from dmlcourse.geometry import mahalanobis, nearest

# %% [markdown] three-wines
# ## A distance changes the answer
#
# Here are 178 wines, each with 13 measurements, made from three kinds of grape (cultivars). We look
# at two of the measurements first. Which of the wines 172 and 65 is more like wine 98?

# %% two-measurements
wine = load("wine")
X = wine.X[:, [9, 12]]  # colour intensity, and proline in mg per litre; shape (178, 2)
for i in [98, 172, 65]:
    print(f"wine {i:3}: colour {X[i, 0]:.1f}, proline {X[i, 1]:.0f} mg/l")

# %% milligrams
for i in [172, 65]:
    print(f"from 98 to {i:3}: {np.sqrt(((X[98] - X[i]) ** 2).sum()):.2f}")

# %% [markdown] read-milligrams
# By the Euclidean distance $\sqrt{\sum_j (x_j - y_j)^2}$, wine 172 is nearer: it has the same
# proline. Its colour is more than twice as strong, but a difference of 5.2 counts less than one of
# 18. Now somebody writes the same proline in *grams* per litre, so 660 becomes 0.66.

# %% predict-units jupyter={"source_hidden": true}
predict(
    "00.units",
    "Colour as before, proline in grams per litre. Which wine is nearer to wine 98 now?",
    options=["wine 172, as before", "wine 65", "both are equally near"],
    answer="wine 65",
    why="In grams the difference in proline is 0.018 and hardly counts. The colour decides, and "
    "wine 65 has almost the same.",
)

# %% grams
grams = X * [1, 0.001]
_, index = nearest(grams, k=1)
_, index_mg = nearest(X, k=1)
cultivar = np.array(list("ABC"))[wine.y]
for unit, who in [("mg", index_mg[98, 0]), ("g", index[98, 0])]:
    print(f"in {unit:2} the nearest to wine 98 ({cultivar[98]}) is wine {who} ({cultivar[who]})")

# %% [markdown] read-grams
# The wine did not change. The unit did, and with it the answer. In milligrams the nearest neighbour
# is of another cultivar, in grams of the same one. **A distance is a decision about what counts.**
# Usually nobody makes it on purpose.
#
# Move the weight yourself: 1 is the milligram, 1001 about the gram. At which weight do most wines
# have a neighbour of their own cultivar?

# %% bench
units_bench(weight=1.0, wine=98)

# %% [markdown] read-bench
# Between the two units lies a plateau: with one unit of colour worth several hundred milligrams,
# about 94 of 100 wines have a neighbour of their own cultivar. For two measurements a slider finds
# that. For 13, for the pixels of an image, for the words of a sentence, it has to be **learned**.
#
# ## A mistake on purpose
#
# You will write the methods of this course yourself, and each answer is checked. Here is a function
# with a mistake in it. Run the two cells.


# %% planted
def distance(x, y):
    """Return the Euclidean distance of two points, arrays of shape (d,)."""
    return ((x - y) ** 2).sum()


# %% try-planted
try_out("00.0", distance)

# %% [markdown] read-check
# The check shows a small case that fails, what was expected and what came, and then the mistake
# that it recognised. It never shows the solution.
#
# Now mend the line in the cell above, and run both cells again. Then break it another way:
# `abs(x - y).sum()`. The sentence is another one.
#
# In an exercise notebook the call is `check("00.1", pairwise_sqdist)`. `hint("00.1")` gives a hint,
# and there are three. A check that fails costs nothing; it is how the course talks to you.

# %% [markdown] why-learn
# ## Why learn a distance?
#
# Back to the wines, with all 13 measurements. We hide the cultivar of half of them and guess it
# from the nearest wine of the other half.

# %% split
order = np.random.default_rng(0).permutation(178)
train, test = order[:89], order[89:]


def accuracy(M):
    """Share of hidden wines whose nearest known wine under M has the same cultivar."""
    _, index = nearest(wine.X[test], wine.X[train], k=1, M=M)
    return (wine.y[test] == wine.y[train][index[:, 0]]).mean()


# %% [markdown] three-metrics
# Three distances, each given by a matrix $M$ (chapter 02 explains how). The **raw** one takes the
# numbers as they are. The **standardised** one divides each measurement by its spread. The
# **learned** one looks at the labels: what differs between wines of *one* cultivar counts little.

# %% predict-learned jupyter={"source_hidden": true}
predict(
    "00.learned",
    "Raw, standardised, learned: which order do the three accuracies have?",
    options=[
        "raw < standardised < learned",
        "standardised < raw < learned",
        "all three are about equal",
    ],
    answer="raw < standardised < learned",
    why="Proline alone rules the raw distance, because its numbers are largest. Standardising "
    "lets all 13 count alike. The labels tell which of them matter.",
)

# %% compare
X_train, y_train = wine.X[train], wine.y[train]
spread = X_train.std(axis=0)
centres = np.array([X_train[y_train == c].mean(axis=0) for c in range(3)])
within = np.cov((X_train - centres[y_train]).T)  # how wines of one cultivar differ, (13, 13)
learned = np.linalg.inv(within)
for name, M in [("raw", np.eye(13)), ("standardised", np.diag(spread**-2)), ("learned", learned)]:
    print(f"{name:12} {accuracy(M):.0%} of {len(test)} hidden wines")

# %% [markdown] read-compare
# The data are the same, the classifier is the same; only the distance differs. This simplest of
# learned metrics is the one inside Fisher's discriminant analysis (1936). It assumes that all
# classes have one shape, which is often wrong. The methods from chapter 04 on do not need that.
#
# ## Clusters have shapes
#
# k-means gives each point to the centre that is nearest by the Euclidean distance. These points are
# generated: they show how a method works, and say nothing about the field.

# %% blobs
rng = np.random.default_rng(3)
shapes = [((0, 0), (2.5, 0.4)), ((0, 2.5), (2.5, 0.4)), ((9, 1), (0.4, 2))]  # centre, spread
points = np.concatenate([rng.normal(c, s, size=(100, 2)) for c, s in shapes])
truth = np.repeat([0, 1, 2], 100)
by_means = KMeans(3, n_init=10, random_state=0).fit_predict(points)
mixture = GaussianMixture(3, n_init=5, random_state=0).fit(points)
for name, found in [("k-means", by_means), ("mixture", mixture.predict(points))]:
    print(f"{name} finds the three groups: {adjusted_rand_score(truth, found) > 0.95}")

# %% clusters-figure
fig, axes = canvas(2, size=(9.2, 3.6), sharex=True, sharey=True)
names = ["cluster 1", "cluster 2", "cluster 3"]
for ax, found, title in zip(
    axes, [by_means, mixture.predict(points)], ["k-means", "Gaussian mixture"], strict=True
):
    classes(ax, points, found, names)
    ax.set_title(title)
for mean, precision in zip(mixture.means_, mixture.precisions_, strict=True):
    ellipse(axes[1], precision, mean, radius=2, facecolor="none", edgecolor="black")
show(
    fig,
    alt="Two long flat groups of points lie above each other, a tall narrow one stands on the "
    "right. Left, k-means cuts the flat groups across their middle. Right, the mixture finds the "
    "three groups, and an ellipse of its own shape surrounds each.",
)

# %% [markdown] read-clusters
# The mixture gets it right because each cluster has its own distance. Its rule for a point is:
# smallest $d_M^2(x, \mu) - \log\det M - 2 \log \pi$, with the inverse covariance of the cluster as
# $M$ and its share of the points as $\pi$. With $M = I$ and equal shares, that is the rule of
# k-means.

# %% mixture-by-distance
rule = [
    mahalanobis(points, mean[None], M=M, squared=True)[:, 0]
    - np.linalg.slogdet(M)[1]
    - 2 * np.log(share)
    for mean, M, share in zip(mixture.means_, mixture.precisions_, mixture.weights_, strict=True)
]
print("the rule gives the same groups:", (np.argmin(rule, axis=0) == mixture.predict(points)).all())

# %% [markdown] notation
# ## Signs and words
#
# | sign | meaning | in code |
# |---|---|---|
# | $x$, $y$, $z$ | points with $d$ numbers each | `x`, `y` |
# | $X$, $y$ | $n$ points as rows; their labels | `X` of shape (n, d); `y` of shape (n,) |
# | $d(x, y)$ | a distance; $d^2$ is its square | `D[i, j]` |
# | $M$ | a matrix that defines a distance $d_M$ | `M` of shape (d, d) |
# | $L$ | a linear map with $M = L^\top L$ | `L` of shape (k, d) |
# | $f(x)$ | an embedding: a learned map of $x$ | `embeddings` of shape (n, k) |
# | $p$, $q$ | two distributions, or histograms | `p`, `q` of shape (bins,) |
# | $\mu$, $S$ | mean and covariance of a Gaussian | `m`, `S` of shape (d,), (d, d) |
# | $a, p, n$ | anchor, positive (alike), negative (not) | `anchor, positive, negative` |
# | $[z]_+$ | the larger of $z$ and 0, the hinge | `np.maximum(z, 0)` |

# %% [markdown] map
# ## The way ahead
#
# **I Geometry**, chapters 00 to 03: what a distance is. **II Linear metrics**, 04 to 09: learning
# $M$ from pairs and triplets. **III Deep metrics**, 10 to 15: the map becomes a network. **IV
# Judging and using**, 16 to 20: whether it works, and what for.
#
# Each chapter is a text like this one and a notebook of exercises. `dmlcourse start 02` copies both
# to your folder `work/`, `dmlcourse update` brings in a newer release and keeps what you wrote, and
# `dmlcourse progress` shows where you are:

# %% progress
progress_panel()

# %% [markdown] device
# ## Which device, how long?
#
# Everything runs offline on two processor cores. The library takes NumPy arrays or torch tensors
# and gives back the same kind. A tensor on a GPU is worked on there:

# %% tensors
import torch

as_tensor = torch.tensor(X)  # with .to("cuda"), the same line computes on a GPU
distances, index = nearest(as_tensor, k=1)
print(type(distances).__name__, "in float64:", distances.dtype == torch.float64)
print("the same neighbours as with NumPy:", np.array_equal(index.cpu().numpy(), index_mg))

# %% [markdown] breaks
# ## Where this breaks
#
# **Few examples.** The learned matrix is an inverse, and from twelve wines there is none: twelve
# points around their three centres span at most 9 of the 13 directions.

# %% too-few
X_few, y_few = X_train[:12], y_train[:12]
few_centres = np.array([X_few[y_few == c].mean(axis=0) for c in range(3)])
few_within = np.cov((X_few - few_centres[y_few]).T)
print("rank", np.linalg.matrix_rank(few_within), "of 13")

# %% [markdown] breaks-more
# **One split.** Standardising gains 19 wines, and the labels gain 5 more. Is 5 of 89 a result? On
# 30 other splits the learned metric was ahead in 24, level in 4 and behind in 2. Chapter 16 says
# what to report. **Another task.** Whoever sorts wine by price needs another distance. There is no
# best one, only one for a purpose.

# %% [markdown] summary
# ## Summary
#
# - A distance decides who is near; units decide it if nobody else does.
# - A check shows the smallest failing case and names the mistake.
# - Labels tell which differences count: that is metric learning.
# - A Gaussian mixture assigns points as k-means does, with a distance and a share for each cluster.

# %% calibration
calibration("00")

# %% [markdown] next
# **Now do the exercises.** Type `dmlcourse start 00` in a terminal (File, New, Terminal), and open
# `work/00_start.ipynb`: three functions, 7 points, about 40 minutes.

# %% [markdown] references
# ## References
#
# - R. A. Fisher (1936). The use of multiple measurements in taxonomic problems. Annals of Eugenics
#   7, 179–188.
#   [doi:10.1111/j.1469-1809.1936.tb02137.x](https://doi.org/10.1111/j.1469-1809.1936.tb02137.x)
