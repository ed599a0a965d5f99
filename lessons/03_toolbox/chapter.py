# %% [markdown] title
# # 03 · The optimiser's toolbox: how does one search among all metrics?
#
# A learned metric is the best point of a set of matrices. This chapter collects the tools that find
# it: projections, steps with and without gradients, eigenvectors, and search in the dark.

# %% [markdown] objectives
# **After this chapter you can**
#
# - say what a projection onto a convex set is, why there is only one, and what it costs;
# - walk between two sets, and correct the walk so that it ends at the nearest point of both;
# - take a projected gradient step, and say what replaces the gradient at a kink;
# - measure with a divergence that keeps matrices inside the cone;
# - read PCA and LDA as one trace problem, and search where no gradient exists.
#
# **Needs** chapter 02. **Costs** about 40 minutes to read, 10 seconds on two cores, 0.4 GB of
# memory, no download. The exercises take another 120 minutes.

# %% imports
import numpy as np

from dmlcourse.benches import calibration, predict, projections_bench
from dmlcourse.data import load, standardise
from dmlcourse.figures import axes_equal, canvas, classes, show
from dmlcourse.geometry import dykstra, project_psd, projected_gradient

# %% [markdown] recipe
# ## The recipe
#
# Most of Part II has one form: an objective that says how good $M$ is, and a set in which $M$ must
# stay. The set is an intersection: the cone of chapter 02, and conditions such as "similar pairs
# stay within a budget", $\langle A, M \rangle \le 1$. All of these are **convex**: with two points
# they hold the segment between them.
#
# ## The nearest point
#
# For a closed convex set $K$ each point $x$ has a nearest point $\Pi(x)$ in $K$, and **only one**:
# between two nearest points the middle would be nearer still. A printed text leaves this out.
# $\Pi(x)$ is recognised by an angle: seen from it, no point of $K$ lies towards $x$,
#
# $$\langle x - \Pi(x),\; z - \Pi(x) \rangle \le 0 \quad \text{for all } z \in K.$$

# %% angle-test
rng = np.random.default_rng(0)
x = np.array([[1.0, 2.0], [2.0, 1.0]])  # eigenvalues 3 and -1
P = project_psd(x)
factors = rng.normal(size=(1000, 2, 2))
others = factors.transpose(0, 2, 1) @ factors  # a thousand points of the cone
products = ((x - P) * (others - P)).sum(axis=(1, 2))
print("none lies towards x:", (products <= 1e-9).all())

# %% [markdown] halfspace
# ## The cheapest projection
#
# A half-space $\{z : \langle a, z \rangle \le b\}$. Inside, nothing is to be done. Outside, walk
# against $a$ until the border:
#
# $$\Pi(x) = x - \frac{\langle a, x \rangle - b}{\lVert a \rVert^2}\, a.$$
#
# With $a = (1, 2)$, $b = 2$ and $x = (3, 2)$: $\langle a, x \rangle = 7$ is 5 too much,
# $\lVert a \rVert^2 = 5$, so $x$ moves by one whole $a$, to $(2, 0)$.

# %% halfspace-in-numbers
from dmlcourse.geometry import project_halfspace

a, b = np.array([1.0, 2.0]), 2.0
for x in [np.array([3.0, 2.0]), np.array([1.0, 0.0])]:
    print(x, "goes to", project_halfspace(x, a, b))

# %% [markdown] costs
# For a $d \times d$ matrix this takes a multiple of $d^2$ operations. The cone needs all
# eigenvectors: a multiple of $d^3$. At $d = 1000$ that is a thousand times as many, so a good
# algorithm projects onto the cone rarely. **Exercises 03.1 and 03.1b.**
#
# ## Two sets at once
#
# Projecting onto each set in turn leads to a point of both (Cheney and Goldstein 1959). Take the
# half-planes $y \le 0$ and $x + y \le 0$.

# %% two-sets
down, slope = np.array([0.0, 1.0]), np.array([1.0, 1.0])
sets = [lambda z: project_halfspace(z, down, 0.0), lambda z: project_halfspace(z, slope, 0.0)]
start = np.array([2.0, 1.0])

# %% predict-alternate jupyter={"source_hidden": true}
predict(
    "03.alternate",
    "Start at (2, 1). Project onto y ≤ 0, then onto x + y ≤ 0, and repeat. Where does it end?",
    options=["(0, 0)", "(1, −1)", "(½, −½)"],
    answer="(1, −1)",
    why="(2, 1) goes to (2, 0), then to (1, −1). That lies in both sets, so nothing moves any "
    "more. But (½, −½) lies in both sets too, and nearer to (2, 1).",
)

# %% walk
from dmlcourse.geometry import alternating_steps, dykstra_steps

steps = alternating_steps(start, sets)
alternating = np.array([start] + [next(steps) for _ in range(4)])
steps = dykstra_steps(start, sets)
corrected = np.array([start] + [next(steps) for _ in range(30)])
for name, end in [("alternating", alternating[-1]), ("corrected", corrected[-1])]:
    print(f"{name:11} ends at {end.round(3)}, {np.linalg.norm(end - start):.3f} from the start")

# %% walk-figure
fig, ax = canvas(size=(5.2, 4.2))
axes_equal(ax, 1.9, (0.9, -0.2))
ax.fill([-3, 0, 4, -3], [0, 0, -4, -4], color="#56b4e9", alpha=0.3)
for path, look, name in [(alternating, "o-", "alternating"), (corrected, "^--", "corrected")]:
    ax.plot(*path.T, look, label=name)
ax.set_title("Two half-planes, two walks from (2, 1)")
ax.legend(loc="upper left")
show(
    fig,
    alt="The region common to both half-planes is shaded. The alternating walk goes down to (2, 0) "
    "and then to (1, -1). The corrected walk does the same, then goes up to (1, 0) and down to "
    "(0.5, -0.5), which is nearer to the start.",
)

# %% [markdown] dykstra
# Alternating projections end at **a** point of both sets, in general not the nearest. Dykstra's
# correction (Boyle and Dykstra 1986) repairs that. Each set $i$ has a correction $p_i$, 0 at first.
# When its turn comes, what it took away last time is given back before it projects:
#
# $$w = z + p_i, \qquad z \leftarrow \Pi_i(w), \qquad p_i \leftarrow w - z.$$
#
# The new correction already contains the old one: it is assigned, not added up.

# %% dykstra-library
walk = dykstra_steps(start, sets)
walked = [next(walk) for _ in range(4)]
print("first four:", *(z.round(2) for z in walked))
print("the end:   ", dykstra(start, sets).round(3))

# %% [markdown] read-dykstra
# The second set gives back what it took, and the walk leaves (1, −1) again. **Exercises 03.2 and
# 03.3** build both walks, for half-spaces and a number of rounds.
#
# ## Drag the eigenvalues through zero
#
# On the bench, $A = \mathrm{diag}(\lambda_1, \lambda_2)$ meets the cone and a budget. Raise
# $\lambda_2$ through zero and watch the ball of $A$. Raise the weight in the budget to 0: do the
# two walks still end apart? At weight 1, count the projections that both need now.

# %% bench
projections_bench()

# %% [markdown] gradient
# ## Steps
#
# **Projected gradient:** step against the gradient, then project. The order matters: projected
# first, the step may leave the set again. An example with both kinds of sets: let $S_w$ and $S_b$
# be the scatter of iris within and between its species. Find the $M \succeq 0$ with $\langle S_b,
# M \rangle \ge 1$ that makes $\langle S_w, M \rangle$ small:

# %% iris
iris = load("iris")
X, y = standardise(iris.X), iris.y  # (150, 4)
means = np.array([X[y == c].mean(0) for c in range(3)])
S_w = (X - means[y]).T @ (X - means[y]) / 150
S_b = means[y].T @ means[y] / 150
print("together they are the whole scatter:", np.allclose(S_w + S_b, X.T @ X / 150))

# %% projected-gradient
both = [lambda M: project_halfspace(M, -S_b, -1.0), project_psd]
found = projected_gradient(
    value=lambda M: (S_w * M).sum() + 0.01 * (M**2).sum(),
    gradient=lambda M: S_w + 0.02 * M,
    project=lambda M: dykstra(M, both),
    x=np.eye(4),
)
between = (S_b * found.x).sum()
print(f"between {between:.2f}, within {(S_w * found.x).sum():.2f}")
print("rank", np.linalg.matrix_rank(found.x, tol=1e-4))

# %% [markdown] read-gradient
# One direction takes everything: $M$ has rank one, as is usual when a linear objective meets one
# linear condition. The identity, scaled to the same between, has a within of 0.38. **Exercise
# 03.4** builds the step for diagonal metrics, whose cone is $x \ge 0$ (Goldstein 1964).
#
# **L-BFGS** needs no projection, so it works on $L$. It keeps the last steps and how the gradient
# changed over each of them, and bends the next step by this memory: curvature without a matrix of
# second derivatives (Nocedal 1980). Chapter 05 uses it.
#
# **At a kink**, as in $[z]_+ = \max(0, z)$ at 0, there is no gradient. A **subgradient** $g$ is the
# slope of any line that touches the function from below: $f(z) \ge f(x) + \langle g, z - x
# \rangle$. A step against it can *raise* the value:

# %% predict-kink jupyter={"source_hidden": true}
predict(
    "03.kink",
    "f(x, y) = |x| + 2|y| at (1, 0). g = (1, 2) is a subgradient there. "
    "What happens to f after a small step against g?",
    options=["f falls", "f rises", "f stays"],
    answer="f rises",
    why="At (1 − t, −2t) the value is 1 − t + 4t = 1 + 3t. Still the step comes nearer to the "
    "minimum at (0, 0), and that is why the method works, with steps that shrink.",
)

# %% [markdown] sdp
# A linear objective over linear conditions and the cone is a **semidefinite program** (Vandenberghe
# and Boyd 1996). General solvers reach any precision, but one of their steps costs up to the cube
# of the number of unknowns. At $d = 100$ these are 5,050. The methods of the next chapters are made
# for their problem.
#
# ## Another way to be near
#
# Every smooth, strictly convex $\varphi$ gives a **Bregman divergence** (Bregman 1967), what is
# left of $\varphi$ above its tangent: $D(M, N) = \varphi(M) - \varphi(N) - \langle \nabla
# \varphi(N), M - N \rangle$. From $\tfrac12 \lVert M \rVert^2$ comes half the squared distance;
# from $-\log \det M$ comes **LogDet**, for positive definite matrices:
#
# $$D_{\ell d}(M, N) = \mathrm{tr}(MN^{-1}) - \log \det (MN^{-1}) - d.$$

# %% barrier
from dmlcourse.geometry import logdet_divergence, project_logdet

for s in [0.1, 0.01, 0.001, 0.0001]:
    M = np.diag([1.0, s])
    frobenius = ((M - np.eye(2)) ** 2).sum() / 2
    print(f"λ₂ = {s:<7} ½‖M−I‖² {frobenius:.2f}   LogDet {logdet_divergence(M, np.eye(2)):.2f}")

# %% [markdown] read-barrier
# The squared distance hardly notices the border of the cone. LogDet grows without bound towards it,
# and counts as infinite outside: a path along which it stays finite cannot leave the cone, and no
# eigenvector is needed to stay. Projected by LogDet, $M$ moves onto $v^\top M v = b$ in closed
# form, by a matrix of rank one:

# %% logdet-projection
M, v, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([1.0, -1.0]), 0.5
p = v @ M @ v
by_hand = M + (b - p) / p**2 * np.outer(M @ v, M @ v)
print("on the constraint:", np.isclose(v @ by_hand @ v, b))
print("the library agrees:", np.allclose(by_hand, project_logdet(M, v, b)))

# %% [markdown] trace
# ITML (chapter 06) is made of this step. **Exercise 03.6.**
#
# ## When eigenvectors are the answer
#
# Some problems need no steps at all. Maximise $\mathrm{tr}(L A L^\top)$ under $L B L^\top = I$: the
# rows of $L$ are the eigenvectors of largest $\lambda$ in $A\ell = \lambda B \ell$. With the
# covariance and $B = I$ that is **PCA** (Pearson 1901); with $A = S_b$, $B = S_w$ it is **LDA**
# (Fisher 1936).

# %% trace-problems
from dmlcourse.geometry import lda, pca, trace_maximiser

L_pca = trace_maximiser(X.T @ X / 150, 2)
L_lda = trace_maximiser(S_b, 2, S_w)
print("PCA:", np.allclose(L_pca, pca(X, 2)), " LDA:", np.allclose(L_lda, lda(X, y, 2)))

# %% trace-figure
fig, (left, right) = canvas(2, size=(9, 3.6))
classes(left, X @ L_pca.T, y, iris.class_names)
classes(right, X @ L_lda.T, y, iris.class_names)
left.set_title("Iris by PCA: no label was used")
right.set_title("Iris by LDA: species apart")
show(
    fig,
    alt="Left: iris by PCA, one species apart, the other two mixed at their border. Right: iris by "
    "LDA: one species far from the other two, which touch.",
)

# %% [markdown] dark
# **Exercises 03.5 and 03.5b.** Note the word *within*: the eigenvectors of $S_b$ alone ignore how
# wide each class is.
#
# ## Search in the dark
#
# What if the objective is the 1-NN error itself? It counts, so it is a staircase: the gradient is
# zero almost everywhere. Three methods only ask for values. **Annealing** walks at random and
# accepts a worse place less and less often (Kirkpatrick et al. 1983). A **swarm** of points is
# drawn to the best places found (Kennedy and Eberhart 1995). An **evolution strategy** draws a
# cloud, keeps the better half, and learns the cloud's shape (Hansen and Ostermeier 2001).

# %% search-imports
from dmlcourse.geometry import (
    evolution_strategy,
    one_nn_error,
    particle_swarm,
    simulated_annealing,
)

# %% search
wine = load("wine")
Xw, yw = standardise(wine.X), wine.y
first = pca(Xw, 2)  # (2, 13): 26 numbers to find, from here
ask = {"annealing": simulated_annealing, "swarm": particle_swarm, "evolution": evolution_strategy}
runs = {
    name: method(
        lambda L: one_nn_error(L, Xw, yw), first, sigma=0.1, evaluations=400, random_state=0
    )
    for name, method in ask.items()
}
print({name: run.value < one_nn_error(first, Xw, yw) for name, run in runs.items()})

# %% search-figure
fig, ax = canvas(size=(6.2, 3.4))
for (name, run), line in zip(runs.items(), ["-", "--", ":"], strict=True):
    ax.plot(run.history, line, label=name)
ax.axhline(one_nn_error(lda(Xw, yw, 2), Xw, yw), color="black", lw=1, label="LDA, no search")
ax.set(xlabel="evaluations", ylabel="1-NN error", title="Wine in two dimensions")
ax.legend()
show(
    fig,
    alt="The lowest error found so far against evaluations. All three searches fall in stairs from "
    "about 5 % to the horizontal line of LDA, at 0.6 %, and below it.",
)

# %% [markdown] read-search
# All three improve on PCA with 400 questions. Each question costs a whole pass over the data, and
# the number of questions grows fast with the number of unknowns: this is for small problems, or for
# the last few knobs of a large one. LDA comes within one wine of that with two eigenvectors.
#
# ## Where this breaks
#
# **A searched error is no error rate.** The search saw all labels. Search on one half of the wines
# and count on the other:

# %% held-out
half, rest = slice(0, None, 2), slice(1, None, 2)
seen = evolution_strategy(
    lambda L: one_nn_error(L, Xw[half], yw[half]), first, sigma=0.1, evaluations=400, random_state=0
)
errors = [one_nn_error(seen.x, Xw[part], yw[part]) for part in (half, rest)]
print("more errors on the half that the search did not see:", errors[0] < errors[1])

# %% [markdown] breaks
# **Slow corners.** Alternating and corrected walks crawl where two sets meet at a small angle, and
# a corrected walk can seem to stand still for many rounds before it moves on. A stop rule has to
# look at the corrections too (after Birgin and Raydan 2005).
#
# **Empty intersections.** If no point satisfies all sets, the walk goes back and forth for ever;
# the library says so in its warning. **Scale.** One step length for features of unlike units is
# too long for one and too short for another: standardise first.

# %% [markdown] summary
# ## Summary
#
# - The projection onto a closed convex set exists, is unique, and is known by an angle.
# - Walking between sets reaches a common point; with Dykstra's correction, the nearest.
# - Step, then project. At a kink take any subgradient, and let the steps shrink.
# - LogDet grows without bound at the border of the cone: a path that respects it stays inside.
# - PCA and LDA maximise a trace, by eigenvectors. Without gradients, search, and test elsewhere.

# %% calibration
calibration("03")

# %% [markdown] next
# **Now do the exercises.** Type `dmlcourse start 03` in a terminal, and open
# `work/03_toolbox.ipynb`: eight functions, 22 points, about 120 minutes.

# %% [markdown] references
# ## References
#
# - J. P. Boyle, R. L. Dykstra (1986). A method for finding projections onto the intersection of
#   convex sets in Hilbert spaces. Lecture Notes in Statistics 37, 28–47.
#   [doi:10.1007/978-1-4613-9940-7_3](https://doi.org/10.1007/978-1-4613-9940-7_3)
# - E. G. Birgin, M. Raydan (2005). Robust stopping criteria for Dykstra's algorithm. SIAM Journal
#   on Scientific Computing 26, 1405–1414.
#   [doi:10.1137/03060062X](https://doi.org/10.1137/03060062X)
# - L. M. Bregman (1967). The relaxation method of finding the common point of convex sets. USSR
#   Computational Mathematics and Mathematical Physics 7, 200–217.
#   [doi:10.1016/0041-5553(67)90040-7](https://doi.org/10.1016/0041-5553(67)90040-7)
# - W. Cheney, A. A. Goldstein (1959). Proximity maps for convex sets. Proceedings of the American
#   Mathematical Society 10, 448–450.
#   [doi:10.1090/S0002-9939-1959-0105008-8](https://doi.org/10.1090/S0002-9939-1959-0105008-8)
# - R. A. Fisher (1936). The use of multiple measurements in taxonomic problems. Annals of Eugenics
#   7, 179–188.
#   [doi:10.1111/j.1469-1809.1936.tb02137.x](https://doi.org/10.1111/j.1469-1809.1936.tb02137.x)
# - A. A. Goldstein (1964). Convex programming in Hilbert space. Bulletin of the American
#   Mathematical Society 70, 709–710.
#   [doi:10.1090/S0002-9904-1964-11178-2](https://doi.org/10.1090/S0002-9904-1964-11178-2)
# - N. Hansen, A. Ostermeier (2001). Completely derandomized self-adaptation in evolution
#   strategies. Evolutionary Computation 9, 159–195.
#   [doi:10.1162/106365601750190398](https://doi.org/10.1162/106365601750190398)
# - J. Kennedy, R. Eberhart (1995). Particle swarm optimization. Proceedings of ICNN'95, 1942–1948.
#   [doi:10.1109/ICNN.1995.488968](https://doi.org/10.1109/ICNN.1995.488968)
# - S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi (1983). Optimization by simulated annealing. Science
#   220, 671–680. [doi:10.1126/science.220.4598.671](https://doi.org/10.1126/science.220.4598.671)
# - J. Nocedal (1980). Updating quasi-Newton matrices with limited storage. Mathematics of
#   Computation 35, 773–782.
#   [doi:10.1090/S0025-5718-1980-0572855-7](https://doi.org/10.1090/S0025-5718-1980-0572855-7)
# - K. Pearson (1901). On lines and planes of closest fit to systems of points in space.
#   Philosophical Magazine 2, 559–572.
#   [doi:10.1080/14786440109462720](https://doi.org/10.1080/14786440109462720)
# - L. Vandenberghe, S. Boyd (1996). Semidefinite programming. SIAM Review 38, 49–95.
#   [doi:10.1137/1038003](https://doi.org/10.1137/1038003)
