"""A claim is printed with its verdict; the number itself only to a person."""

import numpy as np
import pytest
import torch

from dmlcourse import claims
from dmlcourse.claims import report


@pytest.fixture(params=[False, True], ids=["automated", "a person"])
def person(request, monkeypatch):
    monkeypatch.setattr(claims, "is_interactive", lambda: request.param)
    return request.param


CLAIMS = {
    "above, yes": (0.95, {"above": 0.9}, "recall@1 above 0.9: yes", " (0.95)"),
    "above, no": (0.85, {"above": 0.9}, "recall@1 above 0.9: no", " (0.85)"),
    "exactly there is not above": (0.9, {"above": 0.9}, "recall@1 above 0.9: no", " (0.9)"),
    "below": (0.1, {"below": 0.2}, "recall@1 below 0.2: yes", " (0.1)"),
    "between": (0.5, {"above": 0, "below": 1}, "recall@1 between 0 and 1: yes", " (0.5)"),
    "outside": (2, {"above": 0, "below": 1}, "recall@1 between 0 and 1: no", " (2)"),
    "not a number": (float("nan"), {"below": 1}, "recall@1 below 1: no", " (nan)"),
}


@pytest.mark.parametrize(("value", "claim", "said", "number"), CLAIMS.values(), ids=CLAIMS)
def test_what_is_printed(person, capsys, value, claim, said, number):
    report("recall@1", value, **claim)
    assert capsys.readouterr().out == said + (number if person else "") + "\n"


@pytest.mark.parametrize("value", [torch.tensor(0.75), np.float32(0.75), np.array(0.75)])
def test_numbers_of_every_library(value, capsys):
    report("share", value, above=0.7)
    assert capsys.readouterr().out.startswith("share above 0.7: yes")


@pytest.mark.parametrize("claim", [{}, {"above": 1, "below": 1}, {"above": 2, "below": 1}])
def test_a_claim_that_says_nothing_is_refused(claim):
    with pytest.raises(ValueError, match="share: n"):
        report("share", 0.5, **claim)
