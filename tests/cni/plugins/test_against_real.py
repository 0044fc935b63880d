"""podwire's plugins do what the real ones do: results, errors, devices, routes, rules, files (``record.py`` wrote what is expected)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from podwire.cni.backend import PortMapping
from podwire.cni.plugins import chain
from podwire.cni.plugins.conflist import Conflist
from podwire.cni.plugins.values import Call, Result
from podwire.fabric.network import Network
from podwire.linux.image import image
from podwire.linux.machine import Machine, Place
from podwire.linux.netlink import Netlink
from podwire.tools.process import Process
from podwire.tools.registry import find
from podwire.trace.events import Owner
from tests.cni.plugins.cases import CASES, Case, Do
from tests.cni.plugins.record import INSIDE, LOOKS, RECORDED, netns_of, normalise

BIN = "BIN"


@cache
def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(RECORDED).read_text(encoding="utf-8"))
    return found


class Node:
    """A machine, the containers on it, and a runtime that runs the case's chain."""

    def __init__(self, case: Case) -> None:
        self.network = Network(0)
        self.machine = Machine(self.network, "node", image("debian-12"))
        Netlink(self.machine.root.netns).link_up(self.machine.root.netns.loopback)
        self.case = case
        self.conflist = Conflist("net", case.version, tuple(case.plugins))
        self.places: dict[str, Place] = {}
        self.results: dict[str, Result] = {}
        self.ports: dict[str, tuple[dict[str, Any], ...]] = {}
        self.random = Random(0)

    def run(self, place: Place, command: str) -> str:
        """What a command prints."""
        words = command.split()
        tool = find(place.image, words[0])
        assert tool is not None
        proc = Process(self.network, place, words)
        proc.start(tool)
        assert proc.done
        return proc.stdout

    def call(self, step: Do) -> Call:
        name = netns_of(step)
        if step.verb == "ADD":
            self.ports[step.container] = step.ports
        if name not in self.places:
            netns = self.machine.new_netns(name)
            self.machine.netns_names[name] = netns
            self.places[name] = Place(netns, self.machine.image, "c", container=True)
        root = self.machine.root
        return Call(
            conf={},
            network="",
            container=step.container,
            netns=f"/var/run/netns/{name}",
            door=Netlink(root.netns, Owner("x")),
            pod_door=Netlink(self.places[name].netns, Owner("x")),
            files=root.files,
            names=self.random,
            args=step.args,
            path=BIN,
            mappings=tuple(
                PortMapping(each["hostPort"], each["containerPort"], each["protocol"], each.get("hostIP", ""))
                for each in self.ports[step.container]
            ),
        )

    def step(self, step: Do) -> dict[str, Any]:
        if step.verb == "sh":
            return {"said": self.run(self.machine.root, step.sh)}
        try:
            if step.verb == "DEL":
                result = self.results.get(step.container)
                chain.delete(self.conflist, lambda _: self.call(step), lambda _: None, result)
                return {}
            result = chain.add(self.conflist, lambda _: self.call(step), lambda _: None)
        except chain.ChainError as error:
            kind, _, text = str(error).removeprefix('plugin type="').partition('" failed (add): ')
            return {"failed": kind, "error": text}
        self.results[step.container] = result
        return {"result": json.loads(normalise(json.dumps(result.plain(self.case.version))))}

    def look(self) -> dict[str, Any]:
        root = self.machine.root
        said: dict[str, Any] = {each: normalise(self.run(root, each)) for each in LOOKS}
        for name, place in sorted(self.places.items()):
            said.update((f"{name}: {each}", normalise(self.run(place, each))) for each in INSIDE)
        ports = [link.port for link in sorted(root.netns.links(), key=lambda link: link.name) if link.port is not None]
        if ports:
            said["hairpin"] = "".join(str(int(port.hairpin)) for port in ports)
        start = "/var/lib/cni/networks/net/"
        said["files"] = {path: text for path, text in sorted(root.files.items()) if path.startswith(start)}
        return said


def test_del_of_portmap_without_mappings_leaves_the_rules() -> None:
    """As the real plugin does, which is not told of ports."""
    case = next(each for each in CASES if each.name == "portmap-no-snat")
    node = Node(case)
    node.step(case.steps[0])
    node.ports[case.steps[0].container] = ()
    node.step(case.steps[1])
    assert "-A CNI-DN-" in node.run(node.machine.root, "iptables-save -t nat")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_as_the_real_plugins_do(case: Case) -> None:
    node = Node(case)
    for step, expected in zip(case.steps, recorded()[case.name], strict=True):
        said = {**node.step(step), **node.look()}
        for key in {**expected, **said}:
            assert said.get(key) == expected.get(key), f"{step.verb} {key}"
