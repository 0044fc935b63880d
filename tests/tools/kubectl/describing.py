"""A store with objects as they are, and the text of ``kubectl describe``: no cluster acts upon them.

A file in ``described`` holds manifests, then ``---- describe KIND NAME`` and the text that kubectl 1.30 prints of the object 90 seconds
later, once for each; a line in it that ends in a blank has ``$`` behind the blank.
"""

import re
from pathlib import Path
from random import Random

import yaml

from podwire.kube.events import Recorder
from podwire.kube.kinds import Kind
from podwire.kube.store import Store
from podwire.tools.kubectl.describe import page_of

START = 1_704_067_200_000_000_000
FILES = Path(__file__).with_name("described")
_MARK = re.compile(r"^---- describe (\S+) (\S+)\n", re.MULTILINE)
WIDGET = Kind(version="example.com/v1", name="Widget", plural="widgets")


class Described:
    """``add`` takes manifests with their status; ``text`` is what is printed of one."""

    def __init__(self, now=START):
        streams: dict[tuple[str, ...], Random] = {}
        self.now = now
        self.store = Store(lambda: self.now, lambda *key: streams.setdefault(key, Random(repr(key))))
        self.store.kinds.register(WIDGET)
        self.recorder = Recorder(self.store)
        for name in ("default", "kube-system"):
            self.store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def add(self, text):
        return [self.store.create(each, status=True) for each in yaml.safe_load_all(text)]

    def get(self, kind, name):
        found = self.store.kinds.named(kind)
        return self.store.need(kind, name, "default" if found is not None and found.namespaced else "")

    def text(self, kind, name, *, events=True):
        return page_of(self.store, self.get(kind, name), events=events)


def parts(path):
    """Manifests, then kind, name and text of each object."""
    manifests, *rest = _MARK.split(path.read_text(encoding="utf-8"))
    texts = [text.replace(" $\n", " \n") for text in rest[2::3]]
    return manifests, list(zip(rest[0::3], rest[1::3], texts, strict=True))


def write(path, manifests, cases):
    """The other way round."""
    marked = "".join(f"---- describe {kind} {name}\n{text}" for kind, name, text in cases)
    path.write_text(manifests + re.sub(r" \n", " $\n", marked), encoding="utf-8")
