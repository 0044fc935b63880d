"""One script on both kernels: what they printed and the frames they sent, compared."""

import dataclasses
import pathlib
import tempfile

from tests.oracle import compare, frames, ours, real

ATTEMPTS = 2
"""On a busy machine a real run may come late. The simulator's never does: only the real one is repeated."""


@dataclasses.dataclass
class Result:
    """What came of a script."""

    difference: str
    frames: int = 0
    """That the real kernel sent, and that were compared."""
    refused: tuple[str, ...] = ()
    """What podwire said that it does not model."""


def play(run, script, directory):
    """The output of a run that came to its end; captures go to the directory."""
    directory.mkdir()
    text, status = run(script.path, frames=None if script.frames == "no" else directory)
    return text if status == 0 else f"{text}[the script ended with {status}]\n"


def judge(script):
    """Run the script in both worlds."""
    with tempfile.TemporaryDirectory(prefix="oracle-") as name:
        place = pathlib.Path(name)
        place.chmod(0o755)  # the real tcpdump enters it as another user
        mine = play(ours.run, script, place / "ours")
        refused = tuple(what for _, what in compare.refused(compare.blocks(mine)))
        result = Result("it was not run", refused=refused)
        for attempt in range(ATTEMPTS):
            here = place / f"real{attempt}"
            theirs = play(real.run, script, here)
            parts = {
                "the record and the kernel": compare.real_difference(script, real.record(script.path), theirs),
                "the kernel and podwire": compare.difference(script, theirs, mine),
            }
            if script.frames != "no" and script.out_of_reach is None:
                result.frames, parts["their frames"] = compared(script, here, place / "ours")
            result.difference = "".join(f"{what} differ:\n{text}\n" for what, text in parts.items() if text)
            if not result.difference:
                break
        return result


def compared(script, theirs, mine):
    """As ``frames.difference``; a capture that lost something is a difference."""
    try:
        return frames.difference(script, theirs, mine)
    except frames.Lost as lost:
        return 0, str(lost)
