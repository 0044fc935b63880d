"""Which names stand on a script's PATH: simulated tools, real programs that touch no network, and names that are refused."""

from __future__ import annotations

from typing import Final

REAL: Final = frozenset(
    # coreutils
    "[ arch b2sum base32 base64 basename basenc chgrp chmod chown cksum comm cp csplit cut dd df dir dircolors dirname du echo env"
    " expand expr factor false fmt fold groups head id install join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nl"
    " nohup nproc numfmt od paste pathchk pr printenv printf ptx pwd readlink realpath rm rmdir seq sha1sum sha224sum sha256sum sha384sum"
    " sha512sum shred shuf sort split stat stdbuf stty sum sync tac tail tee test touch tr true truncate tsort tty unexpand uniq unlink"
    " users vdir wc who whoami yes"
    # text
    " awk bc bzip2 cmp column colordiff colrm dc diff diff3 egrep fgrep file find gawk grep gzip gunzip hexdump jq less locale"
    " look mawk more nano patch rev sdiff sed strings tar tput vi vim xargs xxd xz yq zcat"
    # shells and processes
    " bash clear dash flock getopt kill killall nice pgrep pkill ps renice reset setsid sh pidof tset watch which"
    # captures, read from files
    " capinfos editcap mergecap text2pcap tshark"
    .split()
)  # fmt: skip
"""Real programs that a script may call: they work on files, pipes and processes. What a namespace cannot keep from the network of
the host (tshark -i) is left without one, see ``sandbox``."""

READERS: Final = frozenset({"cat", "grep", "head", "ls", "tail", "tee", "wc"})
"""Real programs that become the simulator's business where an argument names a simulated file."""

WRAPPERS: Final = frozenset({"date", "nsenter", "ssh", "timeout", "unshare"})
"""Names that only lead elsewhere, or mind the clock; ``moves`` has them."""

REFUSED: Final = frozenset(
    "arptables brctl busctl calicoctl cilium crictl ctr dhclient dnsmasq docker ebtables firewall-cmd ftp"
    " hping3 hubble ifconfig ifdown ifup insmod ip6tables ip6tables-restore ip6tables-save iperf iperf3"
    " iptables-xml ipvsadm iw lsof mount mtr ncat netcat"
    " netstat networkctl nft nmap nmcli nstat podman podwire reboot resolvectl rmmod rsync scp service sftp shutdown socat ss"
    " systemctl tc telnet traceroute6 umount uname vconfig wg wg-quick wget wireshark"
    .split()
)  # fmt: skip
"""Commands of network scripts that podwire does not simulate (yet): they say so instead of doing something to the host."""

VIRTUAL: Final = (
    "/proc/sys/", "/proc/net/", "/proc/self/net/", "/proc/thread-self/net/", "/proc/1/net/", "/sys/class/net", "/sys/devices/virtual/net",
    "/etc/hosts", "/etc/hostname", "/etc/networks", "/etc/resolv.conf", "/etc/sysctl.conf",
    "/etc/cni/net.d", "/var/lib/cni/", "/var/log/kube-proxy.log",
)  # fmt: skip
"""Files and directories that belong to the simulated machine; all others are the caller's."""


TREE: Final = ("/etc/cni/net.d", "/var/lib/cni/", "/var/log/kube-proxy.log")
"""Those of them that are files of the simulated machine's own tree: they may be written."""


def is_virtual(path: str) -> bool:
    """True for a path that the simulator answers for."""
    return path.startswith(VIRTUAL)
