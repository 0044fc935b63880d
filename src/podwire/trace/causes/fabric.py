"""Why a network between the machines lost it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from podwire.trace.causes.cause import Cause, Table
from podwire.trace.events import ByFabric
from podwire.trace.reasons import DropReason as D

FABRIC: Final[Table] = MappingProxyType(
    {
        (D.FABRIC, None, ""): Cause(
            "the network between the machines discards it", "it passes when that network carries it"
        ),
        (D.FABRIC, ByFabric, ""): Cause("{by}", "it passes when the network carries {src} > {dst}"),
        (D.FABRIC, ByFabric, "firewall"): Cause(
            "{by}",
            "it passes after a firewall rule that lets it in, on GCP "
            "`gcloud compute firewall-rules create NAME --allow={service} --source-ranges={src}`",
        ),
        (D.FABRIC, ByFabric, "firewall-deny"): Cause(
            "{by}",
            "it passes after a rule of a lower number that allows it, "
            "`gcloud compute firewall-rules create NAME --allow={service} --source-ranges={src} --priority=0`",
        ),
        (D.FABRIC, ByFabric, "firewall-egress"): Cause(
            "{by}",
            "it passes after a rule of a lower number that allows it, "
            "`gcloud compute firewall-rules create NAME --direction=EGRESS --allow={service} --destination-ranges={dst} --priority=0`",
        ),
        (D.FABRIC, ByFabric, "nat-ports"): Cause(
            "{by}",
            "it passes when connections end, or with more ports for each VM, on GCP "
            "`gcloud compute routers nats update NAT --router=ROUTER --min-ports-per-vm=NUMBER`",
        ),
        (D.FABRIC, ByFabric, "load-balancer"): Cause(
            "{by}", "it passes when a node joins that may be its backend: `kubectl get nodes`"
        ),
        (D.FABRIC, ByFabric, "load-balancer-port"): Cause(
            "{by}", "it passes when the Service has that port: `kubectl get service -A -o wide | grep {dst}`"
        ),
        (D.FABRIC, ByFabric, "source-check"): Cause(
            "{by}",
            "it passes when the cloud knows {src} as an address of {prev}, on GCP "
            "`gcloud compute instances network-interfaces update {prev} --aliases={src}/32`, or does not check: `--can-ip-forward`",
        ),
        (D.FABRIC, ByFabric, "own-range"): Cause(
            "{by}",
            "it passes when {prev} has a pod with that address and a route to it: `ip route add {dst} dev DEV scope link`",
        ),
        (D.FABRIC, ByFabric, "alias-address"): Cause(
            "{by}",
            "it passes when {prev} has an external address and masquerades: "
            "`iptables -t nat -A POSTROUTING -s {src} -o {prev_dev} -j MASQUERADE`, or when a Cloud NAT covers {src}",
        ),
        (D.FABRIC, ByFabric, "no-external-address"): Cause(
            "{by}",
            "it passes when {prev} gets one, on GCP `gcloud compute instances add-access-config {prev}`, "
            "on AWS an Elastic IP, on Azure a public IP",
        ),
        (D.FABRIC, ByFabric, "route"): Cause(
            "{by}",
            "it passes when a VM has {dst}, or an alias range that holds it, "
            'or after `lab.add_cloud_route("{here}", "{dst}/32 via VM")`',
        ),
        (D.FABRIC, ByFabric, "internet"): Cause("{by}", "it passes when a host with the address {dst} joins the lab"),
        (D.FABRIC, ByFabric, "no-port"): Cause("{by}", "it passes when another machine is plugged into network {here}"),
        (D.FABRIC, ByFabric, "cable"): Cause("{by}", "it passes when a machine is plugged in there"),
        (D.FABRIC, ByFabric, "ipv4-only"): Cause("{by}", "it passes as IPv4, or inside of it"),
        (D.FABRIC, ByFabric, "private-address"): Cause(
            "{by}",
            "it passes to the public address that stands for {dst}, or by a network that leads there: "
            "`ip route add {dst} via GATEWAY` on {prev}",
        ),
        (D.FABRIC, ByFabric, "loss"): Cause(
            "{by}",
            "it passes when `drops` of network {here} does not name it, as after "
            '`lab.set_network("{here}", drops=())`, or in another encapsulation',
        ),
        (D.FABRIC, ByFabric, "network-mtu"): Cause(
            "{by}",
            'it passes after `lab.set_network("{here}", mtu={size})`, or when {prev} cuts it, as after '
            "`ip link set dev {prev_dev} {setting}` on {prev}",
        ),
        (D.FABRIC, ByFabric, "never-carried"): Cause(
            "{by}", "it passes in VXLAN, as with `vxlanMode: Always` and `ipipMode: Never` in Calico's IPPool"
        ),
        (D.FABRIC, ByFabric, "no-broadcast"): Cause("{by}", "it passes to the address of one machine"),
        (D.FABRIC, ByFabric, "aws-check"): Cause(
            "{by}",
            'it passes after `lab.set_nic("{object}", source_dest_check=False)`, on AWS '
            "`aws ec2 modify-instance-attribute --instance-id {object} --no-source-dest-check`, or in an encapsulation",
        ),
        (D.FABRIC, ByFabric, "azure-check"): Cause(
            "{by}",
            'it passes after `lab.set_nic("{object}", source_dest_check=False)`, on Azure '
            "`az network nic update --name {object} --ip-forwarding true`, or in VXLAN",
        ),
        (D.FABRIC, ByFabric, "can-ip-forward"): Cause(
            "{by}",
            'it passes after `lab.set_nic("{object}", source_dest_check=False)`, on GCP when the VM is made with '
            "`--can-ip-forward`",
        ),
        (D.FABRIC, ByFabric, "cloud-route"): Cause(
            "{by}",
            'it passes after `lab.add_cloud_route("{here}", "{dst}/32 via MACHINE")`, on AWS an entry of the route table, '
            "on Azure a user-defined route",
        ),
        (D.FABRIC, ByFabric, "nat"): Cause(
            "{by}", "it passes to an external address of the VM itself: `gcloud compute instances add-access-config VM`"
        ),
        (D.FABRIC, ByFabric, "uplink-source"): Cause(
            "{by}",
            "it passes when {prev} masquerades, `iptables -t nat -A POSTROUTING -o {prev_dev} -j MASQUERADE`, or when {dst} is "
            "not behind the uplink at all and {prev} knows the way: `ip route add {dst} via GATEWAY`",
        ),
        (D.FABRIC, ByFabric, "uplink-isolated"): Cause(
            "{by}", "it passes by a network that both stand in, or when uplink {here} has `isolated: false` in the lab"
        ),
        (D.FABRIC, ByFabric, "uplink-protocol"): Cause("{by}", "it passes inside UDP, as VXLAN and Geneve carry it"),
        (D.FABRIC, ByFabric, "uplink-unknown"): Cause("{by}", "it passes behind the packet that it belongs to"),
        (D.FABRIC, ByFabric, "uplink-inbound"): Cause(
            "{by}", "it passes as the answer to what a machine behind uplink {here} sends to {src} first"
        ),
        (D.FABRIC, ByFabric, "gateway"): Cause("{by}", "it passes to the address of a VM"),
        (D.FABRIC, ByFabric, "mtu"): Cause(
            "{by}", "it passes when {prev} cuts it, as it does where {prev_dev} has the MTU of the network"
        ),
    }
)
