"""A name server beside the cluster: the same program, with a list of names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podwire.cluster.dns.server import CoreDns
from podwire.cluster.networks import ip_of
from podwire.cluster.serving.server import Serving
from podwire.errors import ConfigError
from podwire.wire.dns import DnsError, labels_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from podwire.cluster import Cluster


def corefile_of(names: Mapping[str, str]) -> str:
    """The plugin ``hosts`` with these names. Raises ``ConfigError``."""
    lines: list[str] = []
    for name, address in names.items():
        try:
            labels_of(name)
        except DnsError as error:
            raise ConfigError(f"name {name!r}", str(error)) from None
        if not name.strip(".") or any(char.isspace() or char in '{}"#' for char in name):
            raise ConfigError(f"name {name!r}", "expected a name such as example.com")
        lines.append(f"        {ip_of(f'name {name!r}', address)} {name}\n")
    return f".:53 {{\n    hosts {{\n{''.join(lines)}    }}\n}}\n"


def start_name_server(cluster: Cluster, machine: str, names: Mapping[str, str]) -> CoreDns:
    """See ``Cluster.add_name_server``."""
    text = corefile_of(names)
    place = cluster.machine(machine).place
    serving = Serving(cluster.network, place.netns, place.hostname)
    return CoreDns(serving, place.files, lambda: text, lambda: None, lambda: 0)
