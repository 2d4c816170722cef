"""Only one training writes a run folder, and its files belong together."""

import subprocess
import sys
from pathlib import Path

import pytest

from ava_np.data.pictures import Pictures
from ava_np.files import write_atomically
from ava_np.run import training
from ava_np.run.folder import Run
from ava_np.run.names import CONFIG, LOCK, METRICS, MODEL, TRAINING
from tests.command import tree
from tests.run.small_runs import refused, specify, train

HOLD = """
import sys, time
from pathlib import Path
from ava_np.run.lock import lock_folder
lock = lock_folder(Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(600)
"""


def test_second_writer_is_refused_in_one_line(trained: Run) -> None:
    with trained:
        trained.lock()
        trained.lock()  # the same writer
        refused(lambda: Run.open(trained.folder).lock(), "is in use by another training")
        refused(lambda: training.resume(Run.open(trained.folder)), "is in use by another training")
        refused(lambda: Run.create(trained.folder, specify(), overwrite=True), "is in use by another training")
        assert Run.open(trained.folder).model()  # reading is free
    Run.open(trained.folder).lock()


def test_refused_writer_changes_nothing(trained: Run) -> None:
    before = tree(trained.folder)
    trained.lock()
    refused(lambda: Run.create(trained.folder, specify(epochs=9), overwrite=True), "is in use")
    assert tree(trained.folder) == before


def test_lock_of_a_killed_process_is_released(trained: Run) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, trained.folder], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        refused(lambda: Run.open(trained.folder).lock(), "is in use by another training")
        holder.kill()
    Run.open(trained.folder).lock()


def test_lock_does_not_follow_links(trained: Run, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (trained.folder / LOCK).unlink()
    (trained.folder / LOCK).symlink_to(tmp_path / "precious")
    with pytest.raises(Exception, match="cannot lock"):
        Run.open(trained.folder).lock()
    assert (tmp_path / "precious").read_text() == "precious"


def test_next_writer_removes_what_a_killed_one_left(trained: Run) -> None:
    left = trained.folder / f".{MODEL}.0123456789abcdef.partial"
    other = trained.folder / ".samples-64.png.0123456789abcdef.partial"  # of a reader, which may be at work
    left.write_bytes(b"half")
    other.write_bytes(b"half")
    Run.open(trained.folder).lock()
    assert not left.exists()
    assert other.exists()


@pytest.mark.parametrize("name", [MODEL, TRAINING, METRICS])
def test_files_of_another_run_are_refused(trained: Run, tmp_path: Path, pictures: Pictures, name: str) -> None:
    """The other run has the same layers, but another seed."""
    import msgspec

    specification = specify()
    other_training = msgspec.structs.replace(specification.training, seed=1)
    other = Run.create(tmp_path / "other", msgspec.structs.replace(specification, training=other_training))
    train(other, pictures)
    write_atomically(trained.folder / name, (other.folder / name).read_bytes())
    run = Run.open(trained.folder)
    use = {MODEL: run.model, TRAINING: lambda: training.resume(run), METRICS: run.metrics}[name]
    refused(use, "another run")


def test_same_options_give_the_same_id(tmp_path: Path) -> None:
    first, again, longer = (
        Run.create(tmp_path / name, specify(epochs=epochs)) for name, epochs in (("a", 4), ("b", 4), ("c", 9))
    )
    assert first.specification.id == again.specification.id == longer.specification.id
    assert len(first.specification.id) == 16
    assert f'"id": "{first.specification.id}"' in (first.folder / CONFIG).read_text()


def test_training_that_another_one_has_overtaken_is_refused(trained: Run, pictures: Pictures) -> None:
    slow = training.resume(trained, epochs=9)
    trained.close()
    train(Run.open(trained.folder), pictures, epochs=6)
    before = tree(trained.folder)
    refused(lambda: list(training.train(trained, slow, trained.split(pictures))), "trained further in the meantime")
    assert tree(trained.folder) == before
