"""The names of the files in a run folder."""

CONFIG, METRICS = "config.json", "metrics.jsonl"
MODEL, TRAINING = "model.safetensors", "training.safetensors"
SAMPLES, RECONSTRUCTIONS, IMAGE_BEST = "samples.png", "reconstructions.png", "image_best.png"
LOSSES, REPORT = "losses.png", "report.html"
CARD = "README.md"  # replaced and deleted as long as nobody has edited it, ``ava_np.run.card_file``
METRICS_CSV = "metrics.csv"  # with --log csv
ANIMATION = "training.gif"
ARCHITECTURE = "architecture.json"  # a custom one, in the form that --architecture reads
RUN_FILES = (
    *(CONFIG, MODEL, TRAINING, METRICS, SAMPLES, RECONSTRUCTIONS, IMAGE_BEST, LOSSES, ANIMATION, REPORT),
    *(ARCHITECTURE, METRICS_CSV),
)

PROGRESS = "progress"  # a folder of pictures that are drawn while training, ``ava_np.run.progress_folder``

LOCK = ".lock"  # it stays in the folder: to delete it would let two writers hold two locks
