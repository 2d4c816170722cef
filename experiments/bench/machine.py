"""What this machine can do at most: rates to hold a kernel against.

FMA peak     fused multiply-adds on registers alone. Each accumulator waits for its own last result only, and there are
             enough of them to fill every unit: no program computes faster.
sgemm rate   NumPy's BLAS on two 1024 x 1024 matrices of float32.
memory rate  a sum over an array larger than the caches.

The first is emitted as LLVM IR, because nothing in Python promises to keep an accumulator in its register.
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

SIDE = 1024  # of the matrices
READ_BYTES = 2**27  # of the array that is read, by each thread
SPIN_OPERATIONS = 200_000_000  # of one measurement of the peak


@dataclass(frozen=True)
class Rates:
    """Rates of a number of threads.

    Attributes
    ----------
    threads : int
        How many run at once.
    peak, sgemm : float
        GFLOP/s in float32: a multiply-add counts twice.
    memory : float
        GB/s read.
    """

    threads: int
    peak: float
    sgemm: float
    memory: float


class Spin:
    """A loop of nothing but float32 multiply-adds, compiled for this processor.

    Attributes
    ----------
    operations : int
        Of one turn of the loop.
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
        # ctypes lets go of the interpreter's lock for the call, so that threads spin side by side.
        self._run = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64)(self._engine.get_function_address("spin"))

    def __call__(self, operations: int) -> None:
        """Do about so many floating-point operations, to the next whole turn."""
        self._run(-(-operations // self.operations))


def _registers(features: dict[str, bool]) -> tuple[int, int]:
    """(float32 lanes of a vector register, accumulators): two units of latency 4 or 5 need 10, NEON's four need 16."""
    if features.get("avx512f"):
        return 16, 12
    if features.get("avx"):
        return 8, 12  # of 16 registers
    return 4, 24 if features.get("neon") else 12


def _spin_ir(lanes: int, accumulators: int) -> str:
    """a <- ½ a + ½ in every lane of every accumulator, and their sum at the end, so that none can be left out."""
    vector, half = f"<{lanes} x float>", f"<{', '.join(['float 0.5'] * lanes)}>"
    fma = f"@llvm.fma.v{lanes}f32"
    start = "\n".join(
        f"  %a{k} = phi {vector} [ zeroinitializer, %entry ], [ %b{k}, %loop ]" for k in range(accumulators)
    )
    turn = "\n".join(
        f"  %b{k} = call {vector} {fma}({vector} %a{k}, {vector} {half}, {vector} {half})" for k in range(accumulators)
    )
    total = "\n".join(
        f"  %t{k} = fadd {vector} {'zeroinitializer' if k == 0 else f'%t{k - 1}'}, %b{k}" for k in range(accumulators)
    )
    return f"""
declare {vector} {fma}({vector}, {vector}, {vector})

define float @spin(i64 %turns) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{start}
{turn}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %turns
  br i1 %more, label %loop, label %end
end:
{total}
  %first = extractelement {vector} %t{accumulators - 1}, i32 0
  ret float %first
}}
"""


@kernel
def total(values: np.ndarray) -> float:
    """Σ values, in their own type: one addition to a load, so that memory is what it waits for."""
    found = values.dtype.type(0)
    for i in range(values.size):
        found += values[i]
    return found


def measure_rates(threads: int, repeats: int) -> Rates:
    """The best rates of ``repeats`` measurements on so many threads."""
    spin = Spin()
    arrays = [np.ones(READ_BYTES // 4, np.float32) for _ in range(threads)]
    a, b = np.ones((2, SIDE, SIDE), np.float32)
    c = np.empty_like(a)
    with ThreadPoolExecutor(threads) as pool:

        def at_once(work: Callable[[int], object]) -> Callable[[], object]:
            return lambda: list(pool.map(work, range(threads)))

        peak = _best(at_once(lambda _: spin(SPIN_OPERATIONS)), repeats)
        memory = _best(at_once(lambda thread: total(arrays[thread])), repeats)
    with threadpool_limits(threads, "blas"):
        sgemm = _best(lambda: np.matmul(a, b, out=c), repeats)
    return Rates(
        threads=threads,
        peak=threads * SPIN_OPERATIONS / peak / 1e9,
        sgemm=2 * SIDE**3 / sgemm / 1e9,
        memory=threads * READ_BYTES / memory / 1e9,
    )


def _best(work: Callable[[], object], repeats: int) -> float:
    """Least seconds of ``repeats`` runs, after one that is not counted."""
    work()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)
