"""What a node contains, as lines that can be compared."""

from __future__ import annotations

from podwire.cluster import Node
from podwire.linux.fib import Route
from podwire.linux.neigh import Nud
from podwire.linux.netns import Netns
from podwire.linux.sysctl import CONF_KEYS


def state(node: Node) -> list[str]:
    """Devices, addresses, routes, rules, what somebody wrote of neighbours and FDB, BPF maps, switches, namespaces, files."""
    place = node.place
    netns = place.netns
    return [
        *(
            f"link {link.ifindex} {link.name} {link.kind} {link.mac} mtu {link.mtu} up {link.is_up} {link.tunnel} "
            + " ".join(f"{address.local}/{address.plen}" for address in link.addresses)
            for link in netns.links()
        ),
        *(_route(netns, route) for number in sorted(netns.tables) for route in netns.table(number).dump()),
        *(f"rule {rule}" for rule in netns.rules),
        *(
            f"neighbour {entry.ip} dev {entry.link.name} lladdr {entry.mac}"
            for entry in netns.neighbours
            if entry.state is Nud.PERMANENT
        ),
        *(f"fdb {text}" for text in node.exec("bridge fdb show").stdout.splitlines() if "permanent" in text),
        *(f"switch {key} {getattr(netns.conf_all, key)}" for key in CONF_KEYS),
        *(f"netns {name}" for name in place.machine.netns_names),
        *(f"file {path} {text!r}" for path, text in sorted(place.files.items())),
        *bpf_maps(node),
    ]


def _route(netns: Netns, route: Route) -> str:
    hops = []
    for hop in route.nexthops:
        link = netns.link_by_index(hop.ifindex)
        hops.append(f"via {hop.via} dev {link.name if link else hop.ifindex} onlink {hop.onlink}")
    return (
        f"route table {route.table} {route.type} {route.dst} {' '.join(hops)} scope {route.scope} proto {route.proto} "
        f"src {route.src} {route.metrics}"
    )


def bpf_maps(node: Node) -> list[str]:
    """The entries of all maps of the machine."""
    return [
        f"map {name} {key} {value}" for name, each in node.place.machine.bpf_maps.items() for key, value in each.items()
    ]


def learned(node: Node) -> set[str]:
    """Addresses whose MAC the kernel has learned, or asks for; a device without ARP has entries too, and they mean nothing."""
    nothing = {Nud.PERMANENT, Nud.NOARP}
    return {str(entry.ip) for entry in node.place.netns.neighbours if entry.state not in nothing}
