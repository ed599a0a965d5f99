"""A lesson's text: roles, names, and ids that stay when the text around them changes."""

from pathlib import Path

import pytest

from dmlcourse.authoring.lesson import cell_ids, read_lesson
from dmlcourse.authoring.notebooks import chapter_notebook, exercise_notebooks
from dmlcourse.errors import UserError

LESSON = """\
# %% [markdown] title
# # A title

# %% given imports
import math

# %%
1 + 1

# %% first-figure
2 + 2

# %% [markdown]
# Words.

# %% demo slow
3 + 3
"""


@pytest.fixture
def read(tmp_path):
    def read_text(text, name="chapter.py"):
        folder = tmp_path / "02_lesson"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        return read_lesson(folder / name)

    return read_text


def test_each_cell_has_its_role_name_text_and_line(read):
    found = [(s.role, s.name, s.text, s.is_code, s.line) for s in read(LESSON)]
    assert found == [
        ("text", "title", "# A title", False, 1),
        ("given", "imports", "import math", True, 4),
        ("demo", "", "1 + 1", True, 7),
        ("demo", "first-figure", "2 + 2", True, 10),
        ("text", "", "Words.", False, 13),
        ("demo", "slow", "3 + 3", True, 16),
    ]


def test_ids_come_from_the_name_or_from_the_content(read):
    ids = cell_ids(read(LESSON))
    assert [ids[i] for i in (0, 1, 3, 5)] == [
        "text-title",
        "given-imports",
        "demo-first-figure",
        "demo-slow",
    ]
    assert ids[2].startswith("demo-")
    assert ids[4].startswith("text-")
    assert len({*ids}) == len(ids)


def test_a_cell_put_in_between_changes_no_other_id(read):
    before = cell_ids(read(LESSON))
    cells = LESSON.split("\n\n")
    for place in range(len(cells) + 1):
        longer = "\n\n".join([*cells[:place], "# %%\n9 + 9", *cells[place:]])
        after = cell_ids(read(longer))
        assert after[:place] + after[place + 1 :] == before


def test_a_rewritten_cell_with_a_name_keeps_its_id(read):
    assert cell_ids(read(LESSON)) == cell_ids(read(LESSON.replace("2 + 2", "20 + 20")))


def test_equal_cells_without_a_name_have_different_ids(read):
    ids = cell_ids(read("# %%\n1\n\n" * 4))
    assert len({*ids}) == 4


@pytest.mark.parametrize("second", ["title", "Title", "title!"])
def test_two_names_that_give_one_id_are_refused_with_the_line(read, second):
    with pytest.raises(UserError, match=r"02_lesson/chapter\.py, line 4: .* is used twice"):
        read(f"# %% [markdown] title\n# One\n\n# %% [markdown] {second}\n# Two\n")


def test_one_name_may_stand_for_a_text_and_a_figure(read):
    ids = cell_ids(read("# %% [markdown] ball\n# A ball.\n\n# %% ball\n1 + 1\n"))
    assert ids == ["text-ball", "demo-ball"]


@pytest.mark.parametrize("text", ["", "1 + 1\n", "1 + 1\n\n# %% named\n2 + 2\n"])
def test_text_above_the_first_cell_is_refused(read, text):
    with pytest.raises(UserError, match="every cell begins with a line `# %%`"):
        read(text)


@pytest.mark.parametrize("role", ["given", "demo", "exercise", "remark"])
def test_a_role_without_a_name_is_refused(read, role):
    with pytest.raises(UserError, match=rf"line 1: `{role}` needs a name"):
        read(f"# %% {role}\n1 + 1\n")


@pytest.mark.parametrize("title", ["exercise 02.1", "[markdown] remark 02.1"])
def test_a_chapter_holds_no_exercise(read, title):
    with pytest.raises(UserError, match=r"line 1: exercises stand in exercises\.py"):
        chapter_notebook(read(f"# %% {title}\n# x\n"))


def test_every_exercise_of_the_chapter_must_be_placed(read):
    text = "# %% exercise 02.1\ndef mahalanobis(X, Y, M):\n    return X\n"
    with pytest.raises(UserError, match=r"no cell places exercise 02\.2, 02\.3"):
        exercise_notebooks(read(text, "exercises.py"))


def test_the_notebooks_of_a_long_chapter_share_its_exercises(read, tmp_path):
    more = "".join(f"# %% exercise 02.{n}\nx = 1\n" for n in (2, 3, 4))
    (tmp_path / "02b_more").mkdir()
    (tmp_path / "02b_more" / "exercises.py").write_text(more)
    text = "# %% exercise 02.1\ndef mahalanobis(X, Y, M):\n    return X\n"
    with pytest.raises(UserError, match=r"no cell places exercise 02\.5$"):
        exercise_notebooks(read(text, "exercises.py"))


def test_an_exercise_that_does_not_exist_is_refused(read):
    with pytest.raises(UserError, match=r'there is no exercise "02\.77"'):
        exercise_notebooks(read("# %% exercise 02.77\nx = 1\n", "exercises.py"))


def test_a_name_that_takes_the_id_of_an_exercise_cell_is_refused(read):
    lesson = Path(__file__).resolve().parents[2] / "lessons" / "02_mahalanobis" / "exercises.py"
    longer = lesson.read_text() + "\n\n# %% [markdown] 02.1\n# A text.\n"
    with pytest.raises(UserError, match="two cells would have the id text-02-1"):
        exercise_notebooks(read(longer, "exercises.py"))
