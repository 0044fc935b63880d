"""A loopback HTTP server that a real kubectl can talk to: the API of Kubernetes over the store of a lab.

Paths, media types and statuses are those of k8s.io/kubernetes 1.30; tables are podwire's own, so that a comparison judges what kubectl
does with them, and what it prints itself.
"""

import json
import re
import threading
import time
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from podwire.cluster.operations import Operations
from podwire.errors import ManifestError, PodwireError
from podwire.kube.fields import from_python
from podwire.kube.invalid import Invalid, StatusError
from podwire.kube.labels import field_matcher, label_matcher
from podwire.kube.objects import decode_object
from podwire.tools.kubectl.catalog import catalog
from podwire.tools.kubectl.failing import cause_of, failure
from podwire.tools.kubectl.gojson import JsonError, go_json, unmarshal_error
from podwire.tools.kubectl.tables import table

CODES = {
    "NotFound": 404,
    "AlreadyExists": 409,
    "Conflict": 409,
    "Forbidden": 403,
    "BadRequest": 400,
    "UnsupportedMediaType": 415,
}
HOW = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
}


class Refused(Exception):
    """A Status that is no Success."""

    def __init__(self, reason, message, code, details=None):
        super().__init__(message)
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "details": details or {},
            "code": code,
        }


def _refused(error, resource, name, document=None):
    details = {"name": name, "kind": resource.plural, "group": resource.group}
    if isinstance(error, Invalid):
        beside = failure(error).beside
        details |= {
            "name": error.name,
            "kind": error.kind,
            "causes": [
                {
                    "reason": f"FieldValue{each.reason.title().replace(' ', '')}",
                    "field": each.path,
                    "message": text_of(each),
                }
                for each in error.causes
            ],
        }
        return Refused("Invalid", beside.partition(": ")[2], 422, details)
    if isinstance(error, StatusError):
        return Refused(error.reason, error.message, CODES.get(error.reason, 400), details)
    found = failure(error, document=document)
    match = re.match(r"Error from server \((\w+)\): (.*)", found.beside, re.DOTALL)
    cause = cause_of(error) if isinstance(error, ManifestError) else None
    if match is not None and match[1] == "Invalid" and cause is not None:
        detail = {"reason": "FieldValueInvalid", "field": cause.path, "message": text_of(cause)}
        details |= {
            "name": str((document.get("metadata") or {}).get("name", name)),
            "kind": str(document.get("kind")),
            "causes": [detail],
        }
    if match is None:
        return Refused("InternalError", found.alone, 500)
    return Refused(match[1], match[2], 422 if match[1] == "Invalid" else 400, details)


def text_of(cause):
    """A cause without its path."""
    return str(cause).removeprefix(f"{cause.path}: ")


class Server:
    """``port`` of the server of a lab. ``log`` holds the requests."""

    def __init__(self, lab):
        self.lab = lab
        self.lock = threading.RLock()
        self.log: list[Any] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def _do(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size) if size else b""
                server.log.append((self.command, self.path, body[:2000]))
                try:
                    request = Request(server, self, body)
                    if request.query.get("watch") in {"true", "1"}:
                        request.watch()
                        return
                    with server.lock:
                        code, answer = request.answer()
                except Refused as error:
                    code, answer = error.body["code"], error.body
                if isinstance(answer, str):
                    kind = "application/octet-stream" if "openapi" in self.path else "text/plain"
                    self.send(code, answer.encode(), kind)
                else:
                    self.send(code, json.dumps(answer, default=str).encode(), "application/json")

            def send(self, code, data, kind):
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    @property
    def store(self):
        return self.lab.api.store

    def close(self):
        self._http.shutdown()
        self._http.server_close()


class Request:
    """One request."""

    def __init__(self, server, handler, body):
        self.server, self.store, self.handler, self.body = server, server.store, handler, body
        self.method = handler.command
        url = urlsplit(handler.path)
        self.path = [unquote(each) for each in url.path.strip("/").split("/")]
        self.query = {key: values[0] for key, values in parse_qs(url.query).items()}
        self.resources = catalog(Operations(server.lab).kinds())
        self.resource: Any = None
        self.kind: Any = None
        self.name = self.sub = ""
        self.space = None
        if self.path[0] in {"api", "apis"}:
            self._resolve()

    def _resolve(self):
        core = self.path[0] == "api"
        version, rest = ("v1", self.path[2:]) if core else ("/".join(self.path[1:3]), self.path[3:])
        self.version = version
        if not rest:
            return
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in {"status", "finalize"}:
            self.space, rest = rest[1], rest[2:]
        self.resource = next(
            (each for each in self.resources if (each.version, each.plural) == (version, rest[0])), None
        )
        if self.resource is None:
            raise Refused("NotFound", "the server could not find the requested resource", 404)
        self.kind = self.store.kinds.of(version, self.resource.kind)
        self.name = rest[1] if len(rest) > 1 else ""
        self.sub = rest[2] if len(rest) > 2 else ""
        if self.sub == "scale" and self.resource.kind not in {"Deployment", "ReplicaSet", "StatefulSet"}:
            raise Refused("NotFound", "the server could not find the requested resource", 404)

    # -- discovery -----------------------------------------------------------------------------------------------

    def answer(self):
        if self.path[0] == "version":
            return 200, {"major": "1", "minor": "30", "gitVersion": "v1.30.0", "platform": "linux/amd64"}
        if self.path == ["api"]:
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if self.path == ["apis"]:
            return 200, self._groups()
        if self.path[0] == "openapi":
            return self._openapi()
        if self.path[0] not in {"api", "apis"}:
            raise Refused("NotFound", "the server could not find the requested resource", 404)
        if self.resource is None:
            return 200, self._resources()
        try:
            return self._act()
        except PodwireError as error:
            document = self._parsed()
            raise _refused(error, self.resource, self.name, document if isinstance(document, dict) else None) from None

    def _groups(self):
        groups: dict[str, dict[str, None]] = {}
        for each in self.resources:
            if each.group:
                groups.setdefault(each.group, {})[each.version] = None
        return {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [
                {
                    "name": name,
                    "versions": [{"groupVersion": each, "version": each.rpartition("/")[2]} for each in versions],
                    "preferredVersion": {
                        "groupVersion": next(iter(versions)),
                        "version": next(iter(versions)).rpartition("/")[2],
                    },
                }
                for name, versions in groups.items()
            ],
        }

    def _resources(self):
        rows = []
        for each in self.resources:
            if each.version != self.version:
                continue
            row = {
                "name": each.plural,
                "singularName": each.kind.lower(),
                "namespaced": each.namespaced,
                "kind": each.kind,
                "shortNames": list(each.short),
                "categories": list(each.categories),
                "verbs": list(each.verbs),
            }
            rows.append(row)
            if each.plural in {"deployments", "replicasets", "statefulsets"}:
                rows.append(
                    {
                        "name": f"{each.plural}/scale",
                        "namespaced": True,
                        "group": "autoscaling",
                        "version": "v1",
                        "kind": "Scale",
                        "verbs": ["get", "patch", "update"],
                    }
                )
        return {"kind": "APIResourceList", "groupVersion": self.version, "resources": rows}

    def _openapi(self):
        if self.path[1:] == ["v3"]:
            every = dict.fromkeys(each.version for each in self.resources)
            where = [f"api{'s' if '/' in each else ''}/{each}" for each in every]
            return 200, {"paths": {each: {"serverRelativeURL": f"/openapi/v3/{each}?hash=1"} for each in where}}
        if self.path[1:2] != ["v3"]:
            return 200, ""  # a protobuf message without members: no schemas
        version = "/".join(self.path[3:])
        paths = {}
        for each in self.resources:
            if each.version == version:
                group, _, short = each.version.rpartition("/")
                operation = {
                    "parameters": [{"name": "dryRun", "in": "query"}, {"name": "fieldValidation", "in": "query"}],
                    "x-kubernetes-action": "patch",
                    "x-kubernetes-group-version-kind": {"group": group, "version": short, "kind": each.kind},
                    "responses": {"200": {"description": "OK"}},
                }
                paths[f"/{'/'.join(self.path[2:])}/{each.plural}/{{name}}"] = {"patch": operation}
        return 200, {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.30.0"}, "paths": paths}

    # -- objects -------------------------------------------------------------------------------------------------

    def _parsed(self):
        if not self.body:
            return None
        text = self.body.decode()
        try:
            return self._json(text)
        except JsonError as error:
            raise Refused("BadRequest", str(error), 400) from None

    @staticmethod
    def _json(text):
        return go_json(text) if text.lstrip().startswith(("{", "[")) else yaml.safe_load(text)

    def _act(self):
        kind, store = self.kind, self.store
        if kind is None:
            if self.resource.kind == "Lease" and self.name:
                return 200, self._lease()
            if self.name:
                raise Refused(
                    "NotFound",
                    f'{self.resource.full} "{self.name}" not found',
                    404,
                    {"name": self.name, "group": self.resource.group, "kind": self.resource.plural},
                )
            return 200, self._shown([], None)
        self.server.lab.api.settle()
        space = (self.space or "") if kind.namespaced else ""
        options = self._parsed() if self.method == "DELETE" else None
        dry = "dryRun" in self.query or bool((options or {}).get("dryRun"))
        if self.method == "GET":
            if not self.name:
                return 200, self._shown(self._listed(), None)
            found = store.need(kind.slot, self.name, space)
            if self.sub == "scale":
                return 200, _scale(found)
            if self.sub == "log":
                return 200, self._log(found)
            return 200, self._shown([found], found)
        with store.trial() if dry else nullcontext():
            code, made = self._write(space)
        if not dry:
            self.server.lab.api.settle()
        return code, made

    def _write(self, space):
        kind, store, document = self.kind, self.store, self._parsed()
        if self.method == "POST":
            if kind.namespaced:
                document.setdefault("metadata", {})["namespace"] = space
            self._check(document)
            return 201, store.create(document, from_python(document)).document
        if self.method == "DELETE":
            return self._delete(space, document or {})
        if self.sub == "scale":
            old = store.need(kind.slot, self.name, space)
            wanted = document["spec"]["replicas"]
            return 200, _scale(store.patch(kind.slot, self.name, space, {"spec": {"replicas": wanted}}, "merge") or old)
        if self.method == "PUT":
            self._check(document)
            return 200, store.update(document).document
        how = HOW[self.handler.headers["Content-Type"].partition(";")[0]]
        if not isinstance(document, list if how == "json" else dict):
            wrong = unmarshal_error(document, "[]interface {}" if how == "json" else "map[string]interface {}")
            raise Refused("BadRequest", wrong if how == "strategic" else f"error decoding patch: {wrong}", 400)
        try:
            return 200, store.patch(kind.slot, self.name, space, document, how, status=self.sub == "status").document
        except (ManifestError, StatusError):
            raise
        except PodwireError:
            raise Refused("Invalid", "the server rejected our request due to an error in our request", 422) from None

    def _check(self, document):
        bare = {key: value for key, value in document.items() if key != "status"}
        self.server.lab.api.refuse(decode_object(from_python(bare)), nodes=False)

    def _delete(self, space, options):
        kind, store = self.kind, self.store
        found = [store.need(kind.slot, self.name, space)] if self.name else self._listed()
        for each in found:
            orphan = options.get("propagationPolicy") == "Orphan"
            last = store.delete(
                kind.slot,
                each.name,
                each.namespace,
                propagation="Orphan" if orphan else "Background",
                grace=options.get("gracePeriodSeconds"),
            )
        if kind.name in {"Pod", "Namespace", "Service"}:
            return 200, last.document
        details = {"name": self.name, "group": self.resource.group, "kind": self.resource.plural, "uid": last.uid}
        return 200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def _listed(self):
        kind = self.kind
        wanted = label_matcher(self.query.get("labelSelector"))
        try:
            chosen = field_matcher(kind.name, kind.version, self.query.get("fieldSelector"))
        except PodwireError as error:
            text = str(error).rpartition('field selector "')[2].partition('": ')[2]
            head = f'Unable to find "{kind.group}/{kind.version.rpartition("/")[2]}, Resource={kind.plural}" that match label selector'
            asked = (self.query.get(each) or "" for each in ("labelSelector", "fieldSelector"))
            raise Refused("BadRequest", '{} "{}", field selector "{}": {}'.format(head, *asked, text), 400) from None
        found = [
            each for each in self.store.all(kind.slot, self.space) if wanted(each.labels) and chosen(each.document)
        ]
        return sorted(found, key=lambda each: (each.namespace, each.name))

    def _shown(self, objects, single):
        """As JSON, or as a table where kubectl asks for one."""
        if "as=Table" in self.handler.headers.get("Accept", ""):
            return self._table(objects)
        if single is not None:
            return single.document
        return {
            "kind": f"{self.resource.kind}List",
            "apiVersion": self.resource.version,
            "metadata": {"resourceVersion": str(self.store.version)},
            "items": [each.document for each in objects],
        }

    def _table(self, objects, *, columns=True):
        if self.kind is None:
            return {
                "kind": "Table",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": {},
                "columnDefinitions": [],
                "rows": [],
            }
        made = table(self.kind, objects, self.server.lab.network.now)
        whole = self.query.get("includeObject") == "Object"
        return {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": {"resourceVersion": str(self.store.version)},
            "columnDefinitions": [
                {
                    "name": each.title,
                    "type": "string",
                    "format": "name" if each.name else "",
                    "description": "",
                    "priority": int(each.wide),
                }
                for each in made.columns
            ]
            if columns
            else [],
            "rows": [
                {
                    "cells": list(row.cells),
                    "object": row.object.document
                    if whole
                    else {
                        "kind": "PartialObjectMetadata",
                        "apiVersion": "meta.k8s.io/v1",
                        "metadata": row.object.document["metadata"],
                    },
                }
                for row in made.rows
            ],
        }

    def _lease(self):
        """A kubelet renews its lease every ten seconds."""
        node = self.store.need("Node", self.name)
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(self.server.lab.network.now // 10**9 // 10 * 10))
        return {
            "kind": "Lease",
            "apiVersion": "coordination.k8s.io/v1",
            "metadata": {"name": node.name},
            "spec": {"holderIdentity": node.name, "renewTime": now},
        }

    def _log(self, pod):
        lines = self.server.lab.pod(f"{pod.namespace}/{pod.name}")
        return "".join(f"{each.text}\n" for each in self.server.lab.serving_of(lines).lines)

    # -- watches -------------------------------------------------------------------------------------------------

    def watch(self):
        """Events as they come; where none come, virtual time passes."""
        handler, server = self.handler, self.server
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        since = int(self.query.get("resourceVersion") or server.store.version)
        wanted = label_matcher(self.query.get("labelSelector"))
        chosen = field_matcher(self.kind.name, self.kind.version, self.query.get("fieldSelector"))
        first = True
        for _ in range(600):
            with server.lock:
                events = list(server.store.events(since))
                since = server.store.version
                lines = []
                for each in events:
                    found = each.object
                    if found.kind is not self.kind or (self.space is not None and found.namespace != self.space):
                        continue
                    if not (wanted(found.labels) and chosen(found.document)):
                        continue
                    shown = found.document
                    if "as=Table" in handler.headers.get("Accept", ""):
                        shown = self._table([found], columns=first)
                        first = False
                    lines.append(json.dumps({"type": each.type, "object": shown}) + "\n")
                if not events:
                    server.lab.sleep(0.25)
            try:
                for line in lines:
                    handler.wfile.write(line.encode())
                handler.wfile.flush()
            except OSError:
                return
            if not events:
                time.sleep(0.02)


def _scale(found):
    meta = {
        key: found.document["metadata"][key]
        for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    }
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": meta,
        "spec": {"replicas": found.document["spec"].get("replicas", 1)},
        "status": {"replicas": (found.document.get("status") or {}).get("replicas", 0)},
    }
