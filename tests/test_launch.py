"""The command line: what it refuses, and that it reads well."""

import errno
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sequence_lab import experiment, experiment_files
from sequence_lab.composition import compose
from sequence_lab.run_folder import RunFolder

ROOT = Path(__file__).resolve().parent.parent
GRU = str(ROOT / "experiments" / "digits_gru.py")


CONFIG = """
from sequence_lab.experiment import default_config
def get_config():
    config = default_config()
"""


@pytest.fixture(scope="module")
def launch():
    before = dict(os.environ)
    spec = importlib.util.spec_from_file_location("launch", ROOT / "launch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def refuse(launch, tmp_path, monkeypatch, capsys):
    """Runs a command that is to be refused in an empty folder; the one line that it says."""

    def run(*words):
        folder = tmp_path / "cwd"
        folder.mkdir()
        monkeypatch.chdir(folder)
        assert launch.main(["launch.py", *words]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert said.err.startswith("launch.py: ")
        assert "Traceback" not in said.err
        assert list(folder.iterdir()) == [], "nothing is written"
        return said.err

    return run


@pytest.mark.parametrize(
    ("words", "got", "allowed"),
    [
        (["--config.trainig.num_steps=3"], "trainig.num_steps", "did you mean training.num_steps?"),
        (["--config.training.num_step=3"], "training.num_step", "did you mean training.num_steps?"),
        (["--config.training.num_steps=many"], "'many'", "allowed: int"),
        (["--config.training.num_steps=-5"], "-5", "allowed: 0 or more"),
        (["--config.training.batch_size=0"], "training.batch_size is 0", "allowed: 1 or more"),
        (["--config.optimizer.learning_rate=-1.0"], "-1.0", "allowed: 0 or more"),
        (["--config.model_name=recurent_classifier"], "'recurent_classifier'", "did you mean recurrent_classifier?"),
        (["--config.dataset_name=digit"], "'digit'", "did you mean digits?"),
        (["--config.optimizer.name=adm"], "'adm'", "adam"),
        (["--config.model.cell=lsmt"], "'lsmt'", "lstm"),
        (["--config.model.features=(0,)"], "(0,)", "allowed: one int >= 1 per layer"),
        (["--config.parallel=pmapp"], "'pmapp'", "allowed: jit, pmap"),
        (["--config.model_name=conv_net_2d"], "'bidirectional'", "hidden_features"),
        (["--mode=trian"], "'trian'", "did you mean train?"),
        (["--workdr=runs"], "workdr", "workdir"),
        (["train"], "'train'", "allowed: flags"),
        (["--workdir=/proc/run"], "/proc/run", "cannot be written"),
        (["--workdir="], "--workdir is ''", "allowed: a folder"),
        (["--seeds=3"], "--seeds", "allowed: with --mode=sweep"),
        (["--config.seed=-1"], "config.seed is -1", "allowed: 0 or more"),
        (["--config.training.k1=3", "--config.training.k2=8"], "training.k1 is 3", "which is no stream: 0"),
        (["--config.optimizer.b2=1.5"], "optimizer.b2 is 1.5", "below 1"),
        (["--mode=scan", "--config.scan.files=x.fa"], "digits_gru cannot scan", "allowed: classification of DNA"),
        (["--config.scan.stride=-1"], "config.scan.stride is -1", "allowed: 0 or more"),
        (["--mode=evaluate"], "has no whole checkpoint", "train first"),
        (
            ["--mode=sweep", "--sweep=optimizer.learning_rat=0.1,0.2"],
            "optimizer.learning_rat",
            "did you mean optimizer.learning_rate?",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(refuse, words, got, allowed):
    line = refuse(f"--config={GRU}", *words)
    assert got in line
    assert allowed in line


def test_a_missing_config_file_is_refused_with_the_nearest_one(refuse):
    line = refuse("--config=experiments/digits_gur.py")
    assert "'experiments/digits_gur.py'" in line
    assert "digits_gru.py" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sequence_lob", "No module named 'sequence_lob'"),
        ("get_config = lambda:\n", "SyntaxError"),
        ("x = 1", "has no get_config()"),
        ("def get_config(): pass", "has no get_config() that returns a ConfigDict"),
        (CONFIG + "    config.trainig.num_steps = 3\n    return config", "trainig"),
        (CONFIG + "    return config\ndef get_sweep(): raise KeyError('axes')", "KeyError: 'axes'"),
        (CONFIG + "    return config\ndef get_sweep(): return 3", "a get_sweep() that returns 3; allowed: a dict"),
        ("", "has no get_config()"),
    ],
)
def test_a_faulty_config_file_is_refused(refuse, tmp_path, text, said):
    (tmp_path / "mine.py").write_text(text)
    assert said in refuse(f"--config={tmp_path / 'mine.py'}")


def digits_run(folder):
    """A run's folder as ``experiments/digits_gru.py`` makes it, before its first step."""
    spec = importlib.util.spec_from_file_location("digits_gru", GRU)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    run = RunFolder(folder)
    with run.claim(compose(module.get_config()).config):
        return run


def test_another_experiments_folder_is_refused_by_the_field_that_differs(refuse, tmp_path):
    run = digits_run(tmp_path / "run")
    before = {path: path.read_bytes() for path in run.path.iterdir()}
    assert "config.seed is 7" in refuse(f"--config={GRU}", f"--workdir={run.path}", "--config.seed=7")
    assert {path: path.read_bytes() for path in run.path.iterdir()} == before


def test_a_folder_of_other_files_is_refused(refuse, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("mine")
    assert "holds other files" in refuse(f"--config={GRU}", f"--workdir={tmp_path / 'thesis'}")


def test_a_damaged_config_in_a_run_is_refused(refuse, tmp_path):
    run = digits_run(tmp_path / "run")
    (run.path / "config.json").write_text("")
    assert "is damaged" in refuse(f"--config={GRU}", f"--workdir={run.path}")


def test_a_damaged_environment_beside_the_config_of_a_run_is_refused(refuse, tmp_path):
    run = digits_run(tmp_path / "run")
    (run.path / "environment.json").write_text("{")
    assert "environment.json is damaged" in refuse(f"--config={run.path / 'config.json'}")


def test_generating_from_a_classifier_is_refused(refuse):
    assert "cannot generate" in refuse(f"--config={GRU}", "--mode=generate")


def test_a_download_that_fails_is_refused_in_one_line(launch, tmp_path, monkeypatch, capsys):
    import tensorflow_datasets as tfds

    def fails(*arguments):
        raise OSError("no route to host")

    monkeypatch.setattr(tfds.download.DownloadManager, "download", fails)
    monkeypatch.setenv("SEQUENCE_LAB_DATA", str(tmp_path))
    assert launch.main(["launch.py", "--mode=prepare", "--datasets=ptb"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("launch.py: ptb cannot be downloaded from http://www.fit.vutbr.cz/")
    assert "OSError: no route to host; allowed: --manual_dir=FOLDER" in said


def test_help_names_every_flag_and_every_experiment(launch, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as exit_:
        launch.main(["launch.py", "--help"])
    assert exit_.value.code == 0
    said = capsys.readouterr().out
    for word in ("--config", "--workdir", "--mode", "--sweep", "--seeds", "--points", "--workers"):
        assert f"\n  {word} " in said
    for path in (ROOT / "experiments").glob("*.py"):
        assert path.name in said
    assert max(map(len, said.splitlines())) <= 120


def test_a_run_from_the_command_line_trains_evaluates_and_is_found_finished(launch, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["launch.py", f"--config={GRU}", "--config.model.features=(4,)", "--config.training.num_steps=2"]
    assert launch.main(words) == 0
    assert "first step done" in capsys.readouterr().err
    summary = json.loads((tmp_path / "runs" / "digits_gru" / "summary.json").read_text())
    assert launch.main([*words, "--mode=evaluate"]) == 0
    assert f"{summary['metrics']['test']['accuracy']:.4f}" in capsys.readouterr().out
    assert launch.main(words) == 0
    assert "is finished (step 2)" in capsys.readouterr().out


def test_a_runs_own_config_stands_for_all_that_it_was_trained_with(launch, refuse, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fields = ["--config.model.features=(4,)", "--config.training.num_steps=2"]
    assert launch.main(["launch.py", f"--config={GRU}", "--workdir=mine/first", *fields]) == 0
    capsys.readouterr()
    found = "--config=mine/first/config.json"
    assert launch.main(["launch.py", found]) == 0
    assert "is finished (step 2)" in capsys.readouterr().out
    assert launch.main(["launch.py", found, "--mode=evaluate"]) == 0
    assert "accuracy" in capsys.readouterr().out
    assert launch.main(["launch.py", found, "--config.training.num_steps=3"]) == 0
    summary = json.loads(Path("mine/first/summary.json").read_text())
    assert summary["num_steps"] == 3
    assert summary["command"].endswith("--config.training.num_steps=3")
    assert f"--config={GRU}" in summary["command"]
    assert launch.main(["launch.py", found, "--workdir=mine/second", "--config.seed=7"]) == 0
    first, second = (json.loads(Path(f"mine/{one}/config.json").read_text()) for one in ("first", "second"))
    assert {**first, "seed": 7} == second
    assert not Path("runs").exists()
    capsys.readouterr()
    assert "config.seed is 7" in refuse(f"--config={tmp_path}/mine/first/config.json", "--config.seed=7")


@pytest.mark.parametrize(("text", "said"), [("{}", "is no run's"), ("{", "is damaged")])
def test_a_json_file_that_is_no_runs_is_refused(refuse, tmp_path, text, said):
    (tmp_path / "config.json").write_text(text)
    assert said in refuse(f"--config={tmp_path / 'config.json'}")


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS])
def test_what_the_machine_refuses_is_said_in_one_line(launch, reason, monkeypatch, capsys):
    def fails(*arguments, **named):
        raise OSError(reason, os.strerror(reason), "a/file")

    monkeypatch.setattr(experiment, "run", fails)
    assert launch.main(["launch.py", f"--config={GRU}"]) == 1
    assert capsys.readouterr().err == f"launch.py: {os.strerror(reason)} (a/file); what is complete stays\n"


def test_a_pipe_that_is_closed_ends_it_without_a_word():
    words = f"{sys.executable} launch.py --help | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout in ("0\n", "1\n")  # all was written before, or not


def test_a_fault_of_the_program_keeps_its_traceback(launch, monkeypatch):
    def fails(*arguments, **named):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "a/file")

    monkeypatch.setattr(experiment, "run", fails)
    with pytest.raises(FileNotFoundError):
        launch.main(["launch.py", f"--config={GRU}"])


def test_a_field_that_is_none_can_be_set_whether_the_file_has_it_or_not(launch, tmp_path, refuse):
    file = ROOT / "experiments" / "mnist_196_pixels.py"
    found = [launch.parse(["launch.py", f"--config={file}", "--config.dataset.permutation=3"])[0].config]
    kept = compose(experiment_files.load(GRU)[0]).config
    kept.update(dataset_name="mnist", dataset={"permutation": None})
    (tmp_path / "config.json").write_text(json.dumps(kept))
    again = ["launch.py", f"--config={tmp_path / 'config.json'}", "--config.dataset.permutation=3"]
    found.append(launch.parse(again)[0].config)
    assert [config.dataset.permutation for config in found] == [3, 3]
    assert "allowed: int" in refuse(*again[1:2], "--config.dataset.permutation=many")


def test_a_field_that_the_file_leaves_at_its_default_can_be_set(launch):
    file = ROOT / "experiments" / "adding_lstm.py"
    words = ["--config.model.dropout=0.25", "--config.dataset.num_test=50", "--config.objectives.sum.weight=2.0"]
    values, _ = launch.parse(["launch.py", f"--config={file}", *words])
    config = values.config
    assert (config.model.dropout, config.dataset.num_test, config.objectives.sum.weight) == (0.25, 50, 2.0)
    assert "bidirectional" not in config.model


FAULTS = """
import os, resource, launch
{set_up}
def work():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"a" * (64 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
work()
print(work(), os.environ.get("XLA_FLAGS", ""), os.environ.get("SEQUENCE_LAB_ONEDNN", ""))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_process_setup_keeps_memory_and_sets_jax_up_and_an_import_does_nothing():
    own = ("XLA_FLAGS", "SEQUENCE_LAB_ONEDNN")
    environment = {name: value for name, value in os.environ.items() if name not in own}

    def said(set_up, **more):
        command = [sys.executable, "-c", FAULTS.format(set_up=set_up)]
        return subprocess.check_output(command, cwd=ROOT, env=environment | more, text=True).split()

    (as_it_is,) = said("")
    faults, *flags = said("launch.set_up_process()", XLA_FLAGS="--xla_cpu_enable_fast_math=false")
    assert int(as_it_is) > 30  # of 4 KiB or 2 MiB
    assert int(faults) < 8
    loops = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=2097152"
    assert flags == ["--xla_cpu_enable_fast_math=false", "--xla_cpu_prefer_vector_width=512", loops, "1"]
    narrow = "--xla_cpu_prefer_vector_width=256"
    assert said("launch.set_up_process()", XLA_FLAGS=narrow, SEQUENCE_LAB_ONEDNN="0")[1:] == [narrow, loops, "0"]


def test_process_setup_is_off_however_absl_spells_it(launch):
    config, _ = experiment_files.load(GRU)
    for word in (
        "--noprocess_setup",
        "-noprocess_setup",
        "--process_setup=False",
        "--process_setup=0",
        "-process_setup=f",
    ):
        values = launch.define_flags(config, [word])
        values(["launch.py", word])
        assert not values.process_setup
        assert launch.leaves_process(["launch.py", word])
    for word in ("--process_setup", "--process_setup=true", "--mode=train"):
        assert not launch.leaves_process(["launch.py", word])


def test_a_refused_command_ends_with_code_2(tmp_path):
    command = [sys.executable, ROOT / "launch.py", "--config.training.num_stps=3"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "did you mean training.num_steps?" in done.stderr
    assert list(tmp_path.iterdir()) == []
