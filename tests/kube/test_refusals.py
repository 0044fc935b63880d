"""Bad manifests, one by one, and what the API server says of them: place, path, value and reason."""

import pickle
from random import Random

import pytest

from podwire.errors import ManifestError
from podwire.kube.invalid import Invalid, StatusError
from podwire.kube.manifest import load_objects
from podwire.kube.store import Store

SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: NodePort
  selector: {app: web}
  ports:
  - name: http
    port: 80
    targetPort: 8080
  - name: dns
    port: 53
    protocol: UDP
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: c
        image: nginx
"""
POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: np
spec:
  podSelector: {}
  egress:
  - to:
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}
    ports:
    - port: 53
"""
DAEMON = DEPLOYMENT.replace("Deployment", "DaemonSet").replace("  replicas: 2\n", "")
STATEFUL = DEPLOYMENT.replace("Deployment", "StatefulSet").replace("  replicas: 2\n", "  serviceName: web\n")
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {key: value}\n"
SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: s}
addressType: IPv4
endpoints: [{addresses: [10.0.0.9]}]
ports: [{name: http, port: 80}]
"""
ENDPOINTS = """\
apiVersion: v1
kind: Endpoints
metadata: {name: e}
subsets: [{addresses: [{ip: 10.0.0.9}], ports: [{port: 80}]}]
"""


@pytest.fixture
def store():
    streams: dict[tuple[str, ...], Random] = {}
    made = Store(lambda: 1_704_067_200_000_000_000, lambda *key: streams.setdefault(key, Random(repr(key))))
    made.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    return made


def apply(store, text):
    with store.transaction():
        return [store.apply(each.at.plain(), each.at)[0] for each in load_objects(text)]


def refusal(store, text):
    before = store.version
    with pytest.raises((ManifestError, StatusError)) as caught:
        apply(store, text)
    assert "\n" not in str(caught.value)
    assert store.version == before, "a refusal leaves no trace"
    return str(caught.value).replace("<text>", "x.yaml")


SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end "
    "with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
RANGE = "must be between 1 and 65535, inclusive"
S, D, N = 'The Service "web" is invalid: ', 'The Deployment "web" is invalid: ', 'The NetworkPolicy "np" is invalid: '

SERVICES = [
    ("port: 80", "port: 70000", f"x.yaml:10: {S}spec.ports[0].port: Invalid value: 70000: {RANGE}"),
    (
        "targetPort: 8080",
        "targetPort: 0x10000",
        f"x.yaml:11: {S}spec.ports[0].targetPort: Invalid value: 65536: {RANGE}",
    ),
    (
        "targetPort: 8080",
        "targetPort: web_port",
        (
            f'x.yaml:11: {S}spec.ports[0].targetPort: Invalid value: "web_port": must contain only alpha-numeric characters '
            "(a-z, 0-9), and hyphens (-)"
        ),
    ),
    ("  - name: http\n    port", "  - port", f"x.yaml:9: {S}spec.ports[0].name: Required value"),
    ("name: dns", "name: http", f'x.yaml:12: {S}spec.ports[1].name: Duplicate value: "http"'),
    (
        "protocol: UDP",
        "protocol: udp",
        f'x.yaml:14: {S}spec.ports[1].protocol: Unsupported value: "udp": supported values: "SCTP", "TCP", "UDP"',
    ),
    (
        "    port: 53\n    protocol: UDP",
        "    port: 80",
        f'x.yaml:12: {S}spec.ports[1]: Duplicate value: {{"port":80,"protocol":"TCP"}}',
    ),
    (
        "type: NodePort",
        "type: External",
        (
            f'x.yaml:6: {S}spec.type: Unsupported value: "External": supported values: '
            '"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
        ),
    ),
    (
        "type: NodePort",
        "sessionAffinity: Cookie",
        f'x.yaml:6: {S}spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"',
    ),
    (
        "type: NodePort",
        "sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 90000}}",
        (
            f"x.yaml:7: {S}spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 90000: "
            "must be greater than 0 and less than 86400"
        ),
    ),
    (
        "type: NodePort",
        "type: NodePort\n  clusterIP: None",
        f"x.yaml:6: {S}spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
    ),
    (
        "type: NodePort",
        "clusterIP: 10.96.0",
        f'x.yaml:6: {S}spec.clusterIPs[0]: Invalid value: "10.96.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ),
    (
        "type: NodePort",
        "clusterIP: 192.168.1.1",
        (
            f'x.yaml:6: {S}spec.clusterIPs: Invalid value: ["192.168.1.1"]: failed to allocate IP 192.168.1.1: the provided IP '
            "(192.168.1.1) is not in the valid range. The range of valid IPs is 10.96.0.0/12"
        ),
    ),
    (
        "type: NodePort",
        "clusterIP: 10.96.0.1",
        (
            f'x.yaml:6: {S}spec.clusterIPs: Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1: '
            "provided IP is already allocated"
        ),
    ),
    (
        "port: 80",
        "nodePort: 8080\n    port: 80",
        (
            f"x.yaml:10: {S}spec.ports[0].nodePort: Invalid value: 8080: provided port is not in the valid range. "
            "The range of valid ports is 30000-32767"
        ),
    ),
    (
        "type: NodePort",
        "type: ClusterIP\n  externalTrafficPolicy: Local",
        f'x.yaml:7: {S}spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ),
    (
        "type: NodePort",
        "internalTrafficPolicy: local",
        f'x.yaml:6: {S}spec.internalTrafficPolicy: Unsupported value: "local": supported values: "Cluster", "Local"',
    ),
    (
        "type: NodePort",
        "externalIPs: [127.0.0.1]",
        f'x.yaml:6: {S}spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ),
    (
        "type: NodePort",
        "loadBalancerSourceRanges: [10.0.0.0/8]",
        f"x.yaml:6: {S}spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ),
    (
        "type: NodePort",
        "type: LoadBalancer\n  loadBalancerSourceRanges: [10.0.0.0/33]",
        (
            f'x.yaml:7: {S}spec.loadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/33": must be a valid CIDR value, '
            "(e.g. 10.9.8.0/24 or 2001:db8::/64)"
        ),
    ),
    ("type: NodePort", "type: ExternalName", f"x.yaml:6: {S}spec.externalName: Required value"),
    (
        "type: NodePort",
        "ipFamilies: [IPv6]",
        f'x.yaml:6: {S}spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
    ),
    (
        "name: web",
        "name: 1web",
        f'x.yaml:4: The Service "1web" is invalid: metadata.name: Invalid value: "1web": {LABEL_1035}',
    ),
    ("app: web", "app: -web", f'x.yaml:7: {S}spec.selector: Invalid value: "-web": {VALUE}'),
    (
        "selector: {app: web}",
        "selctor: {app: web}",
        (
            'x.yaml:7: spec.selctor: got {"app": "web"}, expected no field of that name (strict decoding error: unknown field '
            '"spec.selctor"); did you mean selector?'
        ),
    ),
    (
        "    port: 80",
        "    port: 80\n    port: 81",
        'x.yaml:11: spec.ports[0].port: got "port", expected each key once',
    ),
    (
        "port: 80",
        "port: 010",
        "x.yaml:10: spec.ports[0].port: got 8, expected an integer (YAML reads 010 as the octal number 8: write 8 if that is what you mean)",
    ),
    (
        "app: web",
        "app: 1.10",
        "x.yaml:7: spec.selector.app: got 1.1, expected text (YAML reads 1.10 as a number: put it in quotes)",
    ),
    (
        "app: web",
        "app: on",
        "x.yaml:7: spec.selector.app: got true, expected text (YAML reads on as true: put it in quotes)",
    ),
    (
        "app: web",
        "mac: 12:34:56",
        (
            "x.yaml:7: spec.selector.mac: got 45296, expected text (YAML reads 12:34:56 as the number 45296, digits of base 60: "
            "put it in quotes)"
        ),
    ),
]
WORKLOADS = [
    (
        DEPLOYMENT,
        "      labels: {app: web}",
        "      labels: {app: x}",
        f'x.yaml:11: {D}spec.template.metadata.labels: Invalid value: {{"app":"x"}}: `selector` does not match template `labels`',
    ),
    (DEPLOYMENT, "  selector: {matchLabels: {app: web}}\n", "", f"x.yaml:7: {D}spec.selector: Required value"),
    (
        DEPLOYMENT,
        "{matchLabels: {app: web}}",
        "{}",
        f"x.yaml:8: {D}spec.selector: Invalid value: {{}}: empty selector is invalid for deployment",
    ),
    (
        DEPLOYMENT,
        "{matchLabels: {app: web}}",
        "{matchExpressions: [{key: app, operator: in, values: [web]}]}",
        (
            f'x.yaml:8: {D}[spec.selector.matchExpressions[0].operator: Invalid value: "in": not a valid selector operator, '
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`]'
        ),
    ),
    (
        DEPLOYMENT,
        "{matchLabels: {app: web}}",
        "{matchExpressions: [{key: app, operator: In}]}",
        (
            f"x.yaml:8: {D}[spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or "
            '\'NotIn\', spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`]'
        ),
    ),
    (
        DEPLOYMENT,
        "replicas: 2",
        "replicas: -1",
        f"x.yaml:7: {D}spec.replicas: Invalid value: -1: must be greater than or equal to 0",
    ),
    (
        DEPLOYMENT,
        "replicas: 2",
        "strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}",
        f"x.yaml:7: {D}spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ),
    (
        DEPLOYMENT,
        "replicas: 2",
        "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}",
        f"x.yaml:7: {D}spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
    ),
    (
        DEPLOYMENT,
        "replicas: 2",
        "strategy: {rollingUpdate: {maxSurge: some}}",
        (
            f'x.yaml:7: {D}spec.strategy.rollingUpdate.maxSurge: Invalid value: "some": a valid percent string must be a numeric string '
            "followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
        ),
    ),
    (
        DEPLOYMENT,
        "    spec:\n",
        "    spec:\n      restartPolicy: Never\n",
        f'x.yaml:13: {D}spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ),
    (
        DEPLOYMENT,
        "name: web\n",
        "name: Web\n",
        f'x.yaml:4: The Deployment "Web" is invalid: metadata.name: Invalid value: "Web": {SUBDOMAIN}',
    ),
    (
        DEPLOYMENT,
        "  labels: {app: web}\nspec",
        "  labels: {app: w!}\nspec",
        f'x.yaml:5: {D}metadata.labels: Invalid value: "w!": {VALUE}',
    ),
    (
        DEPLOYMENT,
        "name: web\n",
        "name: web\n  namespace: shop\n",
        'Error from server (NotFound): namespaces "shop" not found',
    ),
    (
        DEPLOYMENT,
        "image: nginx",
        "image: nginx\n        prots: []",
        (
            "x.yaml:16: spec.template.spec.containers[0].prots: got [], expected no field of that name (strict decoding error: "
            'unknown field "spec.template.spec.containers[0].prots"); did you mean ports?'
        ),
    ),
    (
        DAEMON,
        "  selector:",
        "  updateStrategy: {type: Recreate}\n  selector:",
        (
            'x.yaml:7: The DaemonSet "web" is invalid: spec.updateStrategy.type: Unsupported value: "Recreate": supported values: '
            '"RollingUpdate", "OnDelete"'
        ),
    ),
    (
        STATEFUL,
        "serviceName: web",
        "podManagementPolicy: Any",
        (
            'x.yaml:7: The StatefulSet "web" is invalid: spec.podManagementPolicy: Invalid value: "Any": must be '
            "'OrderedReady' or 'Parallel'"
        ),
    ),
]
OTHERS = [
    (
        POLICY,
        "- to:",
        "- from:",
        (
            'x.yaml:9: spec.egress[0].from: got [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16…, expected no field of '
            'that name (strict decoding error: unknown field "spec.egress[0].from")'
        ),
    ),
    (
        POLICY,
        "cidr: 10.0.0.0/8",
        "cidr: 10.0.0.0",
        (
            f'x.yaml:9: {N}spec.egress[0].to[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, '
            "(e.g. 10.9.8.0/24 or 2001:db8::/64)"
        ),
    ),
    (
        POLICY,
        "10.1.0.0/16",
        "11.0.0.0/8",
        f'x.yaml:9: {N}spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "11.0.0.0/8": must be a strict subset of `cidr`',
    ),
    (POLICY, "- port: 53", "- port: 0", f"x.yaml:11: {N}spec.egress[0].ports[0].port: Invalid value: 0: {RANGE}"),
    (
        POLICY,
        "- port: 53",
        "- {port: 53, endPort: 50}",
        f"x.yaml:11: {N}spec.egress[0].ports[0].endPort: Invalid value: 50: must be greater than or equal to `port`",
    ),
    (
        POLICY,
        "- port: 53",
        "- {port: dns, endPort: 60}",
        f"x.yaml:11: {N}spec.egress[0].ports[0].endPort: Invalid value: 60: may not be specified when `port` is non-numeric",
    ),
    (
        POLICY,
        "- ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}",
        "- {}",
        f"x.yaml:9: {N}spec.egress[0].to[0]: Required value: must specify a peer",
    ),
    (
        POLICY,
        "16]}",
        "16]}\n      podSelector: {}",
        f"x.yaml:9: {N}spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer",
    ),
    (
        POLICY,
        "podSelector: {}",
        "podSelector: {}\n  policyTypes: [ingress]",
        f'x.yaml:7: {N}spec.policyTypes[0]: Unsupported value: "ingress": supported values: "Ingress", "Egress"',
    ),
    (
        CONFIG,
        "key: value",
        "a/b: value",
        (
            'x.yaml:4: The ConfigMap "c" is invalid: data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric '
            "characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        ),
    ),
    (CONFIG, "value", "yes", "x.yaml:4: data.key: got true, expected text (YAML reads yes as true: put it in quotes)"),
    (
        SLICE,
        "10.0.0.9",
        "'fd00::9'",
        (
            'x.yaml:5: The EndpointSlice "s" is invalid: endpoints[0].addresses[0]: Invalid value: "fd00::9": must be a valid IPv4 '
            "address, (e.g. 10.9.8.7)"
        ),
    ),
    (
        SLICE,
        "[10.0.0.9]",
        "[]",
        'x.yaml:5: The EndpointSlice "s" is invalid: endpoints[0].addresses: Required value: must contain at least 1 address',
    ),
    (
        ENDPOINTS,
        "10.0.0.9",
        "169.254.1.1",
        (
            'x.yaml:4: The Endpoints "e" is invalid: subsets[0].addresses[0].ip: Invalid value: '
            '"169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)'
        ),
    ),
    (
        CONFIG,
        "kind: ConfigMap",
        "kind: Configmap",
        (
            'x.yaml:2: kind: got "Configmap", expected a kind that exists (no matches for kind '
            '"Configmap" in version "v1")'
        ),
    ),
]


@pytest.mark.parametrize(("text", "old", "new", "said"), [*((SERVICE, *row) for row in SERVICES), *WORKLOADS, *OTHERS])
def test_what_the_api_server_refuses(text, old, new, said, store):
    assert old in text
    assert refusal(store, text.replace(old, new, 1)) == said


def test_the_good_ones_are_taken(store):
    good = [SERVICE, DEPLOYMENT, POLICY, DAEMON, STATEFUL, CONFIG, SLICE, ENDPOINTS]
    objects = apply(store, "---\n".join(good))
    assert [each.kind.name for each in objects][:3] == ["Service", "Deployment", "NetworkPolicy"]


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (
            SERVICE,
            "type: NodePort",
            "clusterIP: 10.96.0.99",
            f'{S}spec.clusterIPs[0]: Invalid value: ["10.96.0.99"]: may not change once set',
        ),
        (
            DEPLOYMENT,
            "app: web",
            "app: other",
            f'{D}spec.selector: Invalid value: {{"matchLabels":{{"app":"other"}}}}: field is immutable',
        ),
        (
            STATEFUL,
            "serviceName: web",
            "serviceName: other",
            (
                "The StatefulSet \"web\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', "
                "'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                "'minReadySeconds' are forbidden"
            ),
        ),
        (
            CONFIG + "immutable: true\n",
            "value",
            "other",
            'The ConfigMap "c" is invalid: data: Forbidden: field is immutable when `immutable` is set',
        ),
    ],
)
def test_what_cannot_change(text, old, new, said, store):
    apply(store, text)
    # Every label of the deployment changes, so that selector and template still go together.
    changed = text.replace(old, new) if "app" in old else text.replace(old, new, 1)
    assert refusal(store, changed).partition(": ")[2] == said


def test_a_node_port_and_an_address_belong_to_one_service(store):
    (first,) = apply(store, SERVICE)
    spec = first.object.spec
    second = SERVICE.replace("name: web", "name: two").replace(
        "port: 80", f"port: 80\n    nodePort: {spec.ports[0].node_port}"
    )
    assert refusal(store, second).endswith(
        f"spec.ports[0].nodePort: Invalid value: {spec.ports[0].node_port}: provided port is already allocated"
    )
    third = SERVICE.replace("name: web", "name: two").replace("type: NodePort", f"clusterIP: {spec.cluster_ip}")
    assert refusal(store, third).endswith(f"failed to allocate IP {spec.cluster_ip}: provided IP is already allocated")
    store.delete("Service", "web", "default")
    assert apply(store, third)[0].object.spec.cluster_ip == spec.cluster_ip


def test_nothing_of_several_documents_is_applied_when_the_last_one_is_bad(store):
    assert "x.yaml:26" in refusal(store, f"{DEPLOYMENT}---\n{SERVICE.replace('port: 80', 'port: 0')}")
    assert store.all("Deployment") == ()


def test_kubectl_writes_several_causes_in_lines(store):
    with pytest.raises(Invalid) as caught:
        apply(store, SERVICE.replace("port: 80", "port: 0").replace("UDP", "udp"))
    assert caught.value.said == (
        f'{S}\n* spec.ports[0].port: Invalid value: 0: {RANGE}\n* spec.ports[1].protocol: Unsupported value: "udp": '
        'supported values: "SCTP", "TCP", "UDP"'
    )
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.path, copy.value) == (str(caught.value), "spec.ports[0].port", 0)
