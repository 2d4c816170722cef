"""Measure the limits of this machine, with which the rate of a kernel can be compared.

FMA peak     Fused multiply-adds on registers alone. Each accumulator depends only on its own previous value, and there
             are enough accumulators to fill every unit: no program computes faster.
sgemm rate   NumPy's BLAS on two 1024 x 1024 matrices of float32.
memory rate  A sum over an array that is larger than the caches.

The loop of the first is written in LLVM IR, because Python has no way to keep an accumulator in a register.
"""

import ctypes
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import llvmlite.binding as llvm
import numpy as np
from threadpoolctl import threadpool_limits

from ava_np.kernels.machine.compile import kernel

MATRIX_SIDE = 1024
READ_BYTES = 2**27  # size of the array that each thread reads
SPIN_OPERATIONS = 200_000_000  # floating-point operations of one measurement of the peak


@dataclass(frozen=True)
class Rates:
    """Rates that a number of threads reach together.

    Attributes
    ----------
    threads : int
        Number of threads.
    peak, sgemm : float
        GFLOP/s in float32; a multiply-add counts twice.
    memory : float
        GB/s read.
    """

    threads: int
    peak: float
    sgemm: float
    memory: float


class Spin:
    """A loop of float32 multiply-adds and nothing else, compiled for this processor.

    Attributes
    ----------
    operations : int
        Floating-point operations of one iteration.
    """

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        lanes, accumulators = _registers(llvm.get_host_cpu_features())
        self.operations = 2 * lanes * accumulators
        target = llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
        )
        module = llvm.parse_assembly(_spin_ir(lanes, accumulators))
        self._engine = llvm.create_mcjit_compiler(module, target)  # owns the machine code
        self._engine.finalize_object()
        # ctypes releases the interpreter's lock during the call, so that threads can run it in parallel.
        self._run = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64)(self._engine.get_function_address("spin"))

    def __call__(self, operations: int) -> None:
        """Execute ``operations`` floating-point operations, rounded up to whole iterations."""
        self._run(-(-operations // self.operations))


def _registers(features: dict[str, bool]) -> tuple[int, int]:
    """Return (float32 lanes of a vector register, accumulators).

    Two units of latency 4 or 5 need 10 accumulators to be always busy; NEON's four units need 16.
    """
    if features.get("avx512f"):
        return 16, 12
    if features.get("avx"):
        return 8, 12  # there are 16 registers
    return 4, 24 if features.get("neon") else 12


def _spin_ir(lanes: int, accumulators: int) -> str:
    """Return the loop a ← ½ a + ½ for every lane of every accumulator.

    It returns the sum of the accumulators, so that the compiler cannot remove any of them.
    """
    vector, half = f"<{lanes} x float>", f"<{', '.join(['float 0.5'] * lanes)}>"
    fma = f"@llvm.fma.v{lanes}f32"
    start = "\n".join(
        f"  %a{k} = phi {vector} [ zeroinitializer, %entry ], [ %b{k}, %loop ]" for k in range(accumulators)
    )
    iteration = "\n".join(
        f"  %b{k} = call {vector} {fma}({vector} %a{k}, {vector} {half}, {vector} {half})" for k in range(accumulators)
    )
    total = "\n".join(
        f"  %t{k} = fadd {vector} {'zeroinitializer' if k == 0 else f'%t{k - 1}'}, %b{k}" for k in range(accumulators)
    )
    return f"""
declare {vector} {fma}({vector}, {vector}, {vector})

define float @spin(i64 %iterations) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{start}
{iteration}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %iterations
  br i1 %more, label %loop, label %end
end:
{total}
  %first = extractelement {vector} %t{accumulators - 1}, i32 0
  ret float %first
}}
"""


@kernel
def total(values: np.ndarray) -> float:
    """Return the sum of an array: one addition per load, so that memory is the limit."""
    result = values.dtype.type(0)
    for i in range(values.size):
        result += values[i]
    return result


def measure_rates(threads: int, repeats: int) -> Rates:
    """Return the best rates of ``repeats`` measurements on ``threads`` threads."""
    spin = Spin()
    arrays = [np.ones(READ_BYTES // 4, np.float32) for _ in range(threads)]
    a, b = np.ones((2, MATRIX_SIDE, MATRIX_SIDE), np.float32)
    c = np.empty_like(a)
    with ThreadPoolExecutor(threads) as pool:

        def on_all_threads(work: Callable[[int], object]) -> Callable[[], object]:
            return lambda: list(pool.map(work, range(threads)))

        peak = _shortest_time(on_all_threads(lambda _: spin(SPIN_OPERATIONS)), repeats)
        memory = _shortest_time(on_all_threads(lambda thread: total(arrays[thread])), repeats)
    with threadpool_limits(threads, "blas"):
        sgemm = _shortest_time(lambda: np.matmul(a, b, out=c), repeats)
    return Rates(
        threads=threads,
        peak=threads * SPIN_OPERATIONS / peak / 1e9,
        sgemm=2 * MATRIX_SIDE**3 / sgemm / 1e9,
        memory=threads * READ_BYTES / memory / 1e9,
    )


def _shortest_time(work: Callable[[], object], repeats: int) -> float:
    """Return the shortest of ``repeats`` times in seconds, after one run that is not timed."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
