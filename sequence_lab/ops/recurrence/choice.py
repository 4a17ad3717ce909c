"""Which engine runs a call, and why."""

from collections.abc import Mapping

from sequence_lab.ops.recurrence import tuning
from sequence_lab.ops.recurrence.associative import Associative
from sequence_lab.ops.recurrence.cudnn import CuDNN
from sequence_lab.ops.recurrence.engine import Call, Engine
from sequence_lab.ops.recurrence.fused import Fused
from sequence_lab.ops.recurrence.newton import Newton
from sequence_lab.ops.recurrence.scan import Scan
from sequence_lab.ops.recurrence.scan_plain import ScanPlain

ENGINES: Mapping[str, Engine] = {
    "scan": Scan(),
    "scan_plain": ScanPlain(),
    "associative": Associative(),
    "fused": Fused(),
    "newton": Newton(),
    "cudnn": CuDNN(),
}

PREFERRED = ("associative", "fused", "scan")  # by "auto": the first that can run the call
# Why "auto" leaves an engine that could run the call.
NOT_CHOSEN: Mapping[str, str] = {
    "scan": "slower as a rule: associative leaves no product in a loop, fused starts one kernel for all steps",
    "scan_plain": "slower; for forward mode (jvp of the layer itself), which scan has not",
    "newton": "slower but for few units over many steps, and right to its tolerance only",
    "cudnn": "has neither second derivatives nor vmap: to be asked for by name",
}
NOT_TIMED = ("newton", "cudnn")  # the time of one depends on the numbers it is given; the other can do less


def chosen_engine(engine: str | Engine, call: Call) -> Engine:
    """The engine of that name, or the one that "auto" or "tuned" means for this call.

    Raises:
      ValueError: an unknown name, an engine that refuses the call.
    """
    if not isinstance(engine, str):
        name = repr(engine)
    else:
        name = _resolved(engine, call)
        engine = ENGINES[name]
    refusal = engine.refusal(call)
    if refusal is not None:
        raise ValueError(f"engine {name} cannot run this call: {refusal}; allowed here: {', '.join(_able(call))}")
    return engine


def explain(engine: str | Engine, call: Call) -> str:
    """One line on the engine that runs the call, and one on each of the others."""
    refusals = {name: other.refusal(call) for name, other in ENGINES.items()}
    if isinstance(engine, str):
        chosen = _resolved(engine, call)
    else:
        chosen = repr(engine)
        refusals[chosen], engine = engine.refusal(call), chosen
    if refusals[chosen] is not None:
        lines = [f"{chosen} cannot run this call: {refusals[chosen]}"]
    else:
        lines = [f"{engine} runs {chosen}" if engine != chosen else f"{chosen} runs"]
    why_not = {
        "auto": NOT_CHOSEN,
        "tuned": dict.fromkeys(ENGINES, "slower here") | dict.fromkeys(NOT_TIMED, "not timed"),
    }
    width = max(map(len, ENGINES))
    for name, refusal in refusals.items():
        if name != chosen:
            why = f"refused: {refusal}" if refusal is not None else why_not.get(engine, {}).get(name, "could run, too")
            lines.append(f"  {name:<{width}}  {why}")
    return "\n".join(lines)


def _resolved(engine: str, call: Call) -> str:
    if engine == "auto":
        return next(name for name in PREFERRED if ENGINES[name].refusal(call) is None)
    if engine == "tuned":
        able = {name: ENGINES[name] for name in _able(call) if name not in NOT_TIMED}
        return tuning.fastest(call, able)
    if engine not in ENGINES:
        allowed = ", ".join(("auto", "tuned", *ENGINES))
        raise ValueError(f"engine is {engine!r}; allowed: {allowed}, or an engine with options")
    return engine


def _able(call: Call) -> list[str]:
    return [name for name, engine in ENGINES.items() if engine.refusal(call) is None]
