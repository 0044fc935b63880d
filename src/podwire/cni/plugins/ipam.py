"""What ptp and bridge delegate to: ``host-local`` (section 2.4) and ``static``."""

from __future__ import annotations

from typing import Any

from podwire.cni.plugins.fields import address, member, network, objects, refuse
from podwire.cni.plugins.values import Address, Call, PluginError, Result, ResultRoute
from podwire.errors import NotModelled
from podwire.ipam.host_local import DATA_DIR, HostLocal, IpamError, Range, Written, range_sets
from podwire.wire.addr import Ip, Ip4


def add(call: Call) -> Result:
    """``ipam.ExecAdd``. Raises ``PluginError`` or ``IpamError`` with the IPAM plugin's text."""
    conf, kind = _delegate(call)
    if kind == "static":
        return _static(conf)
    sets = _sets(conf)
    stores = _stores(call, conf, sets)
    wanted = _requested(call)
    ips: list[Address] = []
    try:
        ips.extend(_allocate(call, store, wanted) for store in stores)
        _check_all_given(wanted)
    except IpamError:
        if ips:
            # What a set gave before goes back, the mark of where it stood does not.
            stores[0].release(call.container, call.ifname)
        raise
    finally:
        for store in stores:
            store.save(call.files)
    return Result((), tuple(ips), _routes(conf))


def _allocate(call: Call, store: HostLocal, wanted: list[Ip]) -> Address:
    """One address of a set: the first of those that were asked for and are in it, and so are asked for no more."""
    mine = next((each for each in wanted if any(each in one for one in store.ranges)), None)
    if mine is not None:
        wanted.remove(mine)
    ip = store.allocate(call.container, call.ifname, mine)
    chosen = store.range_of(ip)
    return Address(ip, chosen.subnet.plen, chosen.gateway)


def _check_all_given(wanted: list[Ip]) -> None:
    if wanted:
        raise IpamError(f"failed to allocate all requested IPs: {' '.join(map(str, wanted))}")


def delete(call: Call) -> None:
    """``ipam.ExecDel``: what is not there is no error."""
    conf, kind = _delegate(call)
    if kind == "static":
        return
    stores = _stores(call, conf, _sets(conf))
    stores[0].release(call.container, call.ifname)
    for store in stores:
        store.save(call.files)


def _delegate(call: Call) -> tuple[dict[str, Any], str]:
    """The ``ipam`` member and its type. Raises ``PluginError`` as a delegate that cannot be found, ``NotModelled`` for DHCP."""
    conf = call.conf.get("ipam") or {}
    kind = member(conf, "type", str, "", struct="IPAM")
    if not kind:
        raise PluginError("no plugin name provided")
    if kind in {"dhcp", "calico-ipam", "azure-vnet-ipam", "whereabouts"}:
        raise NotModelled(f"the IPAM plugin {kind}")
    if kind not in {"host-local", "static"}:
        raise PluginError(f'failed to find plugin "{kind}" in path [{call.path}]')
    return conf, kind


# -- host-local ---------------------------------------------------------------------------------------------------


def _sets(conf: dict[str, Any]) -> list[tuple[Range, ...]]:
    """The range sets: ``subnet`` with its kin is the first. Raises ``IpamError`` as ``LoadIPAMConfig`` does."""
    refuse(conf, "host-local", "resolvConf")
    lists: list[list[dict[str, Any]]] = []
    if conf.get("subnet"):
        lists.append([conf])
    for each in conf.get("ranges") or ():
        if not isinstance(each, list):
            raise PluginError(
                "json: cannot unmarshal object into Go struct field IPAMConfig.ipam.ranges of type allocator.RangeSet"
            )
        lists.append(each)
    return range_sets([[_written(each) for each in one] for one in lists])


def _written(conf: dict[str, Any]) -> Written:
    ip, net = network(member(conf, "subnet", str, "", struct="Range"))
    if not isinstance(ip, Ip4):
        raise NotModelled("a range of IPv6 of the IPAM plugin host-local")
    texts = {key: member(conf, key, str, "", struct="Range") for key in ("rangeStart", "rangeEnd", "gateway")}
    options = {key.removeprefix("range").lower(): address(text) if text else None for key, text in texts.items()}
    return Written(ip, net, options)


def _stores(call: Call, conf: dict[str, Any], sets: list[tuple[Range, ...]]) -> list[HostLocal]:
    """One for each set; they share what is reserved. The files on the node are the truth."""
    directory = member(conf, "dataDir", str, "", struct="IPAMConfig") or DATA_DIR
    stores = [HostLocal(*each, network=call.network, index=i, data_dir=directory) for i, each in enumerate(sets)]
    for store in stores:
        store.load(call.files)
        store.reserved = stores[0].reserved
    return stores


def _requested(call: Call) -> list[Ip]:
    """``IP=`` of CNI_ARGS, ``args.cni.ips``, the capability ``ips``."""
    words = dict(each.partition("=")[::2] for each in call.args.split(";") if each)
    texts = [words["IP"]] if words.get("IP") else []
    args = call.conf.get("args") or {}
    runtime = call.conf.get("runtimeConfig") or {}
    texts += (args.get("cni") or {}).get("ips") or []
    texts += runtime.get("ips") or []
    return [address(text.partition("/")[0]) for text in texts]


def _routes(conf: dict[str, Any]) -> tuple[ResultRoute, ...]:
    found = []
    for each in objects(conf, "routes", "IPAMConfig.ipam"):
        refuse({key: value for key, value in each.items() if key not in {"dst", "gw"}}, "host-local (routes)", *each)
        gw = member(each, "gw", str, "", struct="Route")
        found.append(ResultRoute(network(member(each, "dst", str, "", struct="Route"))[1], address(gw) if gw else None))
    return tuple(found)


# -- static -------------------------------------------------------------------------------------------------------


def _static(conf: dict[str, Any]) -> Result:
    """What the configuration says, for every pod the same."""
    ips = []
    for each in objects(conf, "addresses", "IPAMConfig.ipam"):
        text = member(each, "address", str, "", struct="Address")
        ip, net = network(text)
        gateway = member(each, "gateway", str, "", struct="Address")
        ips.append(Address(ip, net.plen, address(gateway) if gateway else None))
    return Result((), tuple(ips), _routes(conf), conf.get("dns") or {})
