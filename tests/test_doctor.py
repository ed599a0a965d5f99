"""``dmlcourse doctor``: every finding has a word for its state, and a remedy where one is due."""

import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from dmlcourse import doctor
from dmlcourse.doctor import Finding
from dmlcourse.errors import UserError


def finds(monkeypatch, *findings: Finding) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: list(findings))


class TestReport:
    def test_of_a_machine_with_everything(self, monkeypatch, capsys) -> None:
        finds(monkeypatch, Finding("Python", "ok", "3.11.7"))
        assert doctor.report() == 0
        assert "Python       ok        3.11.7" in capsys.readouterr().out

    def test_of_something_essential_missing(self, monkeypatch, capsys) -> None:
        finds(monkeypatch, Finding("torch", "missing", "no torch", "install it"))
        assert doctor.report() == 1
        shown = capsys.readouterr().out
        assert "to mend it: install it" in shown
        assert "Missing: torch" in shown

    def test_of_something_optional_missing(self, monkeypatch, capsys) -> None:
        finds(monkeypatch, Finding("browser", "optional", "none", "install Chromium"))
        assert doctor.report() == 0
        assert "to mend it: install Chromium" in capsys.readouterr().out

    def test_covers_all_that_the_course_uses(self) -> None:
        subjects = [finding.subject for finding in doctor.examine()]
        assert subjects == [
            "Python",
            "environment",
            "libraries",
            "torch",
            "device",
            "JupyterLab",
            "nbval",
            "course",
            "jail",
            "browser",
            "data cache",
        ]

    def test_uses_three_words_for_the_state(self) -> None:
        assert {finding.state for finding in doctor.examine()} <= {"ok", "missing", "optional"}

    def test_gives_a_remedy_for_all_that_is_missing(self) -> None:
        assert all(found.remedy for found in doctor.examine() if found.state == "missing")


class TestFindings:
    def test_old_python(self, monkeypatch) -> None:
        monkeypatch.setattr(doctor, "PYTHON", (3, 99))
        assert doctor.python().state == "missing"

    def test_no_environment_of_its_own(self, monkeypatch) -> None:
        monkeypatch.setattr(sys, "prefix", sys.base_prefix)
        monkeypatch.delenv("CONDA_PREFIX", raising=False)
        assert doctor.environment().state == "optional"

    def test_conda_environment(self, monkeypatch) -> None:
        monkeypatch.setattr(sys, "prefix", sys.base_prefix)
        monkeypatch.setenv("CONDA_PREFIX", sys.prefix)
        assert doctor.environment().state == "ok"

    def test_missing_libraries_are_named(self, monkeypatch) -> None:
        def version(name: str) -> str:
            if name in ("scipy", "matplotlib"):
                raise PackageNotFoundError(name)
            return "1.0"

        monkeypatch.setattr(doctor, "version", version)
        found = doctor.libraries()
        assert (found.state, found.detail) == ("missing", "no scipy, matplotlib")
        assert "make setup" in found.remedy

    def test_no_torch(self, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "torch", None)
        assert doctor.torch_itself().state == "missing"
        assert doctor.device().state == "optional"

    @pytest.mark.parametrize(("cuda", "shown"), [(True, "CUDA: Card"), (False, "CPU, 2 threads")])
    def test_device(self, monkeypatch, cuda, shown) -> None:
        card = SimpleNamespace(is_available=lambda: cuda, get_device_name=lambda: "Card")
        torch = SimpleNamespace(cuda=card, get_num_threads=lambda: 2)
        monkeypatch.setitem(sys.modules, "torch", torch)
        assert doctor.device().detail.startswith(shown)

    def test_no_course_folder(self, monkeypatch) -> None:
        def nowhere() -> Path:
            raise UserError("Get the course with git.")

        monkeypatch.setattr("dmlcourse.places.course_folder", nowhere)
        found = doctor.course()
        assert (found.state, found.remedy) == ("missing", "Get the course with git.")

    @pytest.mark.parametrize(("there", "state"), [(True, "ok"), (False, "optional")])
    def test_jail(self, monkeypatch, there, state) -> None:
        monkeypatch.setattr("dmlcourse.grading.jail.available", lambda: (there, "the reason"))
        found = doctor.jail()
        assert found.state == state
        assert "the reason" in found.detail

    @pytest.mark.parametrize(("there", "state"), [(True, "ok"), (False, "optional")])
    def test_browser(self, monkeypatch, tmp_path, there, state) -> None:
        if there:
            (tmp_path / "chromium").write_text("#!/bin/sh\n")
            (tmp_path / "chromium").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert doctor.browser().state == state


class TestDataCache:
    @pytest.fixture
    def folder(self, tmp_path, monkeypatch) -> Path:
        folder = tmp_path / "cache" / "dmlcourse"
        monkeypatch.setenv("DMLCOURSE_DATA", str(folder))
        return folder

    def test_not_made_yet(self, folder) -> None:
        found = doctor.data_cache()
        assert found.state == "ok"
        assert "made when first needed" in found.detail
        assert not folder.exists()

    def test_says_its_size(self, folder) -> None:
        (folder / "set").mkdir(parents=True)
        (folder / "set" / "points.npz").write_bytes(b"x" * 1_500_000)
        assert doctor.data_cache().detail == f"{folder}, 1.5 MB"

    def test_not_writable(self, folder) -> None:
        folder.parent.write_text("a file in the way")
        found = doctor.data_cache()
        assert found.state == "optional"
        assert "DMLCOURSE_DATA" in found.remedy
