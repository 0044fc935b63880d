"""The commands and their options."""

from __future__ import annotations

from collections.abc import Callable
from math import isinf
from pathlib import Path
from typing import Any, Final

import click

import podwire as package

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_LAB: Final = click.option("-f", "--file", "lab", type=_FILE, required=True, metavar="LAB", help="The Lab file.")


class Duration(click.ParamType):  # type: ignore[type-arg]  # not generic at run time before click 8.2
    """Seconds, or a number with s, m, h or d, as ``sleep`` takes it."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from podwire.tools.sleep import seconds

        found = value if isinstance(value, float) else seconds(str(value))
        if not found or isinf(found):
            self.fail(f"expected a time such as 90, 10m or 1h, got {value!r}", param, ctx)
        return found


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package.__version__, "--version", prog_name="podwire", message="%(prog)s %(version)s")
def podwire() -> None:
    """Simulate the network of a Kubernetes cluster, packet by packet.

    Exit status: 0 delivered or equal, 1 not delivered or different, 2 wrong use or bad input.
    """


@podwire.command()
@_LAB
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST[:PORT]")
@click.option(
    "--proto",
    type=click.Choice(["icmp", "tcp", "udp"]),
    help="What to do: ask for an echo, open a connection, send a datagram (default: tcp with a port, icmp without).",
)
@click.option("--minimal", "depth", flag_value="minimal", help="The verdict and the way.")
@click.option("--summary", "depth", flag_value="summary", default="summary", help="Hop by hop (default).")
@click.option("--detailed", "depth", flag_value="detailed", help="Every event.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="The format (default: text).")
@click.option(
    "-w", "--write", type=_FILE, metavar="FILE", help="Save the trace as well; the suffix says how: .pcapng or .json."
)
def trace(source: str, target: str, proto: str | None, depth: str, output: str, lab: Path, write: Path | None) -> int:
    """Send one packet from SRC to DST, or open a connection, and show what becomes of it.

    SRC is a pod, node or host of the lab, DST one of them or an address. Of a connection that fails, the packet that died is shown.
    """
    from podwire.cli.tracing import trace as run

    return run(lab, source, target, proto, depth, output, write)


@podwire.command()
@_LAB
@click.option("--port", type=click.IntRange(1, 65535), default=80, help="The port to connect to (default: 80).")
@click.option("--proto", type=click.Choice(["tcp", "udp"]), default="tcp", help="The protocol (default: tcp).")
def matrix(lab: Path, port: int, proto: str) -> int:
    """Open a connection from every pod to every pod and show which arrive: . reached, X not."""
    from podwire.cli.tracing import matrix as run

    return run(lab, port, proto)


@podwire.command("exec", context_settings={"allow_interspersed_args": False})
@_LAB
@click.argument("machine")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def execute(lab: Path, machine: str, command: tuple[str, ...]) -> int:
    """Run one simulated command on a pod, node, router or host, and exit with its exit status.

    Whatever follows MACHINE, with or without -- between, is the command: podwire exec -f lab.yaml pod1 -- ip route
    """
    words = command[1:] if command[0] == "--" else command
    if not words:
        raise click.UsageError("Missing argument 'COMMAND...'.")
    from podwire.lab import load

    result = load(lab).machine(machine).exec(words)
    click.echo(result.stdout, nl=False, color=True)  # what the command coloured stays coloured, as over ssh
    click.echo(result.stderr, nl=False, err=True, color=True)
    return result.exit_code


def _shell_options(command: Callable[..., int]) -> Callable[..., int]:
    """What ``sh`` and ``shell`` share."""
    for option in reversed(
        (
            click.option(
                "-f", "--file", "lab", type=_FILE, metavar="LAB", help="The Lab file (default: one bare machine)."
            ),
            click.option(
                "--max-time",
                type=Duration(),
                default="1h",
                metavar="TIME",
                help="Interrupt a command that has run for so long in virtual time: 90, 10m, 1h (default).",
            ),
            click.option("--seed", type=int, default=0, help="For random choices, without a lab (default: 0)."),
        )
    ):
        command = option(command)
    return command


@podwire.command("sh", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
@_shell_options
@click.option("-m", "--machine", metavar="MACHINE", help="Where to stand: a pod, node, router or host of the lab.")
@click.option("-c", "text", metavar="TEXT", help="Run TEXT instead of a file.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[SCRIPT] [ARGUMENT]…")
def run_script(
    lab: Path | None, machine: str | None, text: str | None, arguments: tuple[str, ...], max_time: float, seed: int
) -> int:
    """Run a bash script whose network commands run in the simulator, and exit with its exit status.

    Bash is the real one; ip, ping, tcpdump and the like stand for simulated ones, and sleep moves the virtual clock.
    Without SCRIPT it is read from standard input. A script runs with your rights.
    """
    from podwire.cli.shelling import script

    return script(lab, machine, ["-c", text, *arguments] if text is not None else arguments, max_time, seed)


@podwire.command()
@_shell_options
@click.argument("machine", required=False)
def shell(lab: Path | None, machine: str | None, max_time: float, seed: int) -> int:
    """Type into a bash on MACHINE whose network commands run in the simulator. exit, or ^D, ends it."""
    from podwire.cli.shelling import interactive

    return interactive(lab, machine, max_time, seed)


@podwire.command()
@click.option(
    "-f", "--file", "lab", type=_FILE, metavar="LAB", help="The Lab file (default: the one that the transcript names)."
)
@click.option(
    "--update", is_flag=True, help="Write what was printed into the transcripts instead of showing the differences."
)
@click.argument("transcripts", nargs=-1, required=True, type=_FILE, metavar="FILE.console…")
def replay(lab: Path | None, transcripts: tuple[Path, ...], *, update: bool) -> int:
    """Type the commands of transcripts into a lab and show where it prints something else.

    Every transcript gets a fresh lab. With --update outputs that differ are rewritten; lines that agree, "..." and
    comments stay as they are.
    """
    from podwire.transcript import replay as run

    status = 0
    for path in transcripts:
        report = run(path, lab)
        if update and not report.ok:
            path.write_text(report.updated(), encoding="utf-8")
            click.echo(f"{path}: updated")
            continue
        click.echo(str(report))
        status = max(status, int(not report.ok))
    return status
