"""Members in the order of Go's structs: how ``-o json`` prints an object that kubectl has as a typed one (run, create KIND, expose).

Source: k8s.io/api (core/v1, apps/v1) and k8s.io/apimachinery, pkg/apis/meta/v1, types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_ORDER: Final = (
    "kind apiVersion metadata immutable data binaryData spec status secrets"
    # ObjectMeta
    " name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp"
    " deletionGracePeriodSeconds labels annotations ownerReferences finalizers managedFields"
    # DeploymentSpec
    " replicas matchLabels matchExpressions"
    # PodSpec
    " volumes initContainers containers"
    # Container, ContainerPort, ServicePort, EnvVar, VolumeMount
    " image command args workingDir ports envFrom env resources resizePolicy restartPolicy readOnly mountPath subPath"
    " hostPort containerPort protocol hostIP appProtocol port targetPort nodePort value valueFrom volumeMounts volumeDevices"
    " livenessProbe readinessProbe startupProbe lifecycle terminationMessagePath terminationMessagePolicy imagePullPolicy"
    # PodSpec
    " terminationGracePeriodSeconds activeDeadlineSeconds dnsPolicy nodeSelector serviceAccountName serviceAccount"
    " automountServiceAccountToken nodeName hostNetwork hostPID hostIPC shareProcessNamespace securityContext imagePullSecrets"
    " stdin stdinOnce tty privileged hostname subdomain affinity schedulerName tolerations hostAliases priorityClassName priority"
    " dnsConfig readinessGates runtimeClassName enableServiceLinks preemptionPolicy overhead"
    # ServiceSpec, DeploymentSpec
    " selector template strategy minReadySeconds revisionHistoryLimit paused progressDeadlineSeconds"
    " clusterIP clusterIPs type externalIPs sessionAffinity loadBalancerIP loadBalancerSourceRanges externalName"
    " externalTrafficPolicy healthCheckNodePort publishNotReadyAddresses sessionAffinityConfig ipFamilies ipFamilyPolicy"
    " allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy rollingUpdate maxUnavailable maxSurge"
    # Toleration, Volume, projections
    " key operator effect tolerationSeconds projected sources serviceAccountToken expirationSeconds path configMap items"
    " downwardAPI fieldRef fieldPath defaultMode"
    # PodStatus
    " phase conditions lastProbeTime lastTransitionTime reason message loadBalancer qosClass"
).split()
_RANK: Final = {name: index for index, name in enumerate(_ORDER)}
_MAPS: Final = frozenset({"annotations", "data", "labels", "matchLabels", "nodeSelector"})


def go_ordered(value: Any, name: str = "") -> Any:
    """The same value; members that no struct has stand behind the others, by name."""
    if isinstance(value, list | tuple):
        return [go_ordered(each, name) for each in value]
    if not isinstance(value, Mapping):
        return value
    is_map = name in _MAPS or (name == "selector" and not {"matchLabels", "matchExpressions"} & set(value))
    keys = sorted(value) if is_map else sorted(value, key=lambda key: (_RANK.get(key, len(_RANK)), key))
    return {key: go_ordered(value[key], key) for key in keys}
