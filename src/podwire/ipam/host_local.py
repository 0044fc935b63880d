"""The host-local IPAM plugin.

Round robin over the ranges of one set, state as it lies on the node's disk (reference sheet kube-proxy and GKE, section 2.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Final, Self

import msgspec

from podwire.errors import PodwireError
from podwire.wire.addr import Ip, Ip4, Net

_SMALLEST: Final = 30
"""The longest prefix that still has an address beside network, gateway and broadcast."""


DATA_DIR: Final = "/var/lib/cni/networks"
"""Where the state of every network lies, one directory for each."""


class IpamError(PodwireError):
    """The plugin refused; the text is the plugin's own."""


class Range(msgspec.Struct, frozen=True):
    """One range: the addresses ``start`` to ``end`` of ``subnet``, without ``gateway``."""

    subnet: Net
    start: Ip
    end: Ip
    gateway: Ip

    @classmethod
    def of(cls, subnet: Net, *, start: Ip | None = None, end: Ip | None = None, gateway: Ip | None = None) -> Self:
        """With the plugin's defaults: from the first address, which is the gateway too, to the last before the broadcast address.

        Raises ``IpamError`` for a subnet that is too small, or a start or end outside it.
        """
        if subnet.plen > _SMALLEST:
            raise IpamError(f"invalid range set 0: Network {subnet} too small to allocate from")
        for name, address in (("RangeStart", start), ("RangeEnd", end)):
            if address is not None and address not in subnet:
                raise IpamError(f"invalid range set 0: {name} {address} not in network {subnet}")
        first = Ip4(int(subnet.addr) + 1)
        return cls(subnet, start or first, end or Ip4(int(subnet.broadcast) - 1), gateway or first)

    @classmethod
    def checked(cls, address: Ip, subnet: Net, **options: Ip | None) -> Self:
        """``Range.Canonicalize``: as ``of``, of a subnet as it was written (``address``), without the range set in the words.

        Raises ``IpamError``.
        """
        if subnet.plen > _SMALLEST:
            raise IpamError(f"Network {address}/{subnet.plen} too small to allocate from")
        if address != subnet.addr:
            raise IpamError(
                f"Network has host bits set. For a subnet mask of length {subnet.plen} the network address is {subnet.addr}"
            )
        for name, key in (("RangeStart", "start"), ("RangeEnd", "end")):
            given = options.get(key)
            if given is not None and given not in subnet:
                raise IpamError(f"{name} {given} not in network {subnet}")
        return cls.of(subnet, **options)

    def __contains__(self, address: Ip) -> bool:
        return self.start <= address <= self.end

    def overlaps(self, other: Range) -> bool:
        """Whether an address is in both."""
        return self.start <= other.end and other.start <= self.end

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


class Written(msgspec.Struct, frozen=True):
    """A range as a configuration has it: its subnet as an address and a network, and what it says of ``start``, ``end``, ``gateway``."""

    address: Ip
    subnet: Net
    options: dict[str, Ip | None] = {}


def range_sets(written: Sequence[Sequence[Written]]) -> list[tuple[Range, ...]]:
    """``LoadIPAMConfig``: the range sets with the plugin's defaults. Raises ``IpamError`` for what cannot be, in the plugin's order."""
    if not written:
        raise IpamError("no IP ranges specified")
    sets: list[tuple[Range, ...]] = []
    for index, one in enumerate(written):
        try:
            sets.append(_range_set(one))
        except IpamError as error:
            raise IpamError(f"invalid range set {index}: {error}") from None
    for index, ranges in enumerate(sets):
        for other in range(index + 1, len(sets)):
            if any(first.overlaps(second) for first in ranges for second in sets[other]):
                raise IpamError(f"range set {index} overlaps with {other}")
    return sets


def _range_set(written: Sequence[Written]) -> tuple[Range, ...]:
    if not written:
        raise IpamError("empty range set")
    found = tuple(Range.checked(each.address, each.subnet, **each.options) for each in written)
    for index, first in enumerate(found):
        for second in found[index + 1 :]:
            if first.overlaps(second):
                raise IpamError(f"subnets {first} and {second} overlap")
    return found


class HostLocal:
    """The addresses of one network on one node: one range set, the ``index``-th of its configuration.

    ``reserved`` maps an address to the container id and the interface that hold it, for all sets of the network; ``last`` is the content
    of last_reserved_ip.``index``. ``network`` is the name of the CNI network, after which the state's directory in ``data_dir`` is called.
    """

    def __init__(
        self, *ranges: Range | Net, network: str = "gke-pod-network", index: int = 0, data_dir: str = DATA_DIR
    ) -> None:
        if not ranges:
            raise IpamError("no IP ranges specified")
        self.ranges = tuple(Range.of(each) if isinstance(each, Net) else each for each in ranges)
        self.network = network
        self.index = index
        self._data_dir = data_dir
        self.reserved: dict[Ip, tuple[str, str]] = {}
        self.last: Ip | None = None

    def range_of(self, address: Ip) -> Range:
        """The range that holds an address: its subnet's length and its gateway go into the result. Raises ``IpamError``."""
        for each in self.ranges:
            if address in each:
                return each
        raise IpamError(f"{address} not in range set {self}")

    def allocate(self, container: str, ifname: str = "eth0", wanted: Ip | None = None) -> Ip:
        """ADD: the next free address behind the last one given, wrapping around; the last one itself is tried last.

        Raises ``IpamError`` with the plugin's text when no address is left, the container has one already, or ``wanted`` (CNI_ARGS
        ``IP=``) cannot be had.
        """
        if wanted is not None and any(wanted in each for each in self.ranges):
            return self._take(self._requested(wanted), container, ifname)
        held = next(
            (
                ip
                for ip, holder in self.reserved.items()
                if holder == (container, ifname) and any(ip in each for each in self.ranges)
            ),
            None,
        )
        if held is not None:
            raise self._refused(f"{held} has been allocated to {container}, duplicate allocation is not allowed")
        for candidate in self._candidates():
            if candidate not in self.reserved:
                address = self._take(candidate, container, ifname)
                break
        else:
            raise self._refused(f"no IP addresses available in range set: {self}")
        if wanted is not None:
            # No range wanted it; the plugin sees that at its end, and gives back what it took.
            self.release(container, ifname)
            raise IpamError(f"failed to allocate all requested IPs: {wanted}")
        return address

    def _candidates(self) -> Iterator[Ip]:
        """``RangeIter``: from behind the last address (or from the first range's start) once around all ranges; no gateways."""
        index = next((i for i, each in enumerate(self.ranges) if self.last is not None and self.last in each), None)
        first, *others = self.ranges if index is None else (*self.ranges[index:], *self.ranges[:index])
        begin = int(first.start) if index is None or self.last is None else int(self.last) + 1
        spans = [(first, begin, int(first.end)), *((each, int(each.start), int(each.end)) for each in others)]
        for each, start, end in (*spans, (first, int(first.start), begin - 1)):
            for value in range(start, end + 1):
                candidate = Ip4(value)
                if candidate != each.gateway:
                    yield candidate

    def _requested(self, wanted: Ip) -> Ip:
        if wanted == self.range_of(wanted).gateway:
            raise self._refused(f"requested ip {wanted} is subnet's gateway")
        if wanted in self.reserved:
            raise self._refused(f"requested IP address {wanted} is not available in range set {self}")
        return wanted

    def _refused(self, text: str) -> IpamError:
        return IpamError(f"failed to allocate for range {self.index}: {text}")

    def _take(self, address: Ip, container: str, ifname: str) -> Ip:
        self.reserved[address] = (container, ifname)
        self.last = address
        return address

    def release(self, container: str, ifname: str = "eth0") -> None:
        """DEL: every address of that container and interface; an unknown one is no error. last_reserved_ip stays."""
        for address in [a for a, holder in self.reserved.items() if holder in {(container, ifname), (container, "")}]:
            del self.reserved[address]

    @property
    def directory(self) -> str:
        """Where the state lies on the node."""
        return f"{self._data_dir}/{self.network}"

    def load(self, files: Mapping[str, str]) -> None:
        """Take the state from the node's files: they are the truth, whoever wrote them."""
        start = f"{self.directory}/"
        self.reserved, self.last = {}, None
        for path, text in files.items():
            address = _address(path.removeprefix(start)) if path.startswith(start) else None
            if address is not None:
                container, _, ifname = text.strip().partition("\n")
                self.reserved[address] = (container.rstrip("\r"), ifname)
        self.last = _address(files.get(f"{start}last_reserved_ip.{self.index}", "").strip())

    def save(self, files: MutableMapping[str, str]) -> None:
        """Write the state among the node's files."""
        start = f"{self.directory}/"
        for path in [
            each for each in files if each.startswith(start) and _address(each.removeprefix(start)) is not None
        ]:
            del files[path]
        files.update(self.files())

    def files(self) -> dict[str, str]:
        """The state as it lies on the node: path to content."""
        files = {f"{self.directory}/lock": ""}
        for address, (container, ifname) in self.reserved.items():
            files[f"{self.directory}/{address}"] = f"{container}\r\n{ifname}"
        if self.last is not None:
            files[f"{self.directory}/last_reserved_ip.{self.index}"] = str(self.last)
        return files

    def __str__(self) -> str:
        return ",".join(map(str, self.ranges))


def _address(text: str) -> Ip | None:
    try:
        return Ip.parse(text)
    except ValueError:
        return None
