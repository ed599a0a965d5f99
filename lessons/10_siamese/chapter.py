# %% [markdown] title
# # 10 · Siamese networks: can a network learn a distance from pairs?
#
# A matrix turns and stretches the space. Two drawings of one digit may still share hardly a pixel.
# A network in place of the matrix can bend the space until they lie together. All it is told is
# which pairs belong together.

# %% [markdown] objectives
# **After this chapter you can**
#
# - say what makes a network Siamese, and why both images pass through it together;
# - derive the pull and the push of the contrastive loss, and spot the wrong forms in print;
# - train an embedding, and read its distance curves;
# - verify signatures of people never seen, with a threshold from people seen;
# - add a class from one drawing, without training.
#
# **Needs** chapter 02 and a little PyTorch. **Costs** about 40 minutes to read, 30 seconds on two
# cores, 0.8 GB of memory, no download. The exercises take another 100 minutes.

# %% imports
import numpy as np
import torch
from torch import nn

from dmlcourse.benches import calibration, contrastive_bench, predict
from dmlcourse.claims import report
from dmlcourse.data import is_here, load, signature_pairs, signatures, stroke_characters
from dmlcourse.evaluation import equal_error_rate, mean_distances
from dmlcourse.figures import canvas, show
from dmlcourse.losses import ContrastiveLoss, contrastive_loss
from dmlcourse.networks import ConvEncoder, MahalanobisHead, MLPEncoder, SiameseNetwork
from dmlcourse.selection import balanced_batches, pair_batches, shuffled_batches
from dmlcourse.training import embed, train

# %% [markdown] energy
# ## A network in place of a matrix
#
# Chapter 02 measured $\lVert Lx_1 - Lx_2 \rVert$. Now a network $f$ takes the place of $L$:
#
# $$d(x_1, x_2) = \lVert f(x_1) - f(x_2) \rVert$$
#
# Whatever $f$ is, this is symmetric and obeys the triangle inequality; two different images may
# coincide, so it is a pseudo-metric. One can also read $d$ as an **energy**, low where a pair fits
# (Chopra et al. 2005): there is no probability, and so nothing to normalise over all possible
# pairs.
#
# The picture with two branches comes from signature verification (Bromley et al. 1993): one
# signature into each, and **the same weights in both**. A printed survey says that two identical
# images go in; it is the branches that are identical. In code there is one network, used twice:

# %% siamese
encoder = MLPEncoder(64, hidden=(64,), dim=2, random_state=0)
siamese = SiameseNetwork(encoder)
digits = load("digits")
x = torch.tensor(digits.X[:6] / 16, dtype=torch.float32)
z1, z2 = siamese(x[:3], x[3:])  # three pairs
print("the embeddings:", tuple(z1.shape), tuple(z2.shape))
print("parameters, two branches:", sum(p.numel() for p in siamese.parameters()))
print("parameters, one encoder:", sum(p.numel() for p in encoder.parameters()))

# %% [markdown] same-weights
# Backward, each weight collects its gradient from both images. Two copies that start alike would
# drift apart after one step, and $d(x, x)$ would no longer be 0.
#
# ## Same weights, different statistics
#
# There is a subtler way to lose the sameness. Batch normalisation uses the mean of the batch. If
# the two branches run one after the other, each has a batch of its own:

# %% batchnorm
torch.manual_seed(0)
norm = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8))  # in training mode
one, other, another = x[:1], x[1:3], x[3:6]
two_passes = norm(torch.cat([one, other]))[0] - norm(torch.cat([one, another]))[0]
z1, z2 = SiameseNetwork(norm)(torch.cat([one, other]), torch.cat([one, another[:2]]))
print("distance of a digit to itself, two passes, above 0.1:", two_passes.norm().item() > 0.1)
print("in one pass:", round((z1[0] - z2[0]).norm().item(), 6))

# %% [markdown] loss
# So `SiameseNetwork` sends both images through in one pass and splits the result. **Exercise 10.2**
# asks for that.
#
# ## The contrastive loss
#
# A pair of one class attracts; any other repels, up to a margin $m$ (Hadsell et al. 2006):
#
# $$\ell = \begin{cases} \tfrac12\, d^2 & \text{one class} \\ \tfrac12\, [\,m - d\,]_+^2 & \text{two
# classes} \end{cases} \qquad\qquad \frac{\partial \ell}{\partial d} = \begin{cases} d &
# \text{(pull)} \\ -[\,m - d\,]_+ & \text{(push)} \end{cases}$$
#
# Two springs: one without length, one that pushes until it is $m$ long. The paper writes $Y = 0$
# for a pair of one class, much code $1$, and one printed survey has the first in its formula and
# the second in the text around it. Read literally, that pulls strangers together. Here `same` is
# true or false.

# %% by-hand
z1 = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
z2 = torch.tensor([[0.6, 0.8], [0.3, 0.4], [3.0, 4.0]])  # distances 1, 0.5, 5
same, d = torch.tensor([True, False, False]), (z1 - z2).norm(dim=1)
by_hand = torch.where(same, d**2, (1.0 - d).clamp(min=0) ** 2) / 2
same_here = torch.allclose(by_hand, contrastive_loss(z1, z2, same, 1.0, "none"))
print(by_hand.tolist(), " the library's are the same:", same_here)

# %% predict-hinge jupyter={"source_hidden": true}
predict(
    "10.hinge",
    "Slides of a summer school print the push with d² in the hinge: ½ [m − d²]₊². Two strangers "
    "have landed almost on the same spot. How strongly are they pushed apart?",
    options=["as strongly as by the paper's form", "twice as strongly", "hardly at all"],
    answer="hardly at all",
    why="The derivative is −2d[m − d²]₊: at d = 0 it is zero. The strangers that are nearest, and "
    "need the push most, would get none. With [m − d]₊ the push is m there.",
)

# %% [markdown] bench-text
# **Exercise 10.1** asks for the loss. Now move the pair: where does the push end for each form?
# With $m = 2$, at which distance does the printed form push most? Make the pair similar: what does
# the margin change?

# %% bench
contrastive_bench()

# %% [markdown] training
# ## Distances, epoch by epoch
#
# Threes and eights; an embedding in the plane; every pair in a batch. After each epoch: the mean
# distance of similar and of dissimilar pairs, among digits that were not trained on.

# %% data
torch.set_num_threads(1)  # small networks: several threads would wait for each other
source = load("mnist") if is_here("mnist") else digits  # MNIST only where it was fetched before
X = torch.tensor(source.X[:3000] / source.X.max(), dtype=torch.float32)
y = torch.tensor(source.y[:3000])
held = torch.arange(len(y)) % 3 == 0  # every third digit is not trained on


# %% follow
def follow(chosen, dim):
    """Train on some of the digits; the mean distances of held-out pairs, epoch by epoch."""
    net = MLPEncoder(X.shape[1], hidden=(64,), dim=dim, random_state=0)
    seen = []

    def look(*_):
        seen.append(mean_distances(embed(net, X[chosen & held]), y[chosen & held]))

    look()  # before any training
    batches = shuffled_batches(X[chosen & ~held], y[chosen & ~held], 32)
    train(net, ContrastiveLoss(1.0), batches, epochs=30, on_epoch=look, progress=False)
    return net, np.array(seen)  # (31, 2): similar, dissimilar


# %% predict-figure2 jupyter={"source_hidden": true}
predict(
    "10.curve",
    "Threes and eights, margin 1. Training goes on and on. What becomes of the mean distance of "
    "dissimilar pairs?",
    options=["it grows with every epoch", "it stops near 1", "it falls again"],
    answer="it stops near 1",
    why="A pair farther apart than the margin costs nothing and has no gradient. Nothing pushes it "
    "any farther.",
)

# %% threes
two_digits, curve = follow((y == 3) | (y == 8), dim=2)
all_digits, curve10 = follow(y >= 0, dim=8)

# %% figure2
fig, axes = canvas(2, size=(9, 3.4))
for ax, seen, name in [(axes[0], curve, "threes and eights"), (axes[1], curve10, "all ten digits")]:
    ax.plot(seen[:, 0], "o-", ms=3, label="similar pairs")
    ax.plot(seen[:, 1], "^--", ms=3, label="dissimilar pairs")
    ax.axhline(1, color="0.6", lw=1)
    ax.set(title=f"{source.name}, {name}", xlabel="epoch", ylabel="mean distance", ylim=(0, None))
axes[0].legend()
show(
    fig,
    alt="Two panels of mean distance against epoch, with a grey line at the margin, 1. Left, "
    "threes and eights: dissimilar pairs rise from near 0 to about the line in a few epochs and "
    "stay there; similar pairs rise at first too, to about a third of it, then fall and stay low. "
    "Right, all ten digits: the same, but dissimilar pairs settle above the line.",
)

# %% figure2-claims
report("two digits: dissimilar over similar", curve[-1, 1] / curve[-1, 0], above=2.5)
report("ten digits: dissimilar over similar", curve10[-1, 1] / curve10[-1, 0], above=2)

# %% [markdown] read-curve
# The same picture in a survey shows similar pairs falling from the start. Here they rise first: an
# untrained network puts everything close together, and the first epochs spread all of it. Then the
# threes come together. With ten classes a mean above the margin is no fault: for a class to be 1
# away from its neighbour, it is farther from most others. **Exercise 10.3** asks for these numbers.
#
# ## A metric on top
#
# A linear map $L$ after the network, a **Mahalanobis head**, learns $M = L^\top L$ on the
# embedding. If the network ends in a linear layer, that adds nothing that the layer could not do.
# What it can do is bound a distance: with $\lVert L \rVert_F \le C$ no distance grows by more than
# the factor $C$, since $\lVert Lz \rVert \le \lVert L \rVert_F \lVert z \rVert$. Trained on pairs,
# the network and its head together; after each step $L$ goes back into that ball (chapter 03):

# %% head
from dmlcourse.tuples import pairs_from_labels

head = MahalanobisHead(8, bound=0.5)
siamese = SiameseNetwork(all_digits, head)
pairs, same = pairs_from_labels(y[~held], 2000, 2000, random_state=0)
batches = pair_batches(X[~held], pairs, same, 64)
history = train(siamese, contrastive_loss, batches, epochs=2, progress=False)
with_head = embed(siamese, X[:500])
without = embed(all_digits, X[:500])
grown = torch.pdist(with_head) / torch.pdist(without)
print("rows and columns of M:", tuple(head.get_mahalanobis_matrix().shape))
print("after training, no distance grows by more than C:", grown.max().item() <= 0.5 + 1e-4)

# %% [markdown] relatives
# Relatives of this design: DDML bounds the distance from both sides, with a hinge on each (Hu et
# al. 2014). Some networks carry a metric loss in hidden layers too. Koch, Zemel and Salakhutdinov
# (2015, in a workshop) put a sigmoid over weighted differences $|f(x_1) - f(x_2)|$ and train with
# cross-entropy: that gives a probability, and no metric.
#
# ## Signatures
#
# The task for which the network was invented, then on pen movements; SigNet (Dey et al. 2017;
# `networks.SigNet` has its shape) works on images. A signature is genuine, or a **skilled
# forgery**: by somebody who has seen it.

# %% signatures
seen = signatures(writers=200, genuine=4, forgeries=4, device="cpu")
strangers = signatures(writers=50, genuine=6, forgeries=6, first_writer=200, device="cpu")

# %% signatures-figure
fig, axes = canvas(6, size=(9, 1.5))
for ax, row in zip(axes, [0, 1, 2, 4, 5, 6], strict=True):
    ax.imshow(seen.images[row], cmap="Greys")
    ax.set_title("genuine" if seen.genuine[row] else "forged")
    ax.set_axis_off()
show(
    fig,
    alt="Six small drawings of one person's signature. Three are genuine and much alike; three are "
    "forged: the same letters with other proportions and a less fluent line.",
)

# %% [markdown] protocol
# Generated data: this tests the method against our generator, not the field, and how skilled a
# forger is was our choice. Nobody trains a network for each new customer, so the test is on
# **writers never seen**: pairs of two genuine signatures, or of a genuine and a forged one. The
# threshold is put where both errors are equally frequent: genuine pairs refused (*false rejects*)
# and forgeries accepted (*false accepts*). To choose it on the test writers would be to look at the
# answers. A forgery is nobody's signature, so in training it gets a label of its own.

# %% train-signatures
labels = torch.where(seen.genuine, seen.writers, 1000 + torch.arange(len(seen)))


def by_writer(rng):
    """Batches of 20 writers with all their signatures, genuine and forged."""
    for writers in rng.permutation(200).reshape(10, 20):
        rows = (8 * writers[:, None] + np.arange(8)).ravel()
        yield seen.images[rows, None], labels[rows]


net = ConvEncoder(dim=32, channels=16, random_state=0)
history = train(net, ContrastiveLoss(1.0), by_writer, epochs=10, lr=2e-3, progress=False)


# %% errors
def measured(data, net=None, **kind):
    """Distances of pairs of signatures, by the network or by pixels, and which are genuine."""
    Z = data.images.flatten(1) if net is None else embed(net, data.images[:, None])
    pairs, same = signature_pairs(data, **kind)
    return (Z[pairs[:, 0]] - Z[pairs[:, 1]]).norm(dim=1), same


# %% thresholds
others = signatures(writers=50, genuine=6, forgeries=6, first_writer=300, device="cpu")
d, same = measured(strangers, net)
refused, accepted = {}, {}
for name, data in [("trained on", seen), ("neither", others)]:
    threshold = equal_error_rate(*measured(data, net)).threshold
    refused[name] = (d > threshold)[same].double().mean()
    accepted[name] = (d <= threshold)[~same].double().mean()

# %% threshold-claims
difference = refused["trained on"] - refused["neither"]
report("genuine refused, trained on minus others", difference, above=0.1)
report("threshold from others: genuine refused", refused["neither"], below=0.45)
report("threshold from others: skilled forgeries accepted", accepted["neither"], below=0.45)

# %% [markdown] read-errors
# A network knows the writers it was trained on too well: their distances are small, and so is the
# threshold that suits them. It refuses about half of the strangers' genuine pairs, and accepts few
# forgeries. The threshold has to come from writers used for nothing else; then both rates are about
# a third. **Exercise 10.5** asks for such a test.
#
# The value at which both rates are equal is the **equal error rate**, one number to compare methods
# by. How does it depend on the forger?

# %% skill
skills = (0.0, 0.25, 0.5, 0.75, 1.0)
rates = []
for skill in skills:
    data = signatures(50, 6, 6, first_writer=200, skill=skill, device="cpu")
    rates.append([equal_error_rate(*measured(data, n)).rate for n in (net, None)])
strangers_only = {"genuine": None, "skilled": 0, "random": 15}
random_forgery = [equal_error_rate(*measured(data, n, **strangers_only)).rate for n in (net, None)]

# %% skill-figure
fig, ax = canvas(size=(7, 3.4))
for column, style, name in [(0, "o-", "network"), (1, "s--", "pixels")]:
    values = [random_forgery[column], *(rate[column] for rate in rates)]
    (line,) = ax.plot(skills, values[1:], style, label=name)
    ax.plot(-0.2, values[0], style[0], color=line.get_color())
ax.set_xticks([-0.2, *skills], ["another's", *skills])
ax.set(title="Writers never seen: the better the forger, the more errors", ylim=(0, 0.55))
ax.set(xlabel="another person's signature, or skill of the forger", ylabel="equal error rate")
ax.legend()
show(
    fig,
    alt="Equal error rate on writers never seen, against the skill of the forger. Another person's "
    "signature, at the left: the network far below pixels. Skilled forgeries: both rise with "
    "skill, to nearly one half at skill 1; the network is below pixels.",
)

# %% skill-claims
report("another person's signature, network", random_forgery[0], below=0.15)
report("another person's signature, pixels", random_forgery[1], above=0.2)

# %% [markdown] read-skill
# Another person's signature is told apart nine times in ten. Half-skilled forgers cost a third of
# the decisions, with pixels more. At skill 1 the generator's forger writes as the writer does, and
# no method can do better than a half.
#
# ## A class from one drawing
#
# A classifier with 160 outputs cannot know a 161st class. An embedding can: store one drawing of
# each new character, and give a query the label of the nearest. 160 characters for training, 40
# others, by other hands, for the test (generated data, as above):

# %% characters
known = stroke_characters(160, 10, device="cpu")
new = stroke_characters(40, 10, first_class=200, writers=range(20, 30), device="cpu")
encoder = ConvEncoder(dim=32, channels=16, blocks=3, random_state=0)
batches = balanced_batches(known.images[:, None], known.labels, classes=20, samples=6)
history = train(encoder, ContrastiveLoss(1.0), batches, epochs=12, lr=2e-3, progress=False)


# %% one-shot
def one_shot(Z, labels, ways, rng):
    """Store one example of each class, ask about another: the share of right answers."""
    classes = rng.choice(labels.unique().numpy(), ways, replace=False)
    two = [rng.choice(np.flatnonzero(labels == c), 2, replace=False) for c in classes]
    stored, asked = np.array(two).T
    return (torch.cdist(Z[asked], Z[stored]).argmin(1) == torch.arange(ways)).double().mean()


def mean_one_shot(Z, labels, ways, runs=200):
    rng = np.random.default_rng(0)
    return np.mean([one_shot(Z, labels, ways, rng) for _ in range(runs)])


# %% one-shot-rates
learned = mean_one_shot(embed(encoder, new.images[:, None]), new.labels, 20)
pixels = mean_one_shot(new.images.flatten(1), new.labels, 20)
report("right among 20 classes, learned", learned, above=0.45)
report("right among 20 classes, pixels", pixels, below=0.3)

# %% [markdown] read-one-shot
# By chance 1 in 20 would be right. Pixels find about a fifth, the embedding more than half, and no
# weight has changed. **Exercise 10.4** asks for this classifier.

# %% [markdown] breaks
# ## Where this breaks
#
# **Few classes.** Trained on the digits 0 to 6 alone, an embedding is *worse* than raw pixels at
# telling 7, 8 and 9 apart: it has learned to ignore what does not separate the seven.

# %% few
seven, _ = follow(y < 7, dim=16)
three = y >= 7
learned = mean_one_shot(embed(seven, X[three]), y[three], 3)
pixels = mean_one_shot(X[three], y[three], 3)
report("7, 8 or 9: pixels right minus learned right", pixels - learned, above=0)

# %% [markdown] breaks-more
# **The margin is absolute.** Some classes are wide, some narrow; one $m$ for all. Chapter 11 asks
# only who is nearer.
#
# **Most pairs teach nothing.** In a batch of many classes nearly all pairs are dissimilar, and most
# of them are soon beyond the margin. The mean over all pairs then hardly moves the network.
#
# **Only similar pairs.** Without dissimilar ones the best network is a constant.
#
# **A leak.** A threshold chosen on test writers, or a writer on both sides, makes any rate look
# better. **Exercise 10.5** asks for the honest way.

# %% [markdown] summary
# ## Summary
#
# - One network, used twice, in one pass: that is a Siamese network.
# - Pull $d$, push $[m - d]_+$; the hinge is on $d$, not on $d^2$. Say `same`, not 0 or 1.
# - Beyond the margin a dissimilar pair has no gradient: its distance stops growing.
# - Verification: three groups of writers, for training, threshold and test; both error rates.
# - New classes need no training, but the embedding needs many old ones.

# %% calibration
calibration("10")

# %% [markdown] next
# **Now do the exercises.** Type `dmlcourse start 10` in a terminal, and open
# `work/10_siamese.ipynb`: 15 points, about 100 minutes.

# %% [markdown] references
# ## References
#
# - J. Bromley, I. Guyon, Y. LeCun, E. Säckinger, R. Shah (1993). Signature verification using a
#   "Siamese" time delay neural network. NeurIPS 6, 737–744.
#   [proceedings.neurips.cc](https://proceedings.neurips.cc/paper/1993/hash/288cc0ff022877bd3df94bc9360b9c5d-Abstract.html)
# - S. Chopra, R. Hadsell, Y. LeCun (2005). Learning a similarity metric discriminatively, with
#   application to face verification. CVPR, 539–546.
#   [doi:10.1109/CVPR.2005.202](https://doi.org/10.1109/CVPR.2005.202)
# - R. Hadsell, S. Chopra, Y. LeCun (2006). Dimensionality reduction by learning an invariant
#   mapping. CVPR, 1735–1742. [doi:10.1109/CVPR.2006.100](https://doi.org/10.1109/CVPR.2006.100)
# - J. Hu, J. Lu, Y.-P. Tan (2014). Discriminative deep metric learning for face verification in the
#   wild. CVPR, 1875–1882. [doi:10.1109/CVPR.2014.242](https://doi.org/10.1109/CVPR.2014.242)
# - S. Dey, A. Dutta, J. I. Toledo, S. K. Ghosh, J. Lladós, U. Pal (2017). SigNet: convolutional
#   Siamese network for writer independent offline signature verification.
#   [arXiv:1707.02131](https://arxiv.org/abs/1707.02131)
