"""Pack panels of every width from and to arrays that end at a locked page of memory."""

import numpy as np

from ava_np.kernels.machine.compile import kernel
from ava_np.kernels.machine.micro_kernel import host_tile
from ava_np.kernels.machine.packing import add_run, pack_panel, register_tile_and_packing
from tests.kernels.guarded_memory import guarded_ones


@kernel
def pack(scalar, target, row, source, step, column, depth, columns):  # type: ignore[no-untyped-def]
    pack_panel(scalar, target, row, source, step, column, depth, columns)


@kernel
def add(scalar, target, source, count):  # type: ignore[no-untyped-def]
    add_run(scalar, target, source, count)


if __name__ == "__main__":
    register_tile_and_packing(np.dtype(np.float32))
    tile = host_tile(4)
    assert tile is not None
    for columns in range(1, tile.NR + 1):
        depth, width = tile.lanes + 3, tile.lanes if columns <= tile.lanes else tile.NR
        for B in (guarded_ones(depth, columns), guarded_ones(columns, depth).T):
            panel, (step, column) = guarded_ones(depth, width), B.strides
            pack(np.float32, panel.ctypes.data, 4 * width, B.ctypes.data, step, column, depth, columns)
            assert panel.sum() == depth * columns
        target = guarded_ones(columns)
        add(np.float32, target.ctypes.data, guarded_ones(columns).ctypes.data, columns)
        assert np.all(target == 2)
