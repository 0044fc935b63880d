"""Calico with IP in IP: routes and ways."""

from pathlib import Path

from podwire.lab import load
from podwire.testing import assert_path

lab = load(Path(__file__).with_name("lab.yaml"))
pod1, pod2, pod0 = lab.pod("pod1"), lab.pod("pod2"), lab.pod("pod0")

print(lab.node("k8s-w1").exec("ip route"))
print(lab.node("k8s-w1").exec("ip addr show tunl0"))

near, far = pod1.ping(pod2), pod1.ping(pod0)
print("to pod2, on the same network: ", " > ".join(near.trace.path), f"(ttl {near.ttl})")
print("to pod0, behind the router:   ", " > ".join(far.trace.path), f"(ttl {far.ttl})")

assert_path(
    near.trace,
    [
        "default/pod1:eth0",
        "k8s-w1:cali*",
        "k8s-w1:tunl0",
        "k8s-w1:eth0",
        "k8s-w2:eth0",
        "k8s-w2:tunl0",
        "k8s-w2:cali*",
        "default/pod2:eth0",
    ],
)
assert_path(
    far.trace,
    [
        "default/pod1:eth0",
        "k8s-w1:cali*",
        "k8s-w1:tunl0",
        "k8s-w1:eth0",
        "router:eth0",
        "router:eth1",
        "k8s-w0:eth0",
        "k8s-w0:tunl0",
        "k8s-w0:cali*",
        "default/pod0:eth0",
    ],
)
assert (near.ttl, far.ttl) == (62, 62)
