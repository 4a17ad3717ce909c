"""Which engine runs a call."""

from collections.abc import Mapping

from sequence_lab.ops.recurrence.engine import Call, Engine
from sequence_lab.ops.recurrence.newton import Newton
from sequence_lab.ops.recurrence.scan_plain import ScanPlain

ENGINES: Mapping[str, Engine] = {"scan_plain": ScanPlain(), "newton": Newton()}


def chosen_engine(engine: str | Engine, call: Call) -> Engine:
    """The engine of that name, or the one that "auto" means for this call.

    Raises:
      ValueError: an unknown name, an engine that refuses the call.
    """
    if engine == "auto":
        engine = "scan_plain"
    if isinstance(engine, str):
        if engine not in ENGINES:
            raise ValueError(f"engine is {engine!r}; allowed: auto, {', '.join(ENGINES)}, or an engine with options")
        name, engine = engine, ENGINES[engine]
    else:
        name = repr(engine)
    refusal = engine.refusal(call)
    if refusal is not None:
        allowed = ", ".join(name for name, other in ENGINES.items() if other.refusal(call) is None)
        raise ValueError(f"engine is {name}, which cannot run this call: {refusal}; allowed here: {allowed}")
    return engine
