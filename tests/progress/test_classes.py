"""Where a class stands, from records made by hand."""

from __future__ import annotations

import pytest

from dmlcourse.progress.classes import classroom, headline, topics
from dmlcourse.progress.questions import questions
from dmlcourse.progress.record import known


def stand(records, toy_course):
    return classroom({name: known(one.entries) for name, one in records.items()}, toy_course)


@pytest.fixture
def sixty(record):
    """41 are through 01.2, 11 took a mirror, 5 made a mistake without a name, 3 did not begin."""
    made = {f"s{i:02}": record() for i in range(60)}
    names = list(made)
    for name in names[:41]:
        made[name].fails("01.2", "clipped").passes("01.2")
    for name in names[41:52]:
        made[name].fails("01.2", "clipped").fails("01.2", "mirror")
    for name in names[52:57]:
        made[name].fails("01.2")
    return made


def test_sixty_learners_in_a_sentence(sixty, toy_course):
    (row,) = stand(sixty, toy_course).rows
    assert (row.passed, row.tried, row.not_begun) == (41, 16, 3)
    assert headline(row) == (
        "01.2: 41 of 60 passed; of the 19 others 11: mirror, 5: no mistake with a name, 3 not begun"
    )


def test_the_latest_mistake_of_each_counts(sixty, toy_course):
    (row,) = stand(sixty, toy_course).rows
    assert row.mistakes == (("mirror", 11),)


def test_when_all_are_through_there_are_no_others(record, toy_course):
    (row,) = stand({"ada": record().passes("01.1")}, toy_course).rows
    assert headline(row) == "01.1: 1 of 1 passed"


def test_where_most_are_stuck_comes_first_then_where_most_try(record, toy_course):
    made = {name: record() for name in "abcd"}
    for name in "abc":
        made[name].fails("01.1")
    for name in "ab":
        made[name].fails("01.2")
    for _ in range(3):
        made["d"].fails("02.1", "mirror")
    rows = stand(made, toy_course).rows
    assert [row.exercise.number for row in rows] == ["02.1", "01.1", "01.2"]
    assert [row.stuck for row in rows] == [("d",), (), ()]


def test_exercises_that_nobody_began_are_counted_only(record, toy_course):
    found = stand({"ada": record().passes("01.1"), "bob": record()}, toy_course)
    assert (found.learners, len(found.rows), found.untouched) == (2, 1, 2)


def test_a_mistake_that_the_course_does_not_know_is_not_repeated(record, toy_course):
    (row,) = stand({"ada": record().fails("01.1", "the teacher is dull")}, toy_course).rows
    assert (row.mistakes, row.unnamed) == ((), 1)


@pytest.mark.usefixtures("asked")
class TestTopics:
    def test_counts_learners_by_their_first_answer(self, record):
        made = {
            "a": record().predicts("02.rank", "sure", False).predicts("02.rank", "sure", False),
            "b": record().predicts("02.rank", "sure", False),
            "c": record().predicts("02.rank", "guess", False).predicts("02.rank", "sure", False),
        }
        (topic,) = topics({name: known(one.entries) for name, one in made.items()})
        assert (topic.key, topic.wrong, topic.answered) == ("02.rank", 2, 3)
        assert topic.text == "Which rank?"

    def test_what_no_chapter_asks_is_not_shown(self, record):
        made = {name: known(record().predicts("02.rude", "sure", False).entries) for name in "ab"}
        assert topics(made) == ()

    def test_what_one_alone_holds_is_not_shown(self, record):
        made = known(record().predicts("02.rank", "sure", False).entries)
        assert topics({"a": made, "b": []}) == ()

    def test_the_most_frequent_five(self, record):
        made = {name: record() for name in "abc"}
        for name in "abc":
            for topic in "zyxwvu" if name != "c" else "u":
                made[name].predicts(f"02.{topic}", "sure", False)
        found = topics({name: known(one.entries) for name, one in made.items()})
        assert [topic.key[-1] for topic in found] == list("uvwxy")


def test_the_chapters_questions_are_found_with_their_text():
    found = questions()
    assert found["00.units"].startswith("Colour as before, proline in grams per litre.")
    assert {key[:2] for key in found} >= {"00", "01", "02"}
