"""The resources of a Kubernetes 1.30 API server: what ``kubectl api-resources`` lists, and what words on a command line may mean.

A cluster lists all of them, whether podwire keeps their objects or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podwire.kube.kinds import Kind

_ALL_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


class Resource(msgspec.Struct, frozen=True):
    """One row of ``kubectl api-resources``. ``version`` is its apiVersion."""

    plural: str
    short: tuple[str, ...]
    version: str
    namespaced: bool
    kind: str
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = _ALL_VERBS

    @property
    def group(self) -> str:
        """API group; empty for the core."""
        return self.version.rpartition("/")[0]

    @property
    def full(self) -> str:
        """As errors, and ``-o name``, tell them apart: ``deployments.apps``, ``pods``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_TABLE: Final = """
bindings                          -        v1                              true  Binding                          - create
componentstatuses                 cs       v1                              false ComponentStatus                  - get,list
configmaps                        cm       v1                              true  ConfigMap
endpoints                         ep       v1                              true  Endpoints
events                            ev       v1                              true  Event
limitranges                       limits   v1                              true  LimitRange
namespaces                        ns       v1                              false Namespace                        - but:deletecollection
nodes                             no       v1                              false Node
persistentvolumeclaims            pvc      v1                              true  PersistentVolumeClaim
persistentvolumes                 pv       v1                              false PersistentVolume
pods                              po       v1                              true  Pod                              all
podtemplates                      -        v1                              true  PodTemplate
replicationcontrollers            rc       v1                              true  ReplicationController            all
resourcequotas                    quota    v1                              true  ResourceQuota
secrets                           -        v1                              true  Secret
serviceaccounts                   sa       v1                              true  ServiceAccount
services                          svc      v1                              true  Service                          all
mutatingwebhookconfigurations     -        admissionregistration.k8s.io/v1 false MutatingWebhookConfiguration     api-extensions
validatingadmissionpolicies       -        admissionregistration.k8s.io/v1 false ValidatingAdmissionPolicy        api-extensions
validatingadmissionpolicybindings -        admissionregistration.k8s.io/v1 false ValidatingAdmissionPolicyBinding api-extensions
validatingwebhookconfigurations   -        admissionregistration.k8s.io/v1 false ValidatingWebhookConfiguration   api-extensions
customresourcedefinitions         crd,crds apiextensions.k8s.io/v1         false CustomResourceDefinition         api-extensions
apiservices                       -        apiregistration.k8s.io/v1       false APIService                       api-extensions
controllerrevisions               -        apps/v1                         true  ControllerRevision
daemonsets                        ds       apps/v1                         true  DaemonSet                        all
deployments                       deploy   apps/v1                         true  Deployment                       all
replicasets                       rs       apps/v1                         true  ReplicaSet                       all
statefulsets                      sts      apps/v1                         true  StatefulSet                      all
selfsubjectreviews                -        authentication.k8s.io/v1        false SelfSubjectReview                - create
tokenreviews                      -        authentication.k8s.io/v1        false TokenReview                      - create
localsubjectaccessreviews         -        authorization.k8s.io/v1         true  LocalSubjectAccessReview         - create
selfsubjectaccessreviews          -        authorization.k8s.io/v1         false SelfSubjectAccessReview          - create
selfsubjectrulesreviews           -        authorization.k8s.io/v1         false SelfSubjectRulesReview           - create
subjectaccessreviews              -        authorization.k8s.io/v1         false SubjectAccessReview              - create
horizontalpodautoscalers          hpa      autoscaling/v2                  true  HorizontalPodAutoscaler          all
cronjobs                          cj       batch/v1                        true  CronJob                          all
jobs                              -        batch/v1                        true  Job                              all
certificatesigningrequests        csr      certificates.k8s.io/v1          false CertificateSigningRequest
leases                            -        coordination.k8s.io/v1          true  Lease
endpointslices                    -        discovery.k8s.io/v1             true  EndpointSlice
events                            ev       events.k8s.io/v1                true  Event
flowschemas                       -        flowcontrol.apiserver.k8s.io/v1 false FlowSchema
prioritylevelconfigurations       -        flowcontrol.apiserver.k8s.io/v1 false PriorityLevelConfiguration
ingressclasses                    -        networking.k8s.io/v1            false IngressClass
ingresses                         ing      networking.k8s.io/v1            true  Ingress
networkpolicies                   netpol   networking.k8s.io/v1            true  NetworkPolicy
runtimeclasses                    -        node.k8s.io/v1                  false RuntimeClass
poddisruptionbudgets              pdb      policy/v1                       true  PodDisruptionBudget
clusterrolebindings               -        rbac.authorization.k8s.io/v1    false ClusterRoleBinding
clusterroles                      -        rbac.authorization.k8s.io/v1    false ClusterRole
rolebindings                      -        rbac.authorization.k8s.io/v1    true  RoleBinding
roles                             -        rbac.authorization.k8s.io/v1    true  Role
priorityclasses                   pc       scheduling.k8s.io/v1            false PriorityClass
csidrivers                        -        storage.k8s.io/v1               false CSIDriver
csinodes                          -        storage.k8s.io/v1               false CSINode
csistoragecapacities              -        storage.k8s.io/v1               true  CSIStorageCapacity
storageclasses                    sc       storage.k8s.io/v1               false StorageClass
volumeattachments                 -        storage.k8s.io/v1               false VolumeAttachment
"""


def _words(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))


def _row(line: str) -> Resource:
    plural, short, version, namespaced, kind, *rest = line.split()
    categories = _words(rest[0]) if rest else ()
    verbs = _words(rest[1]) if len(rest) > 1 else _ALL_VERBS
    if verbs[0].startswith("but:"):
        verbs = tuple(each for each in _ALL_VERBS if each != verbs[0].removeprefix("but:"))
    return Resource(plural, _words(short), version, namespaced == "true", kind, categories, verbs)


BUILT_IN: Final = tuple(_row(line) for line in _TABLE.strip().splitlines())
"""Those of Kubernetes, in the order of ``kubectl api-resources``: by group, then by name."""


def catalog(kinds: Iterable[Kind]) -> tuple[Resource, ...]:
    """Every resource of a cluster: those of Kubernetes, then those that backends registered."""
    known = {(each.version, each.kind) for each in BUILT_IN}
    more = [
        Resource(each.plural, each.short, each.version, each.namespaced, each.name, verbs=_ALL_VERBS)
        for each in kinds
        if (each.version, each.name) not in known
    ]
    return (*BUILT_IN, *more)


def find(resources: Iterable[Resource], word: str) -> Resource | None:
    """What ``po``, ``Pod``, ``deploy.apps``, ``deployments.v1.apps`` or ``ippools.crd`` means; None for a word that means nothing.

    A group may be cut short; the first of several wins. As the RESTMapper of k8s.io/apimachinery, pkg/api/meta does it.
    """
    every = tuple(resources)
    word = word.lower()
    name, _, rest = word.partition(".")
    version, dot, group = rest.partition(".")
    if dot:
        exact = [each for each in every if _called(each, name) and each.version == f"{group}/{version}"]
        if exact:
            return exact[0]
    named = [each for each in every if _called(each, name)]
    if not rest:
        return named[0] if named else None
    whole = [each for each in named if each.group == rest]
    begun = [each for each in named if each.group.startswith(rest)]
    core = [each for each in named if not each.group and each.version == rest]
    return next(iter((*whole, *begun, *core)), None)


def _called(each: Resource, name: str) -> bool:
    return name in {each.plural, each.kind.lower(), *each.short}
