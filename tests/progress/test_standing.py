"""How one learner stands, from records made by hand."""

from __future__ import annotations

import pytest

from dmlcourse.progress.record import known
from dmlcourse.progress.standing import gaps, standing
from dmlcourse.progress.words import what_next


def stands(record, toy_course):
    return standing(known(record.entries), toy_course)


class TestOneExercise:
    def test_without_a_line_it_is_not_begun(self, record, toy_course):
        one = stands(record(), toy_course).standings[0]
        assert (one.state, one.attempts, one.hints, one.seconds) == ("not begun", 0, 0, 0)

    @pytest.mark.parametrize("outcome", ["failed", "error", "stopped"])
    def test_tried_without_a_pass(self, record, toy_course, outcome):
        made = record().add("attempt", number="01.1", outcome=outcome, mistake=None)
        one = stands(made, toy_course).standings[0]
        assert (one.state, one.attempts, one.to_pass) == ("tried", 1, 0)

    def test_a_hint_is_a_beginning(self, record, toy_course):
        one = stands(record().hint("01.1"), toy_course).standings[0]
        assert (one.state, one.attempts, one.hints) == ("tried", 0, 1)

    def test_done_at_the_first_pass_and_for_good(self, record, toy_course):
        made = record().fails("01.1", "mirror").passes("01.1").fails("01.1", "clipped")
        one = stands(made, toy_course).standings[0]
        assert (one.state, one.attempts, one.to_pass) == ("done", 3, 2)
        assert one.mistake == "mirror"

    def test_the_last_named_mistake_survives_one_without_a_name(self, record, toy_course):
        made = record().fails("01.1", "clipped").fails("01.1", "mirror").fails("01.1")
        assert stands(made, toy_course).standings[0].mistake == "mirror"

    def test_a_note_on_a_pass_is_no_mistake(self, record, toy_course):
        made = record().add("attempt", number="01.1", outcome="passed", mistake="mirror")
        assert stands(made, toy_course).standings[0].mistake is None


class TestStuck:
    @pytest.mark.parametrize(
        ("mistakes", "is_stuck"),
        [
            (["mirror"] * 2, False),
            (["mirror"] * 3, True),
            (["mirror", "clipped", "mirror", "mirror"], True),
            (["mirror", "mirror", "mirror", "clipped"], False),
            ([None] * 4, False),
            ([None] * 5, True),
        ],
    )
    def test_after_three_with_one_mistake_or_five(self, record, toy_course, mistakes, is_stuck):
        made = record()
        for mistake in mistakes:
            made.fails("01.1", mistake)
        assert stands(made, toy_course).standings[0].is_stuck is is_stuck
        assert not stands(made.passes("01.1"), toy_course).standings[0].is_stuck

    def test_says_the_mistakes_sentence_and_the_hint_command(self, record, toy_course):
        made = record().fails("01.1", "mirror").fails("01.1", "mirror").fails("01.1", "mirror")
        first, again, hint = what_next(stands(made, toy_course))
        assert first == "Next: 01.1 Title & 01.1 (3 points, about 12 minutes)."
        assert again == 'In 01.1 the same mistake came 3 times: "A cone is <no> mirror."'
        assert "`dmlcourse hint 01.1` gives the next of 2 hints" in hint

    def test_says_so_when_all_hints_are_taken(self, record, toy_course):
        made = record().hint("01.1").hint("01.1")
        for _ in range(5):
            made.fails("01.1")
        _, tried, hint = what_next(stands(made, toy_course))
        assert tried == "01.1 has been tried 5 times."
        assert "`dmlcourse hint 01.1` shows all its hints once more" in hint

    def test_a_mistake_that_the_course_no_longer_knows_is_called_by_its_name(
        self, record, toy_course
    ):
        made = record().fails("01.1", "gone").fails("01.1", "gone").fails("01.1", "gone")
        assert what_next(stands(made, toy_course))[1].endswith("3 times: gone")

    def test_whoever_skipped_ahead_hears_of_it_too(self, record, toy_course):
        made = record().fails("02.1", "mirror").fails("02.1", "mirror").fails("02.1", "mirror")
        first, again, hint = what_next(stands(made, toy_course))
        assert first.startswith("Next: 01.1")
        assert again.startswith("In 02.1 the same mistake")
        assert "`dmlcourse hint 02.1`" in hint


class TestWhatNext:
    def test_the_first_that_is_not_done_even_if_a_later_one_is(self, record, toy_course):
        made = record().passes("02.1").passes("01.1")
        assert stands(made, toy_course).next.exercise.number == "01.2"

    def test_nothing_when_all_is_done(self, record, toy_course):
        made = record().passes("01.1").passes("01.2").passes("02.1")
        found = stands(made, toy_course)
        assert found.next is None
        assert what_next(found) == ["Every exercise is done."]


def test_chapters_add_up(record, toy_course):
    made = record().passes("01.2").fails("01.1").passes("02.1")
    one, two = stands(made, toy_course).chapters
    assert (one.number, one.done, one.earned, one.points) == ("01", 1, 2, 5)
    assert (two.number, two.done, two.earned, two.points) == ("02", 1, 5, 5)


class TestTime:
    def test_a_gap_goes_to_the_later_line_and_at_most_ten_minutes_of_it(self, record, toy_course):
        made = record().hint("01.1").fails("01.1", minutes=4).passes("01.2", minutes=60)
        found = stands(made, toy_course)
        assert [one.seconds for one in found.standings] == [240, 600, 0]
        assert found.seconds == 840

    def test_a_prediction_counts_for_its_chapter(self, record, toy_course):
        made = record().hint("01.1").predicts("02.rank", "sure", True, minutes=3)
        found = stands(made, toy_course)
        assert [chapter.seconds for chapter in found.chapters] == [0, 180]

    def test_a_clock_that_goes_back_takes_nothing_away(self, record, toy_course):
        made = record().hint("01.1").hint("01.1", minutes=-500).hint("01.1", minutes=2)
        assert stands(made, toy_course).seconds == 120

    def test_a_line_without_a_time_is_bridged(self, record):
        made = record().hint("01.1").hint("01.1").hint("01.1")
        made.entries[1]["at"] = "yesterday"
        assert gaps(known(made.entries)) == [0, 0, 120]

    def test_times_with_and_without_a_zone_mix(self, record):
        made = record().hint("01.1").hint("01.1")
        made.entries[0]["at"] = "2025-03-01T12:00:00+02:00"
        made.entries[1]["at"] = "2025-03-01T10:05:00"
        assert gaps(known(made.entries)) == [0, 300]


class TestCalibration:
    def test_counts_by_confidence_and_each_question_once(self, record, toy_course):
        made = record().predicts("01.a", "sure", True).predicts("01.b", "sure", False)
        made.predicts("02.c", "guess", True).predicts("01.b", "guess", True)
        found = stands(made, toy_course).calibration
        assert found.levels == (("guess", 1, 1), ("sure", 1, 2))
        assert found.surprises == ("01.b",)


class TestRobustness:
    def test_a_line_copied_counts_once(self, record, toy_course):
        made = record().fails("01.1", "mirror").passes("01.1")
        made.entries *= 3
        assert stands(made, toy_course).standings[0].attempts == 2

    def test_exercises_that_are_gone_count_as_time_only(self, record, toy_course):
        found = stands(record().hint("01.1").passes("01.9").passes("77.1"), toy_course)
        assert [one.state for one in found.standings] == ["tried", "not begun", "not begun"]
        assert found.seconds == 120

    def test_a_record_from_before_microseconds_is_read(self, toy_course):
        old = {"kind": "attempt", "at": "2024-10-01T09:00:00+00:00", "number": "01.1"}
        old |= {"outcome": "passed", "mistake": None}
        assert standing(known([old]), toy_course).standings[0].state == "done"
