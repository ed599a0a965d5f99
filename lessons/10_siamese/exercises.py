# %% [markdown] title
# # 10 · Exercises: Siamese networks
#
# Five answers, 15 points, about 100 minutes. They belong to `chapters/10_siamese.ipynb`.
#
# Write each answer in its cell and run the cell below it. The check shows the smallest case that
# fails and says what your answer did. It never shows the solution.

# %% [markdown] remark solutions
# **This notebook holds the worked answers**, each with a closing remark. It is worth more after you
# have tried.

# %% given imports
import numpy as np
import torch
from torch import nn

from dmlcourse.checks import check, hint


# %% exercise 10.1
def contrastive_loss(x1, x2, same, margin):
    d = torch.linalg.vector_norm(x1 - x2, dim=1)
    pull = d**2 / 2
    push = (margin - d).clamp(min=0) ** 2 / 2
    return torch.where(same, pull, push).mean()


# %% [markdown] remark 10.1
# Both costs end smoothly: the pull at distance zero, the push at the margin. A dissimilar pair
# beyond it has no gradient at all, so the loss does not drive classes apart for ever. Only the
# root in $d$ is dangerous. `vector_norm` takes its slope at zero for zero, where a root of your own
# gives NaN.


# %% exercise 10.2
class SiameseNetwork(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x1, x2):
        z1, z2 = self.encoder(torch.cat([x1, x2])).chunk(2)
        return torch.linalg.vector_norm(z1 - z2, dim=1)


# %% [markdown] remark 10.2
# To share weights is to use one module twice; nothing is tied or copied, and autograd adds up what
# arrives from both branches. The single pass is for BatchNorm. Take second inputs that are all
# brighter than the first: with a pass for each, the network in training never sees the difference,
# and in eval mode it does.


# %% exercise 10.3
def mean_distances(Z, y):
    i, j = np.triu_indices(len(Z), 1)
    distances = np.sqrt(((Z[i] - Z[j]) ** 2).sum(axis=1))
    same = y[i] == y[j]
    similar = distances[same].mean() if same.any() else np.nan
    dissimilar = distances[~same].mean() if not same.all() else np.nan
    return similar, dissimilar


# %% [markdown] remark 10.3
# One curve alone says little: embeddings twice as long double both, and a network that maps all
# images to one place brings the similar pairs to zero as well. A mean also hides how wide the
# distances spread: two means may be far apart while many pairs of both kinds overlap.


# %% exercise 10.4
def one_shot(Z_support, y_support, Z_query):
    squared = ((Z_query[:, None] - Z_support) ** 2).sum(axis=2)
    return y_support[squared.argmin(axis=1)]


# %% [markdown] remark 10.4
# Nothing in these two lines knows how many classes there are. A new class is a new row of
# `Z_support`, and no weight changes. What it needs is a network whose distances mean something for
# classes it was not trained on. With several examples a class, one can compare with their mean
# (Snell et al. 2017).


# %% exercise 10.5
def verify(train_distances, train_same, test_distances, test_same):
    def rates(distances, same, t):
        return (distances[~same] <= t).mean(), (distances[same] > t).mean()

    for t in np.sort(train_distances):
        false_accepts, false_rejects = rates(train_distances, train_same, t)
        if false_accepts >= false_rejects:
            break
    return t, *rates(test_distances, test_same, t)


# %% [markdown] remark 10.5
# A threshold is learned from data, as a weight is. On the test writers the two rates are seldom
# equal. Who reports the equal error rate of the test pairs has chosen the threshold with their
# labels: that number says how well the distance sorts pairs, not how often the finished system
# errs.
