"""iptables 1.8.9 as Debian 12 has it: iptables-nft, which is called iptables there, and iptables-legacy."""

from __future__ import annotations

from podwire.tools.iptables.command import iptables
from podwire.tools.iptables.monitor import xtables_monitor
from podwire.tools.iptables.restoretool import iptables_restore
from podwire.tools.iptables.savetool import iptables_save

__all__ = ["iptables", "iptables_restore", "iptables_save", "xtables_monitor"]
