# %% [markdown] title
# # 11 · Triplet networks: is it enough to know who is nearer?
#
# A pair must be called "same" or "different", and the margin says how far apart different is, the
# same for all classes. A triplet asks for less: this one is nearer to the anchor than that one.

# %% [markdown] objectives
# **After this chapter you can**
#
# - tell easy, semi-hard and hard triplets apart, and draw the gradient of each;
# - sum over all triplets of a batch without listing one, with a gradient per image;
# - choose what to average over, and say what the number then means;
# - recognise a collapsed network from its curves, and prove it;
# - train a network whose boundary between same and different is learned too.
#
# **Needs** chapter 10. **Costs** about 40 minutes to read, 30 seconds on two cores, 0.6 GB of
# memory, no download. The exercises take another 110 minutes.

# %% imports
import numpy as np
import torch

from dmlcourse.benches import calibration, predict, triplet_bench
from dmlcourse.claims import report
from dmlcourse.data import stroke_characters
from dmlcourse.evaluation import alignment, recall_at_k, uniformity
from dmlcourse.figures import canvas, show
from dmlcourse.losses import MarginLoss, TripletLoss, triplet_loss
from dmlcourse.networks import ConvEncoder
from dmlcourse.selection import balanced_batches
from dmlcourse.training import embed, train
from dmlcourse.tuples import triplets_from_labels

# %% [markdown] relative
# ## Who is nearer
#
# A triplet is an **anchor** $a$, a **positive** $p$ of its class and a **negative** $n$ of another.
# The loss is LMNN's push (chapter 05) with a network in place of $L$ (Schroff et al. 2015):
#
# $$\ell(a, p, n) = [\,m + d(a, p)^2 - d(a, n)^2\,]_+$$
#
# A printed survey gives this hinge to another paper, whose loss is a softmax of the two distances
# without a margin (Hoffer and Ailon 2015). Three positions of the same negative:

# %% three
a, p = torch.zeros(3, 2), torch.tensor([[1.0, 0.0]]).repeat(3, 1)
n = torch.tensor([[0.0, 0.8], [0.0, 1.1], [0.0, 1.5]], requires_grad=True)
by_hand = (0.5 + ((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1)).clamp(min=0)
print("hard, semi-hard, easy:", [round(v, 2) for v in by_hand.tolist()])
loss = triplet_loss(a, p, n, margin=0.5, reduction="sum")
loss.backward()
print("the library's:", torch.allclose(loss, by_hand.sum()))
print("gradient by n:", [round(v, 2) for v in n.grad[:, 1].tolist()])

# %% [markdown] read-three
# **Hard**: the negative is nearer than the positive. **Semi-hard**: farther, but by less than the
# margin, in squared distances; the order is right and the loss is not zero. **Easy**: no loss and
# no gradient. The negative is pushed with $2\,d(a, n)$: the nearer it is, the less. That is a
# drawback of squares. With `squared=False` the push is 1 wherever the triplet is active. With
# `soft=True` the hinge becomes $\log(1 + e^z)$, and an easy triplet still pushes a little.
#
# **Exercise 11.1** asks for the loss. The bench opens on a hard negative. Make it semi-hard, then
# easy. Which circle separates the two, and what happens to that circle without squares?

# %% bench
triplet_bench(negative=(0.1, -0.2))

# %% predict-sphere jupyter={"source_hidden": true}
predict(
    "11.sphere",
    "All embeddings are scaled to length 1, distances are squared, and the margin is 5. How small "
    "can the loss of a triplet become?",
    options=["0", "1", "5"],
    answer="1",
    why="Two points of a unit sphere are at most 2 apart, so squared distances end at 4. The best "
    "is d(a, p) = 0 and d(a, n)² = 4, and 5 + 0 − 4 = 1.",
)

# %% [markdown] all
# ## All triplets, and no list
#
# A batch of $B$ images with $K + 1$ of each class has $B K (B - K - 1)$ triplets. One can list
# them, or build a table $B \times B \times B$, as **exercise 11.2** asks. Here is the list:

# %% listed
torch.manual_seed(0)
Z, y = torch.randn(64, 8), torch.arange(64) // 8
a, p, n = triplets_from_labels(y)
listed = triplet_loss(Z[a], Z[p], Z[n], margin=0.2)
print(f"{len(a):,} triplets")
print("the same without a list:", torch.allclose(listed, TripletLoss(0.2)(Z, y)))

# %% predict-list jupyter={"source_hidden": true}
predict(
    "11.list",
    "A batch of 8,192 images, 8 of each class. How much memory do the indices of all its triplets "
    "take, three whole numbers of 8 bytes each?",
    options=["about 100 MB", "about 1 GB", "about 11 GB"],
    answer="about 11 GB",
    why="8,192 anchors, 7 positives and 8,184 negatives each: 469 million triplets of 24 bytes. "
    "The numbers that a gradient needs for each of them come on top.",
)

# %% [markdown] one-anchor
# The list is not needed. Fix an anchor. Each positive sets a **threshold** $t_p = m + d(a, p)^2$,
# and a negative pays for each threshold above it. So sort the thresholds and look up each negative:

# %% anchor
near, far = np.array([1.0, 0.2, 0.6]), np.array([0.5, 1.3, 0.9, 2.0])  # squared, of one anchor
thresholds = np.sort(0.5 + near)  # 0.7, 1.1, 1.5
above = len(near) - np.searchsorted(thresholds, far, side="right")
active = 0.5 + near[:, None] - far > 0  # the table, 3 × 4
print("thresholds above each negative:", above, " by the table:", active.sum(axis=0))

# %% [markdown] laplacian
# **Exercise 11.3** makes the sum of the hinges from such counts. They do more: `above` is minus the
# derivative of the sum by each $d(a, n)^2$. Collected in a matrix $W$ the derivatives give the
# gradient of the batch, one vector for each **image**, however many triplets it is in (Ding et al.
# 2015):
#
# $$\frac{\partial}{\partial z_i} = 2 \sum_j (W_{ij} + W_{ji})(z_i - z_j)$$
#
# The time is $B^2 \log K$ in place of $B^2 K$, the memory a few rows of $B$ numbers. **Exercise
# 11.4** puts it together. A batch of 4,096, whose list would take 3 GB:

# %% large
Z = torch.randn(4096, 64, requires_grad=True)
y = torch.arange(4096) // 8
sums = TripletLoss(0.2).sums(Z, y)
sums.total.backward()
print(f"{sums.terms.item():,} triplets; gradient {tuple(Z.grad.shape)}")
print("pulls and pushes cancel:", bool(Z.grad.sum(0).abs().max() < 1e-4 * Z.grad.abs().sum()))

# %% [markdown] train-text
# Pulls and pushes cancel over the batch: no loss of distances moves its centre.
#
# ## Training, and what to divide by
#
# 160 invented characters for training, 40 others, by other hands, for the test (generated data:
# this tests the method against our generator, not the field). A batch holds 20 classes with 6
# drawings each: **positives have to be in the batch**. The same network twice, and only the
# divisor differs: all triplets, or those that are active.

# %% characters
torch.set_num_threads(1)  # small networks: several threads would wait for each other
known = stroke_characters(160, 10, device="cpu")
new = stroke_characters(40, 10, first_class=200, writers=range(20, 30), device="cpu")
batches = balanced_batches(known.images[:, None], known.labels, classes=20, samples=6)
queries, answers = new.images[:, None], new.labels


# %% run
def run(loss, epochs=12, **options):
    """A small network trained with a loss, and its history."""
    net = ConvEncoder(dim=32, channels=16, blocks=3, random_state=0)
    return net, train(net, loss, batches, epochs=epochs, lr=2e-3, progress=False, **options)


# %% divisors
x, y = next(iter(batches(np.random.default_rng(1))))  # a batch to look at
share = []


def look(_, net):
    sums = TripletLoss(0.2).sums(embed(net, x), y)
    share.append(float(sums.active / sums.terms))


everything, over_all = run(TripletLoss(0.2, average="all"), on_epoch=look)
violated, over_active = run(TripletLoss(0.2, average="active"))

# %% divisors-figure
fig, axes = canvas(2, size=(9, 3.3))
epochs = range(1, 13)
axes[0].plot(epochs, over_all.loss, "o-", ms=4, label="mean over all")
axes[0].plot(epochs, over_active.loss, "^--", ms=4, label="mean over active")
axes[0].axhline(0.2, color="0.6", lw=1)
axes[0].set(title="Loss, margin 0.2", xlabel="epoch", yscale="log")
axes[0].legend()
axes[1].plot(epochs, share, "o-", ms=4)
axes[1].set(title="Share of active triplets", xlabel="epoch", ylim=(0, None))
show(
    fig,
    alt="Left, the loss of two runs on a logarithmic axis, with a line at the margin. The mean "
    "over all triplets falls steadily, to less than a tenth of the margin. That over active ones "
    "falls at first, then stays a little above the margin. Right, the share of active triplets in "
    "the first run falls from nine tenths to a few hundredths.",
)

# %% divisors-claims
right = [recall_at_k(embed(net, queries), answers, k=1) for net in (everything, violated)]
report("recall@1, mean over all", right[0], above=0.5)
report("recall@1, mean over active", right[1], above=0.5)
report("loss over active in units of the margin", over_active.loss[-1] / 0.2, above=0.8, below=2)

# %% [markdown] read-divisor
# Recall@1 is the share of drawings whose nearest other drawing is of their class. Both networks
# learn, at first at the same pace, but their losses mean different things. Over all triplets the
# loss falls with the number of violations, and so does the gradient: late in training most of a
# batch is easy, steps become small, and this run falls a little behind. Over the active ones it
# stays up, because only violations are averaged: a typical one is off by about the margin. **A loss
# near the margin means nothing by itself.** Ask first what it was divided by.

# %% [markdown] collapse
# ## Collapse
#
# What if each anchor meets only its **hardest** negative, from the first step on?


# %% hardest
def hardest(Z, y):
    """For each anchor its farthest positive and its nearest negative: (a, p, n)."""
    D = torch.cdist(Z, Z)
    same = y[:, None] == y
    p = D.masked_fill(~same, -1).argmax(1)
    n = D.masked_fill(same, torch.inf).argmin(1)
    return torch.arange(len(y)), p, n


# %% predict-collapse jupyter={"source_hidden": true}
predict(
    "11.collapse",
    "Each anchor meets only its hardest negative, from the first step on; embeddings have length "
    "1, distances are squared, the margin is 0.2. Where does the mean loss settle?",
    options=["near 0", "near 0.1", "at 0.2"],
    answer="at 0.2",
    why="All points run together. With every distance 0 each triplet costs exactly the margin, and "
    "its gradient is 0, so training stays there.",
)

# %% collapse
sphere = TripletLoss(0.2, normalize=True)
collapsed, curve = run(lambda Z, y: sphere(Z, y, hardest(Z, y)), epochs=8)
healthy, healthy_curve = run(sphere, epochs=8)


# %% unit
def unit(net):
    Z = embed(net, queries)
    return Z / Z.norm(dim=1, keepdim=True)


# %% collapse-figure
fig, (left, right) = canvas(2, size=(9, 3.3))
runs = [(healthy, healthy_curve, "o-", "all triplets"), (collapsed, curve, "X--", "hardest only")]
for net, history, style, name in runs:
    left.plot(range(1, 9), history.loss, style, label=name)
    right.plot(alignment(unit(net), answers), uniformity(unit(net)), style[0], ms=10)
left.set(title="Loss, margin 0.2", xlabel="epoch", ylim=(0, None))
left.legend()
left.axhline(0.2, color="0.6", lw=1)
right.set(title="After training", xlabel="alignment", ylabel="uniformity", ylim=(-4, 0.3))
show(
    fig,
    alt="Left, loss against epoch, with a line at the margin, 0.2. The mean over all triplets "
    "falls far below the line. The mean over the hardest ones falls onto the line from above and "
    "stays. Right, alignment against uniformity: the healthy network at an alignment of some "
    "tenths and a uniformity near −2, the collapsed one in the corner where both are 0.",
)

# %% collapse-claims
report("loss over margin, hardest only", curve.loss[-1] / 0.2, above=0.97, below=1.05)
report("uniformity, hardest only", uniformity(unit(collapsed)), above=-0.1)
report("uniformity, all triplets", uniformity(unit(healthy)), below=-1)

# %% [markdown] read-collapse
# If every image goes to one point, each triplet costs exactly the margin and every gradient is 0:
# training stays there. It happens quickly, because the hardest negative is nearly always nearer
# than the positive, and with squared distances the pull, $2d(a, p)$, is then stronger than the
# push. The curve alone tells: the loss falls, and stops at **exactly** the margin.
#
# Two numbers prove it on unit vectors (Wang and Isola 2020). **Alignment** is the mean of
# $\lVert z - z^+ \rVert^2$ over pairs of one class, **uniformity** the logarithm of the mean of
# $\exp(-2\lVert z - z' \rVert^2)$ over all pairs. Good clusters have an alignment near 0 too;
# uniformity tells whether there is more than one. At a collapse both are 0.
#
# Remedies: all triplets or semi-hard ones (chapter 12), distances without squares, a lower learning
# rate. **Exercise 11.5** asks you to name a run from its curves.

# %% [markdown] margin-text
# ## A boundary that is learned
#
# To decide "same or different" one needs a threshold, and a triplet loss has none: it bounds the
# difference of two distances. The **margin-based** loss bounds each (Wu et al. 2017):
#
# $$\ell(i, j) = [\,\alpha + y_{ij}\,(d(i, j) - \beta)\,]_+, \qquad y_{ij} = \pm 1$$
#
# with $\partial \ell/\partial\beta = -y_{ij}$ on active pairs. So $\beta$ moves until as many
# similar pairs are too far as dissimilar ones too near. It is a parameter of the loss: an optimiser
# that was given the network's parameters alone leaves it where it was.

# %% boundary
net = ConvEncoder(dim=32, channels=16, blocks=3, random_state=0)
loss, path = MarginLoss(0.2, beta=1.2, normalize=True), [1.2]
groups = [
    {"params": net.parameters(), "lr": 2e-3},
    {"params": loss.parameters(), "lr": 2e-2},  # a number near 1: it may move faster than weights
]

# %% train-boundary
follow = {"progress": False, "on_epoch": lambda *_: path.append(loss.beta.item())}
history = train(net, loss, batches, epochs=12, optimizer=torch.optim.Adam(groups), **follow)

# %% new-pairs
Z = unit(net)
i, j = torch.triu_indices(len(Z), len(Z), 1)
apart, same = (Z[i] - Z[j]).norm(dim=1), answers[i] == answers[j]

# %% boundary-claims
within = (apart[same] < path[-1]).double().mean()
beyond = (apart[~same] > path[-1]).double().mean()
report("new pairs of two classes beyond β", beyond, above=0.9)
report("new pairs of one class nearer than β", within, above=0.25, below=0.75)

# %% boundary-figure
fig, axes = canvas(2, size=(9, 3.3))
axes[0].plot(path, "o-")
axes[0].set(title="The boundary β", xlabel="epoch")
axes[1].hist([apart[same], apart[~same]], bins=40, density=True, label=["same", "different"])
axes[1].axvline(path[-1], color="0", lw=1)
axes[1].set(title="Distances between new characters, and β", xlabel="distance")
axes[1].legend()
show(
    fig,
    alt="Left: β starts at 1.2, falls to about 0.7 within three epochs, then rises slowly. Right: "
    "histograms of the distances of similar and of dissimilar pairs of new characters, which "
    "overlap; β is left of the middle between their peaks.",
)

# %% [markdown] read-boundary
# $\beta$ suits the characters it was learned on. Of new ones, whose classes are wider, it lets
# hardly a stranger through and refuses about half of the pairs that belong together. It is the
# lesson of chapter 10 again: a threshold for new classes comes from classes not trained on.

# %% [markdown] breaks
# ## Where this breaks
#
# **A batch without positives.** Random batches of many classes rarely hold two of a kind. The loss
# is then 0, and that is no success:

# %% empty
lonely = TripletLoss(0.2).sums(torch.randn(30, 8), torch.arange(30))
print(f"loss {lonely.mean('all').item()}, triplets {lonely.terms.item()}")

# %% [markdown] breaks-more
# **A similarity in place of a distance.** Cosine is large where points are near. In the formula it
# turns the loss round, and training tears classes apart.
#
# **A margin nobody can meet.** On unit vectors, anything above 4.
#
# **`detach()` on the negative.** The anchor still moves away from it, but the negative itself
# stays; the forces no longer cancel, and the centre of the batch drifts.
#
# **Wrong labels.** A mislabelled positive is the hardest of all, in every epoch.

# %% [markdown] summary
# ## Summary
#
# - Easy, semi-hard, hard: no force, right order within the margin, wrong order.
# - All triplets of a batch: sort the thresholds, look up the negatives; a gradient per image.
# - The mean over all shrinks with success, the mean over active ones does not.
# - Collapse: the loss stops at exactly the margin; alignment and uniformity are 0.
# - A learned $\beta$ is a threshold. It has to be in the optimiser.

# %% calibration
calibration("11")

# %% [markdown] next
# **Now do the exercises.** Type `dmlcourse start 11` in a terminal, and open
# `work/11_triplets.ipynb`: 17 points, about 110 minutes.

# %% [markdown] references
# ## References
#
# - S. Ding, L. Lin, G. Wang, H. Chao (2015). Deep feature learning with relative distance
#   comparison for person re-identification. Pattern Recognition 48(10), 2993–3003.
#   [doi:10.1016/j.patcog.2015.04.005](https://doi.org/10.1016/j.patcog.2015.04.005)
# - E. Hoffer, N. Ailon (2015). Deep metric learning using triplet network. SIMBAD.
#   [arXiv:1412.6622](https://arxiv.org/abs/1412.6622)
# - F. Schroff, D. Kalenichenko, J. Philbin (2015). FaceNet: a unified embedding for face
#   recognition and clustering. CVPR, 815–823. [arXiv:1503.03832](https://arxiv.org/abs/1503.03832)
# - T. Wang, P. Isola (2020). Understanding contrastive representation learning through alignment
#   and uniformity on the hypersphere. ICML. [arXiv:2005.10242](https://arxiv.org/abs/2005.10242)
# - C.-Y. Wu, R. Manmatha, A. J. Smola, P. Krähenbühl (2017). Sampling matters in deep embedding
#   learning. ICCV. [arXiv:1706.07567](https://arxiv.org/abs/1706.07567)
