"""VXLAN devices as ``ip -d link`` prints them, and how to say what one is (ip/iplink_vxlan.c of iproute2 6.1.0)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from podwire.linux.tunnel import INHERIT, VxlanConfig

if TYPE_CHECKING:
    from podwire.linux.link import Link
    from podwire.tools.ip.context import Context


def print_vxlan(ctx: Context, link: Link, config: VxlanConfig) -> None:
    """``vxlan_print_opt``."""
    out = ctx.out
    if config.external:
        out.flag("external", "external ")
    out.put("id", config.vni, "id {} ")
    if config.remote:
        word = "group" if config.remote.is_multicast else "remote"
        out.put(word, str(config.remote), word + " {} ")
    if config.local:
        out.put("local", str(config.local), "local {} ")
    if config.lower:
        out.put("link", ctx.device_name(config.lower), "dev {} ")
    low, high = config.ports
    if out.in_json:
        with out.object("port_range"):
            out.only("low", low)
            out.only("high", high)
    else:
        out.text(f"srcport {low} {high} ")
    out.put("port", config.dstport, "dstport {} ")
    out.only("learning", config.learning)
    if not config.learning:
        out.text("nolearning ")
    _print_header(ctx, config)
    if config.ageing:
        out.put("ageing", config.ageing, "ageing {} ")
    if config.max_address:
        out.put("limit", config.max_address, "maxaddr {} ")
    for key, word, value in (
        ("udp_csum", "udpcsum", config.udp_csum),
        ("udp_zero_csum6_tx", "udp6zerocsumtx", False),
        ("udp_zero_csum6_rx", "udp6zerocsumrx", False),
    ):
        out.only(key, value)
        out.text(f"{'' if value else 'no'}{word} ")


def _print_header(ctx: Context, config: VxlanConfig) -> None:
    out = ctx.out
    if config.tos:
        if out.in_json or config.tos != INHERIT:
            out.put("tos", f"{config.tos:#x}", "tos {} ")
        else:
            out.text("tos inherit ")
    if config.ttl_inherit:
        out.text("ttl inherit ")
    elif out.in_json or config.ttl:
        out.put("ttl", config.ttl, "ttl {} ")
    else:
        out.text("ttl auto ")
    df = config.df
    out.only("df", df)
    if df != "unset":
        out.text(f"df {df} ")


USAGE: Final = """Usage: ... vxlan id VNI
		[ { group | remote } IP_ADDRESS ]
		[ local ADDR ]
		[ ttl TTL ]
		[ tos TOS ]
		[ df DF ]
		[ flowlabel LABEL ]
		[ dev PHYS_DEV ]
		[ dstport PORT ]
		[ srcport MIN MAX ]
		[ [no]learning ]
		[ [no]proxy ]
		[ [no]rsc ]
		[ [no]l2miss ]
		[ [no]l3miss ]
		[ ageing SECONDS ]
		[ maxaddress NUMBER ]
		[ [no]udpcsum ]
		[ [no]udp6zerocsumtx ]
		[ [no]udp6zerocsumrx ]
		[ [no]remcsumtx ] [ [no]remcsumrx ]
		[ [no]external ] [ gbp ] [ gpe ]
		[ [no]vnifilter ]

Where:	VNI	:= 0-16777215
	ADDR	:= { IP_ADDRESS | any }
	TOS	:= { NUMBER | inherit }
	TTL	:= { 1..255 | auto | inherit }
	DF	:= { unset | set | inherit }
	LABEL := 0-1048575
"""
