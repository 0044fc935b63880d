"""Run the real reference plugins (Debian's containernetworking-plugins) with the cases, and keep what they and the kernel say.

``python -m tests.cni.plugins.record [DIRECTORY OF THE PLUGINS]`` writes ``recorded.json``. Needs root, ``ip`` and ``iptables``; every case has
namespaces and a /var/lib/cni of its own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.cni.plugins.cases import CASES, Case, Do

RECORDED: Final = Path(__file__).with_name("recorded.json")
LOOKS: Final = (
    "ip addr",
    "ip route",
    "ip route show table local",
    "iptables-save -t nat",
    "sysctl net.ipv4.ip_forward",
)
"""What is looked at on the host after each step."""
INSIDE: Final = ("ip addr", "ip route")
"""And in the container's namespace."""
_VETH: Final = re.compile(r"\bveth[0-9a-f]{8}\b")
_MAC: Final = re.compile(r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b")


def normalise(text: str) -> str:
    """Names of veths in the order of their appearance, no MAC that the kernel drew, no counters, no comments with dates."""
    names: dict[str, str] = {}
    text = _VETH.sub(lambda found: names.setdefault(found[0], f"veth#{len(names)}"), text)
    text = _MAC.sub(lambda found: found[0] if found[0] in {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"} else "MAC", text)
    lines = [re.sub(r" \[\d+:\d+\]", "", line) for line in text.splitlines() if not line.startswith("#")]
    lines = [line for line in lines if "inet6 fe80" not in line and "valid_lft forever preferred_lft" not in line]
    return "\n".join(re.sub(r"link-netns(id)? \S+", "link-netns X", line).rstrip() for line in lines)


def _run(words: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, **more)


def netns_of(step: Do) -> str:
    """Named after the container."""
    return f"ns-{step.container[0]}"


class _Runtime:
    """As much of libcni as the plugins see."""

    def __init__(self, case: Case, plugins: str) -> None:
        self.case, self.plugins = case, plugins
        self.results: dict[str, Any] = {}
        self.ports: dict[str, tuple[dict[str, Any], ...]] = {}

    def step(self, step: Do) -> dict[str, Any]:
        if step.verb == "sh":
            said = _run(["sh", "-c", step.sh])
            return {"said": said.stdout + said.stderr}
        if step.verb == "ADD":
            self.ports[step.container] = step.ports
        order = self.case.plugins if step.verb == "ADD" else self.case.plugins[::-1]
        previous = self.results.get(step.container) if step.verb == "DEL" else None
        for plugin in order:
            if not Path(self.plugins, plugin["type"]).exists():
                # libcni's own words, which no plugin prints.
                return {"failed": plugin["type"], "error": f'failed to find plugin "{plugin["type"]}" in path [BIN]'}
            done = self._plugin(plugin, step, previous)
            if done.returncode:
                said = json.loads(done.stdout.replace(self.plugins, "BIN"))
                error = "; ".join(said[key] for key in ("msg", "details") if key in said)
                return {"failed": plugin["type"], "error": error}
            if step.verb == "ADD":
                previous = json.loads(done.stdout)
        if step.verb == "ADD":
            self.results[step.container] = previous
            return {"result": json.loads(normalise(json.dumps(previous)))}
        return {}

    def _plugin(self, plugin: dict[str, Any], step: Do, previous: Any) -> subprocess.CompletedProcess[str]:
        conf: dict[str, Any] = {"name": "net", "cniVersion": self.case.version, **plugin}
        if plugin.get("capabilities", {}).get("portMappings") and self.ports.get(step.container):
            conf["runtimeConfig"] = {"portMappings": list(self.ports[step.container])}
        conf.pop("capabilities", None)
        if previous is not None:
            conf["prevResult"] = previous
        environment = {
            "CNI_COMMAND": step.verb,
            "CNI_CONTAINERID": step.container,
            "CNI_NETNS": f"/var/run/netns/{netns_of(step)}",
            "CNI_IFNAME": "eth0",
            "CNI_ARGS": step.args,
            "CNI_PATH": self.plugins,
            "PATH": os.environ["PATH"],
        }
        return _run([f"{self.plugins}/{plugin['type']}"], input=json.dumps(conf), env=environment)


def _record(case: Case, plugins: str) -> list[dict[str, Any]]:
    """Inside namespaces of its own."""
    runtime, found, made = _Runtime(case, plugins), [], set()
    for step in case.steps:
        if step.verb != "sh" and netns_of(step) not in made:
            made.add(netns_of(step))
            _run(["ip", "netns", "add", netns_of(step)])
        said = runtime.step(step)
        # The kernel tells of a carrier up to a second later (linkwatch).
        time.sleep(1.5)
        for look in LOOKS:
            said[look] = normalise(_run(look.split()).stdout)
        for netns in sorted(made):
            for look in INSIDE:
                said[f"{netns}: {look}"] = normalise(_run(["ip", "netns", "exec", netns, *look.split()]).stdout)
        for link in _run(["ls", "/sys/class/net"]).stdout.split():
            hairpin = Path(f"/sys/class/net/{link}/brport/hairpin_mode")
            if hairpin.exists():
                said["hairpin"] = said.get("hairpin", "") + hairpin.read_text().strip()
        store = Path("/var/lib/cni/networks/net")
        said["files"] = (
            {str(each): each.read_bytes().decode() for each in sorted(store.iterdir())} if store.exists() else {}
        )
        found.append(said)
    return found


def main() -> None:
    """Record all cases, or the one that is named behind the directory."""
    plugins = sys.argv[1] if len(sys.argv) > 1 else "/usr/lib/cni"
    if len(sys.argv) > 2:
        case = next(each for each in CASES if each.name == sys.argv[2])
        print(json.dumps(_record(case, plugins)))
        return
    mounts = "mount -t tmpfs x /run && mkdir /run/netns && mkdir -p /var/lib/cni && mount -t tmpfs x /var/lib/cni && mount -t sysfs x /sys"

    def record(case: Case) -> Any:
        command = f"{mounts} && ip link set lo up && exec {sys.executable} -m {__spec__.name} {plugins} {case.name}"
        done = _run(["unshare", "-nm", "sh", "-c", command])
        if done.returncode:
            raise SystemExit(f"{case.name}: {done.stderr}")
        return json.loads(done.stdout)

    with ThreadPoolExecutor(8) as pool:
        everything = dict(zip([each.name for each in CASES], pool.map(record, CASES), strict=True))
    RECORDED.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
