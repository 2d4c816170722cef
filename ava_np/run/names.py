"""The names of the files in a run folder."""

CONFIG, METRICS = "config.json", "metrics.jsonl"
MODEL, TRAINING = "model.safetensors", "training.safetensors"
SAMPLES, RECONSTRUCTIONS, IMAGE_BEST = "samples.png", "reconstructions.png", "image_best.png"
LOSSES, REPORT = "losses.png", "report.html"
ARCHITECTURE = "architecture.json"  # a custom one, in the form that --architecture reads
RUN_FILES = (CONFIG, MODEL, TRAINING, METRICS, SAMPLES, RECONSTRUCTIONS, IMAGE_BEST, LOSSES, REPORT, ARCHITECTURE)

LOCK = ".lock"  # it stays in the folder: to delete it would let two writers hold two locks
