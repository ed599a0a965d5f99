"""11.5, what a training run has come to, from its curves alone."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...observing import Case, Function
from ..budget import Arrays
from ..making import Rng, cases_of, ways
from ..spec import Complaint, Exercise, Mistake, Variant

Answer = Callable[..., Any]
Part = slice
Rule = Callable[[Any], Any]

NAMES = ("no triplets", "collapsed", "solved", "learning", "not learning")
# Up to such a share of the margin is a loss at the margin; below such a share of active triplets
# nothing is left to learn; by such a share at least the loss falls while a network learns.
NEAR, FEW, FALL = 0.001, 0.01, 0.05


def _over_all(k: Any, part: Part) -> Any:
    """The mean hinge over all triplets of some epochs together."""
    counted = k.active if k.average == "active" else k.triplets
    return (k.losses * counted)[part].sum() / k.triplets[part].sum()


def _all_active(k: Any, part: Part) -> np.ndarray:
    return (k.active == k.triplets)[part]


def _at_the_margin(k: Any, part: Part, near: float = NEAR) -> np.ndarray:
    return (np.abs(k.losses - k.margin) <= near * k.margin)[part]


def _fell(k: Any, level: Callable[[Any, Part], Any] = _over_all) -> Any:
    return level(k, k.end) <= (1 - FALL) * level(k, k.before)


RULES: dict[str, Rule] = {
    "no triplets": lambda k: k.triplets[k.end].sum() == 0,
    "collapsed": lambda k: (_all_active(k, k.end) & _at_the_margin(k, k.end)).all(),
    "solved": lambda k: k.active[k.end].sum() < FEW * k.triplets[k.end].sum(),
    "learning": _fell,
}
Window = Callable[[Any], Part]
WINDOWS: dict[str, Window] = {
    "end": lambda k: slice(-k.last, None),
    "before": lambda k: slice(-2 * k.last, -k.last),
}


def _made(average: str, rules: dict[str, Rule], windows: dict[str, Window] = WINDOWS) -> Answer:
    """The name of the first rule that holds."""

    def name_the_run(losses, active, triplets, margin, last):
        k = SimpleNamespace(
            losses=losses, active=active, triplets=triplets, margin=margin, last=last
        )
        k.average = average
        for name, window in windows.items():
            setattr(k, name, window(k))
        return next((name for name, holds in rules.items() if holds(k)), "not learning")

    return name_the_run


# ---------------------------------------------------------------- the cases


def _steps(*parts: tuple[float, int]) -> np.ndarray:
    """A curve with a value for so many epochs, then the next."""
    return np.repeat([value for value, _ in parts], [epochs for _, epochs in parts])


def _cases(rng: Rng, variant: Variant) -> list[Case]:
    """Runs of known shares of active triplets, and of known open hinges, in margins."""
    named = cases_of("losses", "active", "triplets", "margin", "last")
    some_margin = float(rng.choice([0.1, 0.3, 0.4]))

    def run(
        name: str,
        shares: Any,
        hinges: Any,
        margin: float,
        last: int,
        *,
        number: int = 1000,
        jitter: float = 0,
        empty: Any = (),
        group: str = "names",
    ) -> Case:
        epochs = np.broadcast_shapes(np.shape(shares), np.shape(hinges))
        triplets = np.full(epochs, number)
        triplets[list(empty)] = 0
        active = np.rint(shares * triplets).astype(int)
        open_ones = margin * hinges * (1 + jitter * rng.uniform(-1, 1, epochs))
        losses = np.where(active > 0, open_ones, 0)
        if variant["average"] == "all":
            losses = losses * active / np.maximum(triplets, 1)
        return named(name, losses, active, triplets, margin, last, group=group)

    def short(
        name: str, shares: Any, hinges: Any, margin: float = some_margin, last: int = 1, **more: Any
    ) -> Case:
        """A run of two or four epochs, which can be printed."""
        curves = np.array(shares, float), np.array(hinges, float)
        return run(name, *curves, margin, last, **more)

    def long(
        name: str, shares: Any, hinges: Any, margin: float = some_margin, last: int = 5, **more: Any
    ) -> Case:
        more = {"jitter": 2e-4, "number": int(rng.integers(900, 1100)) * 100} | more
        return run(name, shares, hinges, margin, last, **more)

    def falling(start: float, stop: float, epochs: int = 20) -> np.ndarray:
        return np.geomspace(start, stop, epochs)

    edge = dict[str, Any](group="edge")
    # So open are the hinges of a run whose loss is the margin though a few triplets are satisfied.
    nearly = 1 / 0.995 if variant["average"] == "all" else 1.0
    ones, few = np.ones(20), 0.004
    first = [
        short("every triplet active at last", [0.8, 1], [1.25, 1], 0.2),
        short("half as many active", [1, 0.5], [1, 1], 0.2),
        short("no triplet at last", [0.5, 0.5], [1, 1], 0.5, empty=[1]),
        short("no active triplet at last", [0.2, 0], [0.5, 0.5], 0.5),
        short("two in five active", [0.4, 0.4], [0.75, 0.75], 0.4),
    ]
    rest = [
        short("two in five active, each open by the margin", [0.4, 0.4], [1, 1], 0.2),
        short("half active, each open by two margins", [0.5, 0.5], [2, 2]),
        short("all active, the loss falls", [1, 1], [3, 2]),
        short("all active, a little above the margin", [1, 1], [1.03, 1.03], 0.5),
        short("all active, a little below the margin", [1, 1], [0.97, 0.97], 0.5),
        short("all active, far above the margin", [1, 1], [2.5, 2.5]),
        short("all active, a small margin", [1, 1], [1.015, 1.015], 0.02),
        short("nearly all active, at the margin", [0.995, 0.995], [nearly, nearly], 0.2),
        short("few active at last, and these wide open", [0.5, few], [3, 3], 1.0),
        short("many active, hardly open", [0.4, 0.4], [0.006, 0.006]),
        short("fewer active, and wider open", [0.8, 0.4], [0.9, 1.5]),
        short("fewer active, and open twice as wide", [0.8, 0.4], [0.5, 1]),
        short("as many active, and wider open", [0.5, 0.5], [0.6, 0.9]),
        short("a fall of three percent", [0.4, 0.4], [1, 0.97]),
        short("one in twenty active", [0.06, 0.045], [1, 1]),
        short("learned at first, at rest since", [0.9, 0.4, 0.4, 0.4], [0.8] * 4),
        short("few active since long", [0.5, few, few, few], [2] * 4),
        short("a good start, then the margin", [0.7, 0.5, 1, 1], [1.4, 0.9, 1, 1], last=2),
        short("at the margin, then away", [1, 1, 0.6, 0.3], [1, 1, 0.9, 0.9], 0.2, 2),
        short("at the margin in the last epoch", [0.5, 0.5, 0.5, 1], [1] * 4, last=2),
        short("at the margin but for the last epoch", [1] * 4, [1, 1, 1, 1.2], last=2),
        short("no triplet any more", [0.8, 0.4, 0.4, 0.4], [0.9] * 4, last=2, empty=[2, 3]),
        long("twenty epochs, fewer and fewer active", falling(0.9, 0.2), 1.0, 0.2),
        long("from above to the margin", _steps((0.9, 12), (1, 8)), _steps((1.8, 12), (1, 8)), 1.0),
        long("just now at the margin", ones, _steps((1.5, 15), (1, 5)), 0.2),
        long("at a large margin", ones, ones, 5.0, jitter=9e-4),
        long("twelve epochs, the last six", falling(0.9, 0.5, 12), 0.9, last=6),
        long("thirty epochs, the last three", falling(0.9, 0.05, 30), 1.0, last=3),
    ]
    edges = [
        long("collapsed for three epochs", _steps((0.5, 27), (1, 3)), 1.0, last=3, **edge),
        short("began without triplets", [0.9, 0.9, 0.7, 0.5], [0.8] * 4, empty=[0], **edge),
        short("at rest, one empty epoch", [0.018] * 4, [0.8] * 4, last=2, empty=[3], **edge),
        short("one empty epoch", [0.8, 0.6, 0.4, 0.4], [0.9] * 4, last=2, empty=[3], **edge),
        short(
            "one empty epoch, few active", [0.8, 0.6, few, few], [1] * 4, last=2, empty=[2], **edge
        ),
    ]
    # Whoever knows the order of the names still knows nothing of the run.
    order = sorted(rng.permutation(len(rest)), key=lambda i: len(rest[i].inputs["losses"]))
    return [*first, *(rest[i] for i in order), *edges]


def _digest(case: Case, values: Arrays) -> Arrays:
    """The name without spaces around it; whatever is no name is told the names."""
    found = values["result"]
    name = str(found).strip() if found.dtype.kind == "U" else None
    if name not in NAMES:
        listed = ", ".join(f'"{one}"' for one in NAMES)
        what = "something that is no text" if name is None else f'"{name[:40]}"'
        raise Complaint(f"Your answer returned {what}; asked is one of {listed}.")
    return {"result": np.array(name)}


def _budget(case: Case, expected: Arrays) -> Arrays:
    """A name has no rounding, and the cases keep away from the edges of the rules."""
    return {name: np.array(0.0) for name in expected}


# ---------------------------------------------------------------- the mistakes


def _wrong_collapses(having: Callable[..., Answer]) -> list[Mistake]:
    """The mistakes in what a collapse is."""

    def collapsed(when: Rule) -> Answer:
        return having({"collapsed": when})

    def all_and(holds: Callable[[Any], np.ndarray]) -> Answer:
        return collapsed(lambda k: _all_active(k, k.end).all() and holds(k)[k.end].all())

    def level(k: Any, share: float) -> Any:
        """Whether the loss stands still, up to such a share of it."""
        losses = k.losses[k.end]
        return np.ptp(losses) <= share * losses.mean() and losses.mean() > 0

    return [
        *ways(
            "a plateau taken for a collapse",
            "You call a run collapsed because its loss stands still, wherever that is. Where all "
            "embeddings lie at one point, the loss has one value.",
            collapsed(lambda k: level(k, 0.01)),
            collapsed(lambda k: level(k, 0.05)),
            collapsed(lambda k: level(k, 0.01) and _all_active(k, k.end).all()),
            collapsed(lambda k: np.std(k.losses[k.end]) < 0.01 * k.margin and level(k, 0.5)),
        ),
        *ways(
            "a margin of one's own",
            "You compare the loss with a fixed number. The margin of this run is an argument.",
            all_and(lambda k: np.abs(k.losses - 0.2) <= NEAR * 0.2),
            all_and(lambda k: np.abs(k.losses - 1) <= NEAR),
            all_and(lambda k: np.abs(k.losses - 0.5) <= NEAR * 0.5),
        ),
        *ways(
            "the loss alone",
            "You call a run collapsed because its loss is at the margin. Hinges of which some are "
            "closed can have that mean too: look at the number of active triplets.",
            collapsed(lambda k: _at_the_margin(k, k.end).all()),
            collapsed(lambda k: _at_the_margin(k, k.end, 0.01).all()),
            collapsed(lambda k: _at_the_margin(k, k.end, 0.05).all()),
            collapsed(lambda k: abs(k.losses[k.end].mean() - k.margin) <= NEAR * k.margin),
        ),
        *ways(
            "all active taken for a collapse",
            "You call a run collapsed because every triplet is active. So it is at the start of "
            "many runs, and with a wide margin for long: look at the loss too.",
            collapsed(lambda k: _all_active(k, k.end).all()),
            collapsed(lambda k: k.active[k.end].sum() >= 0.99 * k.triplets[k.end].sum()),
        ),
        *ways(
            "a tolerance without a unit",
            "You allow a fixed distance between loss and margin. For a small margin that is much, "
            "for a large one little: it is a share of the margin.",
            all_and(lambda k: np.abs(k.losses - k.margin) <= 0.001),
            all_and(lambda k: np.abs(k.losses - k.margin) <= 1e-4),
            all_and(lambda k: np.abs(k.losses - k.margin) < 0.01),
        ),
        *ways(
            "a wide tolerance",
            "A loss a few percent beside the margin counts as at the margin for you. Embeddings at "
            "one point leave no such rest.",
            all_and(lambda k: np.abs(k.losses - k.margin) <= 0.05 * k.margin),
            all_and(lambda k: np.abs(k.losses - k.margin) <= 0.1 * k.margin),
        ),
        *ways(
            "exactly the margin",
            "You ask for a loss equal to the margin to the last digit. A mean of many hinges is "
            "rounded, and embeddings come near one point and seldom meet in it.",
            all_and(lambda k: k.losses == k.margin),
            all_and(lambda k: np.isclose(k.losses, k.margin)),
        ),
        *ways(
            "on one side of the margin",
            "You call a run collapsed when its loss is not above the margin, or not below it. "
            "Both sides count.",
            all_and(lambda k: k.losses <= (1 + NEAR) * k.margin),
            all_and(lambda k: k.losses >= (1 - NEAR) * k.margin),
        ),
        *ways(
            "nearly all active",
            "You call a run collapsed though some triplets are satisfied. Where all embeddings "
            "lie at one point, no triplet is.",
            collapsed(
                lambda k: (
                    k.active[k.end].sum() >= 0.99 * k.triplets[k.end].sum()
                    and _at_the_margin(k, k.end).all()
                )
            ),
            collapsed(
                lambda k: ((k.active >= 0.95 * k.triplets)[k.end] & _at_the_margin(k, k.end)).all()
            ),
        ),
    ]


def _wrong_windows(having: Callable[..., Answer], average: str) -> list[Mistake]:
    """The mistakes in which epochs are asked."""
    ALL = slice(None)

    def in_windows(**windows: Window) -> Answer:
        return _made(average, RULES, WINDOWS | windows)

    def both(k: Any, part: Part) -> np.ndarray:
        return (_all_active(k, part) & _at_the_margin(k, part)) & (k.triplets[part] > 0)

    def of_whole_run(name: str) -> Answer:
        """One rule asked of the whole run, the others of its end."""
        return having({name: lambda k: RULES[name](SimpleNamespace(**(vars(k) | {"end": ALL})))})

    return [
        *ways(
            "the beginning",
            "You judge the run by its first epochs. A run may begin at the margin and leave it, or "
            "begin well and end there.",
            in_windows(end=lambda k: slice(k.last), before=lambda k: slice(k.last, 2 * k.last)),
            having({"collapsed": lambda k: both(k, slice(k.last)).all()}),
            having({"collapsed": lambda k: both(k, slice(1)).all()}),
        ),
        *ways(
            "once is enough",
            "You call a run collapsed because it was at the margin once. It is collapsed when it "
            "is so in each of the last epochs.",
            having({"collapsed": lambda k: both(k, ALL).any()}),
            having({"collapsed": lambda k: both(k, k.end).any()}),
        ),
        *ways(
            "the last epoch alone",
            "You judge by the last epoch, where `last` of them are to be asked.",
            in_windows(end=lambda k: slice(-1, None)),
            in_windows(end=lambda k: slice(-1, None), before=lambda k: slice(-2, -1)),
            having({"collapsed": lambda k: both(k, slice(-1, None)).all()}),
            in_windows(end=lambda k: slice(-1, None), before=lambda k: slice(-k.last - 1, -k.last)),
        ),
        *ways(
            "the whole run",
            "You ask all epochs at once. The run is to be judged by its last ones: what was before "
            "them is over.",
            in_windows(end=lambda k: ALL),
            of_whole_run("collapsed"),
            of_whole_run("solved"),
        ),
        *ways(
            "five epochs whatever is asked",
            "You always take the same number of epochs. The argument `last` says how many.",
            in_windows(end=lambda k: slice(-5, None), before=lambda k: slice(-10, -5)),
            in_windows(end=lambda k: slice(-3, None), before=lambda k: slice(-6, -3)),
        ),
        *ways(
            "compared with the start",
            "You compare the last epochs with the first. What fell at first and rests since has "
            "fallen by that measure; compare with the epochs right before.",
            in_windows(before=lambda k: slice(k.last)),
            in_windows(before=lambda k: slice(1)),
            in_windows(before=lambda k: slice(None, -k.last)),
        ),
    ]


def _wrong_levels(having: Callable[..., Answer], average: str) -> list[Mistake]:
    """The mistakes in how the fall of the loss is measured."""

    def learning(when: Rule) -> Answer:
        return having({"learning": when})

    def of_losses(k: Any, part: Part) -> Any:
        return k.losses[part].mean()

    def of_sums(k: Any, part: Part) -> Any:
        counted = k.active if average == "active" else k.triplets
        return (k.losses * counted)[part].sum() / max(1, k.active[part].sum())

    def of_shares(k: Any, part: Part) -> Any:
        return k.active[part].sum() / k.triplets[part].sum()

    def of_epochs(k: Any, part: Part) -> Any:
        """The mean of the epochs' means over all triplets; 0 for an epoch without any."""
        shares = k.active / np.maximum(1, k.triplets) if average == "active" else 1
        return (k.losses * shares)[part].mean()

    def of_epochs_or_nan(k: Any, part: Part) -> Any:
        return (k.losses * k.active / k.triplets)[part].mean()

    def shared_twice(k: Any, part: Part) -> Any:
        return (k.losses * k.active)[part].sum() / k.triplets[part].sum()

    def change(k: Any) -> Any:
        return _over_all(k, k.end) - _over_all(k, k.before)

    if average == "active":
        means = ways(
            "the mean over the active",
            "You look for the fall in the losses as they are given. They are means over the active "
            "triplets: each that is solved leaves the mean, and it need not fall.",
            learning(lambda k: _fell(k, of_losses)),
            learning(lambda k: _fell(k, of_sums)),
            learning(lambda k: k.losses[-1] <= (1 - FALL) * k.losses[-k.last - 1]),
        )
    else:
        means = ways(
            "a share too many",
            "You bring in the number of active triplets once more, or divide by it. These losses "
            "are means over all triplets already.",
            learning(lambda k: _fell(k, shared_twice)),
            learning(lambda k: _fell(k, of_sums)),
        )
    epochs = [learning(lambda k: _fell(k, of_epochs))]
    if average == "active":
        epochs.append(learning(lambda k: _fell(k, of_epochs_or_nan)))
    return [
        *means,
        *ways(
            "epochs averaged",
            "You average the epochs, and an epoch without triplets counts like the others. Add up "
            "hinges and triplets first, then divide.",
            *epochs,
        ),
        *ways(
            "the number of active triplets alone",
            "You look for the fall in the number of active triplets. Hinges can close halfway with "
            "all of them active, and fewer can be open wider.",
            learning(lambda k: _fell(k, of_shares)),
            learning(lambda k: _fell(k, lambda k, part: k.active[part].sum())),
        ),
        *ways(
            "any fall",
            "However little the loss falls, you call it learning. Less than 5 % is not counted "
            "here.",
            learning(lambda k: change(k) < 0),
            learning(lambda k: _over_all(k, k.end) <= 0.99 * _over_all(k, k.before)),
        ),
        *ways(
            "5 % of something else",
            "You compare the fall with a fixed number, or with the margin. It is 5 % of the mean "
            "in the epochs before.",
            learning(lambda k: -change(k) >= FALL),
            learning(lambda k: -change(k) >= FALL * k.margin),
        ),
        *ways(
            "a rise taken for learning",
            "You call a run that gets worse a learning one: your comparison is turned round, or "
            "asks for a change of either kind.",
            learning(lambda k: _over_all(k, k.end) >= (1 + FALL) * _over_all(k, k.before)),
            learning(lambda k: abs(change(k)) >= FALL * _over_all(k, k.before)),
            learning(lambda k: _over_all(k, k.before) <= (1 - FALL) * _over_all(k, k.end)),
        ),
        *ways(
            "the fall asked first",
            "You ask whether the loss falls before you ask where it has come to. The first name "
            "that fits counts, in the order of the list.",
            _made(average, {"no triplets": RULES["no triplets"], "learning": _fell} | RULES),
            _made(
                average,
                {name: RULES[name] for name in ("no triplets", "collapsed", "learning", "solved")},
            ),
        ),
    ]


def _wrong_ends(having: Callable[..., Answer], average: str) -> list[Mistake]:
    """The mistakes in when a run is solved, and in when it had no triplets."""

    def solved(when: Rule) -> Answer:
        return having({"solved": when})

    def nothing_left(first: Rule) -> Answer:
        """A rule for "solved" that is asked before the question whether there were triplets."""
        rules = {"solved": lambda k: first(k) or RULES["solved"](k)}
        return _made(average, rules | {k: v for k, v in RULES.items() if k != "solved"})

    def small(k: Any, bound: float) -> Any:
        return k.losses[k.end].mean() < bound

    return [
        *ways(
            "a loss of 0 taken for success",
            "You call a run solved that had no triplets. A loss of 0 says that no hinge was open; "
            "it does not say that there were any.",
            nothing_left(lambda k: (k.losses[k.end] == 0).all()),
            nothing_left(lambda k: k.active[k.end].sum() == 0),
            nothing_left(lambda k: k.active[k.end].sum() <= FEW * k.triplets[k.end].sum()),
            nothing_left(lambda k: k.losses[k.end].mean() < 0.01 * k.margin),
        ),
        *ways(
            "no triplets not looked for",
            "A run that had no triplets in the end gets another name from you: you do not ask for "
            "it, or you ask whether there were any before.",
            having({"no triplets": lambda k: False, "learning": lambda k: _fell(k, _guarded)}),
            having({"no triplets": lambda k: False}),
            having({"no triplets": lambda k: k.triplets.sum() == 0}),
        ),
        *ways(
            "one empty epoch",
            "You say that there were no triplets because one epoch had none. The others count.",
            having({"no triplets": lambda k: (k.triplets[k.end] == 0).any()}),
            having({"no triplets": lambda k: k.triplets[-1] == 0}),
            having({"no triplets": lambda k: (k.triplets == 0).any()}),
        ),
        *ways(
            "no active triplet for no triplets",
            "You say that there were no triplets where none was active. All were satisfied: that "
            "is another name.",
            having({"no triplets": lambda k: k.active[k.end].sum() == 0}),
            having({"no triplets": lambda k: (k.losses[k.end] == 0).all()}),
        ),
        *ways(
            "none active at all",
            "You call a run solved only when no triplet is active. Fewer than 1 in 100 are enough.",
            solved(lambda k: k.active[k.end].sum() == 0),
            solved(lambda k: (k.losses[k.end] == 0).all()),
            solved(lambda k: k.active[k.end].sum() < FEW),
        ),
        *ways(
            "a small loss for few active triplets",
            "You ask whether the loss is small, and not whether few triplets are active. Many "
            "hinges that are hardly open have a small mean, and few that are wide open a large "
            "one.",
            solved(lambda k: small(k, 0.01 * k.margin)),
            solved(lambda k: small(k, 0.01)),
        ),
        *ways(
            "too many active for solved",
            "You call a run solved with more than 1 in 100 of its triplets active.",
            solved(lambda k: k.active[k.end].sum() < 0.1 * k.triplets[k.end].sum()),
            solved(lambda k: k.active[k.end].sum() < 0.5 * k.triplets[k.end].sum()),
        ),
        *ways(
            "a number for a share",
            "You compare the number of active triplets with a fixed number. Fewer than 1 in 100 is "
            "a share.",
            solved(lambda k: k.active[k.end].sum() < 100),
            solved(lambda k: k.active[k.end].sum() < 1000),
            solved(lambda k: k.active[k.end].mean() < 50),
        ),
    ]


def _guarded(k: Any, part: Part) -> Any:
    return _over_all(k, part) if k.triplets[part].sum() else 0.0


def _mistakes(variant: Variant) -> tuple[Mistake, ...]:
    average = variant["average"]

    def having(changed: dict[str, Rule]) -> Answer:
        return _made(average, RULES | changed)

    return (
        *_wrong_collapses(having),
        *_wrong_windows(having, average),
        *_wrong_levels(having, average),
        *_wrong_ends(having, average),
        *ways(
            "one name for all",
            "You give every run the same name.",
            *(_made(average, {name: lambda k: True}) for name in NAMES),
        ),
    )


# ---------------------------------------------------------------- the texts


def _statement(variant: Variant) -> str:
    if variant["average"] == "active":
        losses = (
            "`losses` has the mean hinge over the *active* triplets (0 where none is), as some "
            "libraries report it"
        )
    else:
        losses = (
            "`losses` has the mean hinge over all triplets, active or not (0 where there are none)"
        )
    return (
        "You see the curves of a training run, one number an epoch, and nothing else. "
        f"{losses}; `active` the number of triplets with a hinge above 0; `triplets` the number "
        "of all. Write a function that names what the run has come to. The first name that fits "
        "the last `last` epochs counts:\n\n"
        '- `"no triplets"`: there was none in these epochs.\n'
        '- `"collapsed"`: in each of these epochs the curves show what they show when all '
        "embeddings lie at one point, the loss up to 0.1 %.\n"
        '- `"solved"`: of their triplets together, fewer than 1 in 100 were active.\n'
        '- `"learning"`: the mean hinge over *all* triplets of these epochs together is lower by '
        "at least 5 % than that of the `last` epochs right before.\n"
        '- `"not learning"`: none of these.'
    )


def _skeleton(variant: Variant) -> str:
    which = "active" if variant["average"] == "active" else "all"
    return f'''def name_the_run(losses, active, triplets, margin, last):
    """Return "no triplets", "collapsed", "solved", "learning" or "not learning".

    losses: (E,), the mean hinge over {which} triplets of each epoch. active, triplets: (E,), whole
    numbers. margin: above 0. last: the number of epochs to judge by; E is at least twice that.
    """'''


NAME_THE_RUN = Exercise(
    number="11.5",
    name="name_the_run",
    title="Name the run",
    points=3,
    minutes=20,
    kind=Function(),
    statement=_statement,
    skeleton=_skeleton,
    hints=(
        "Put all embeddings at one point. What is every distance, what is every hinge, and how "
        "many of the hinges are open?",
        "Two runs can share a loss: one with all triplets active, one with a few. Two can share a "
        "loss of 0: one with triplets, one without. Which curve tells them apart?",
        "A sum of hinges belongs to each epoch: its loss times the number of triplets that the "
        "loss is the mean of. Add up these sums and the numbers of all triplets over the epochs of "
        "a window, and divide.",
    ),
    variants={"average": ("active", "all")},
    groups={"names": 2, "edge": 1},
    cases=_cases,
    reference=lambda variant: _made(variant["average"], RULES),
    mistakes=_mistakes,
    digest=_digest,
    budget=_budget,
)
