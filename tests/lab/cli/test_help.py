"""The command line's face: its help is frozen, it answers at once, and says what is wrong in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from asgml.lab.cli import main
from asgml.lab.datasets.settings import Keypad

COMMANDS = ("data", "run", "report", "diagnose", "compare", "export", "cite", "check", "list")
HELP = Path(__file__).with_name("help.txt")
HEAVY = {"torch", "sklearn", "scipy", "matplotlib", "tensorboard", "numpy", "soundfile"}
LIGHT = ("--help", "run --help", "list", "data prepare --help", "run phase1 --set train.lrr=1", "run nothing", "rum", "report")
PROBE = f"""
import os, sys
from asgml.lab.cli import main
for line in {LIGHT}:
    if (child := os.fork()) == 0:
        main(line.split())
        loaded = sorted({{name.partition(".")[0] for name in sys.modules}} & {HEAVY})
        print("loaded by", line, loaded, file=sys.stderr, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def asgml(*arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "NO_COLOR", "COLUMNS")}
    environment |= {"COLUMNS": "88", "PYTHONIOENCODING": "utf-8"} | variables
    command = [sys.executable, "-m", "asgml", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False, timeout=60)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a line prints, in this process."""

    def run(line: str, columns: int = 88) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        assert main(line.split()) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return out

    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return run


def test_help_is_as_frozen(printed: Callable[..., str]) -> None:
    """To freeze it anew: write what this test finds to the file, and read the difference."""
    commands = ("", *COMMANDS, "data prepare", "data check")
    lines = [f"{command} --help".strip() for command in commands]
    found = "".join(f"$ asgml {line}\n{printed(line)}\n" for line in lines)
    if os.environ.get("ASGML_FREEZE"):
        HELP.write_text(found, encoding="utf-8")
    assert found == HELP.read_text(encoding="utf-8")


def test_no_command_is_a_call_for_help() -> None:
    assert HELP.read_text(encoding="utf-8").startswith(f"$ asgml --help\n{asgml().stdout}\n$ asgml data --help\n")


def test_version_is_that_of_the_package() -> None:
    from asgml import __version__

    done = asgml("--version")
    assert (done.returncode, done.stdout) == (0, f"asgml {__version__}\n")


def test_nothing_heavy_is_imported_for_what_needs_none() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, timeout=60)
    said = [words for words in done.stderr.splitlines() if words.startswith("loaded by")]
    assert said == [f"loaded by {line} []" for line in LIGHT]


EITHER = "report: must be given either the folder of a run or --tensorboard NAME=DIR ..., one of the two"
WRONG = {
    "rnu": f'Unknown command "rnu". Did you mean "run"? Available commands: {", ".join(COMMANDS[:8])}, ...',
    "run": 'Command "run" parameter EXPERIMENT requires an argument.',
    "run phase1 --job 3": "Unknown option: --job. Did you mean --jobs?",
    "run phase1 --jobs many": 'Invalid value for --jobs: unable to convert "many" into int.',
    "run phase1 --jobs 0": "--jobs: must be 1 or more, found 0",
    "run phase1 --set": 'Command "run" parameter --set requires an argument.',
    "run phase1 phase2": "Unused Tokens: ['phase2'].",
    "run phas1": "'phas1' is neither a built-in experiment nor a file that exists; did you mean 'phase1'?",
    "run phase1 --set train.lrr=1": "`train.lrr`: unknown setting; did you mean 'lr'?",
    "run phase1 --set dataset.name=keypd": "`dataset.name`: unknown data set 'keypd'; did you mean 'keypad'?",
    "run phase1 --set dataset.import=nowhere:data": "`dataset.import`: there is no module 'nowhere' (found in 'nowhere:data'); "
    "install it, or run asgml in the folder that holds it",
    "run phase1 --set methods.own.import=nowhere:f": "`methods.own.import`: there is no module 'nowhere' (found in "
    "'nowhere:f'); install it, or run asgml in the folder that holds it",
    "run phase1 --set model.encoders.audio.import=nowhere:f": "`model.encoders.audio.import`: there is no module 'nowhere' "
    "(found in 'nowhere:f'); install it, or run asgml in the folder that holds it",
    "run phase1 --set model.fusion.import=nowhere:f": "`model.fusion.import`: there is no module 'nowhere' (found in "
    "'nowhere:f'); install it, or run asgml in the folder that holds it",
    "run phase1 --set model.encoders.audio.resnet18.weights=/nowhere.pth": "`model.encoders.audio.resnet18.weights`: "
    "/nowhere.pth does not exist; give a local file",
    "list dataset": 'Invalid value "dataset" for WHAT. Choose from: "datasets", "encoders", "fusions", "methods", '
    '"experiments". Did you mean "datasets"?',
    "diagnose nowhere": "run: must be the folder of a run, found none at nowhere; give the folder that `asgml run` wrote",
    "data prepare cremad --root nowhere --out o": "--root: must be a folder that is there, found nowhere",
    "data prepare cremad --root . --out o --jobs 0": "--jobs: must be 1 or more, found 0",
    "data prepare cremad --root . --out o --frames 0": "--frames: input should be greater than or equal to 1, found 0",
    "data check keypd": "`dataset.name`: unknown data set 'keypd'; did you mean 'keypad'?",
    "data check keypad --set snr=0": "`dataset.snr`: unknown setting; did you mean 'snr_db'?",
    "data check keypad --out page.txt": "--out: must be the name of an HTML file, found page.txt",
    "compare a": "run: must be the folder of a run, found none at a; give the folder that `asgml run` wrote",
    "export a": "run: must be the folder of a run, found none at a; give the folder that `asgml run` wrote",
    "export a --format tex": 'Invalid value "tex" for --format. Choose from: "csv", "latex", "markdown". Did you mean "latex"?',
    "cite ogn": "cite: must be entries of methods, found 'ogn'; did you mean 'ogm'?",
    "check nowhere:f": "`check`: there is no module 'nowhere' (found in 'nowhere:f'); install it, or run asgml in the folder "
    "that holds it",
    "check a:f modality": "check: arguments must be NAME=VALUE, such as modality=audio, found 'modality'",
    "report": EITHER,
    "report here --tensorboard a=b": EITHER,
    "report here --epochs 1,x": "--epochs: must be epochs from 1 on, separated by commas, such as 1,5,10, found '1,x'",
    "report here --epochs 0": "--epochs: must be epochs from 1 on, separated by commas, such as 1,5,10, found '0'",
    "report --tensorboard a=b": "--out: must be given with --tensorboard: the folder to write the report to",
    "report --tensorboard a --out o": "--tensorboard: must be NAME=DIR, such as baseline=runs/base, found 'a'",
    "report --tensorboard a=b a=c --out o": "--tensorboard: the name 'a' is there twice; give every folder a name of its own",
}


@pytest.mark.parametrize("line", WRONG)
def test_what_is_wrong_takes_one_line_and_code_2(
    line: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    assert tuple(capsys.readouterr()) == ("", f"asgml: error: {WRONG[line]}\n")
    assert not list(tmp_path.iterdir())


def test_several_problems_take_a_line_each(tmp_path: Path) -> None:
    done = asgml("run", "phase1", "--set", "train.lrr=1", "--set", "seeds=[]", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "asgml: error: `train.lrr`: unknown setting; did you mean 'lr'?",
        "asgml: error: `seeds`: must not be empty, found []",
    ]


def test_lists_name_everything_with_its_defaults(printed: Callable[..., str]) -> None:
    text = printed("list", 120)
    for words in (
        "keypad",
        "avdigits",
        "import: module:name",
        "task: digit (or sum_mod_10, same_or_not)",
        "root: (must be given)",
    ):
        assert words in text
    for words in ("frequency", "staleness", "alone", "k: (must be given)", "rule: one_in (or every)", "damping: 0.0"):
        assert words in text
    for words in ("resnet18", "Takes image, frames.", "width: 64", "cross_attention", "A modality's own logits: zero_feature."):
        assert words in text
    for words in ("phase1", "methods: baseline, frequency_k2, staleness_t2", "seeds: [0, 1, 2]"):
        assert words in text


def test_lists_show_the_tuned_values(printed: Callable[..., str]) -> None:
    assert f"train.lr: {Keypad.tuned['lr']:g} (tuned)" in printed("list datasets", 120)


def test_a_list_alone_is_without_the_others(printed: Callable[..., str]) -> None:
    text = printed("list methods")
    assert "staleness" in text
    assert "keypad" not in text
    assert "phase1" not in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_in_a_pipe_is_plain_in_any_encoding(encoding: str) -> None:
    done = asgml("list", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout


def test_what_an_encoding_lacks_is_replaced() -> None:
    code = "from asgml.lab.cli import listing, main; listing.show = lambda what: print('1 \\xb1 2'); main(['list'])"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("1 ? 2\n", "")


@pytest.mark.parametrize("line", ["list", "", "run --help"])
def test_a_reader_that_leaves_is_no_error(line: str) -> None:
    command = [sys.executable, "-m", "asgml", *line.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_tuned_is_said_of_what_was_tuned(capsys: pytest.CaptureFixture[str]) -> None:
    from asgml.lab.datasets import settings

    tuned = {name for name, model in settings.BUILT_IN.items() if model.tuned_how == "tuned"}
    assert tuned == {"keypad", "avdigits"}
    assert main(["list", "datasets"]) == 0
    assert "a common choice" in capsys.readouterr().out
