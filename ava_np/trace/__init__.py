"""One step of a small model with every number: forward, errors back, gradients, update; each checked by differences."""

from ava_np.trace.row import Row
from ava_np.trace.step import Total, Trace, Update, trace_step

__all__ = ["Row", "Total", "Trace", "Update", "trace_step"]
