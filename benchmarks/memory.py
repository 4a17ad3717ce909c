"""Peak memory of one call, beyond what its process holds before: of the process on a CPU, of the device on a GPU."""

import ctypes
import gc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

MIB = 2**20
PROCESS = Path("/proc/self")
RESET_PEAK = "5"  # of VmHWM, see proc(5), clear_refs


def growth(call: Callable[[], Any], device_bytes: Callable[[], tuple[int, int] | None]) -> float:
    """MiB by which ``call`` raises the peak over what is in use before it.

    Args:
      device_bytes: bytes in use and their peak so far, on a device with memory of its own; None on a CPU.

    Raises:
      NotImplementedError: this system does not tell the peak of a process.
    """
    gc.collect()
    before = device_bytes()
    if before is not None:
        call()
        after = device_bytes()
        assert after is not None
        return (after[1] - before[0]) / MIB
    if not (PROCESS / "clear_refs").exists():
        raise NotImplementedError("peak memory is read from /proc, which Linux alone has")
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)  # what compiling left behind would be taken again, unseen
    (PROCESS / "clear_refs").write_text(RESET_PEAK)
    resident = _kib("VmRSS")
    call()
    return (_kib("VmHWM") - resident) * 1024 / MIB


def _kib(field: str) -> int:
    found = re.search(rf"^{field}:\s*(\d+) kB", (PROCESS / "status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
