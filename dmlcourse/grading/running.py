"""Run a plan in the jail, and again without the step that ended it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from ..checks.judging import GONE, Key
from ..observing import Fault, Observation
from .jail import Allowance, Ended, Jail, Session, is_missing
from .plan import Plan, Run


class Running:
    """What one submission does: ``observations`` by exercise and ``remarks`` on what went wrong.

    Every exercise of the plan is observed on its key's cases, in an order that follows from the
    seed; a case that was not reached counts as stopped. A step that ends the worker, or hangs, is
    left out and the rest runs again in a new worker, so that it costs no other exercise anything.
    There is an end to that: ``limits.restarts``, and the ``Allowance`` of the submission.
    """

    def __init__(self, plan: Plan, keys: Mapping[str, Key], jail: Jail, seed: int) -> None:
        self.plan = plan
        self.keys = keys
        self.jail = jail
        self.seed = seed
        self.observations: dict[str, list[Observation]] = {}
        self._said: dict[int, str] = {}
        self._lost: set[int] = set()
        self._stopped: set[str] = set()
        self._faults: dict[str, Fault] = {}
        self._run_all()

    @property
    def remarks(self) -> list[str]:
        """What to tell the student, in the order of the steps."""
        return [self._said[number] for number in sorted(self._said)]

    def _run_all(self) -> None:
        allowance = Allowance.of(self.jail.limits)
        for _ in range(self.jail.limits.restarts + 1):
            if self._attempt(allowance):
                return
            if allowance.is_used_up:
                break
        self._say(len(self.plan.steps), "The rest was not run: the limits were used up.")

    def _attempt(self, allowance: Allowance) -> bool:
        """Run what is left in a new worker, and tell whether it came to the end."""
        number = 0
        with self.jail.session(allowance) as session:
            try:
                for number in self._left():
                    self._do(number, session)
            except Ended as ended:
                self._lose(number, str(ended))
                return False
        return True

    def _left(self) -> list[int]:
        """The steps to run: none behind the last observation that is still to be made."""
        open_ = [
            number
            for number, step in enumerate(self.plan.steps)
            if not isinstance(step, Run) and step.exercise not in self.observations
        ]
        last = max(open_, default=-1)
        return [
            number
            for number, step in enumerate(self.plan.steps[: last + 1])
            if number in open_ or (isinstance(step, Run) and number not in self._lost)
        ]

    def _do(self, number: int, session: Session) -> None:
        step = self.plan.steps[number]
        if not isinstance(step, Run):
            self._observe(step.exercise, session)
            return
        seen = session.run(step.cell, step.source)
        if seen.stopped:
            self._stopped.add(step.exercise)
            limit = self.jail.limits.cell
            self._say(number, f"{step.name} was stopped at the limit of {limit:.0f} seconds.")
        elif seen.fault:
            self._faults[step.exercise] = seen.fault
            said = f"{seen.fault.type}: {seen.fault.message}"
            self._say(number, f"{step.name} stopped with an error. {said}")

    def _observe(self, exercise: str, session: Session) -> None:
        key = self.keys[exercise]
        order = list(range(len(key.cases)))
        # The order of the published cases, and their names, tell some of the right answers.
        random.Random(f"{self.seed} {exercise}").shuffle(order)
        made = [GONE] * len(order)
        # Kept as they come: what was seen before the worker ended counts.
        self.observations[exercise] = made
        cases = [replace(key.cases[place], name="a case", group="values") for place in order]
        seen = session.observe(key.exercise.name, key.exercise.kind, cases)
        for place, one in zip(order, seen, strict=False):
            made[place] = one
            if is_missing(one):
                made[:] = [self._instead(exercise, one)] * len(order)

    def _instead(self, exercise: str, missing: Observation) -> Observation:
        """What to take for the observations where the notebook never defined the answer."""
        if exercise in self._stopped:
            return Observation(stopped=True)
        if exercise in self.plan.missing:
            return Observation(empty=True)
        fault = self._faults.get(exercise)
        return Observation(fault=fault) if fault else missing

    def _lose(self, number: int, reason: str) -> None:
        step = self.plan.steps[number]
        if isinstance(step, Run):
            self._lost.add(number)
            self._stopped.add(step.exercise)
            self._say(number, f"{step.name} was left out: {reason}.")
        else:
            self._say(number, f"Exercise {step.exercise} was stopped: {reason}.")

    def _say(self, number: int, sentence: str) -> None:
        self._said[number] = sentence[:1].upper() + sentence[1:]
