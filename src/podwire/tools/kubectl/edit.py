"""``kubectl edit`` (cmd/util/editor): the object goes as YAML through the editor of KUBE_EDITOR or EDITOR, and what changed is patched.

Nobody types into a simulated editor: it is a command of podwire's that changes a file and ends, such as ``sed -i s/a/b/`` or
``cp new.yaml``.
"""

from __future__ import annotations

import copy
import shlex
from typing import TYPE_CHECKING, Any, Final

from podwire.errors import ManifestError, NotModelled, PodwireError
from podwire.kube.document import documents
from podwire.tools import registry
from podwire.tools.kubectl import resources, writing
from podwire.tools.kubectl.context import KubectlError, Verb
from podwire.tools.kubectl.failing import Failure, fail, failure
from podwire.tools.kubectl.flags import Flag
from podwire.tools.kubectl.manifests import FILES
from podwire.tools.kubectl.output import OUTPUT, Printed
from podwire.tools.kubectl.yamltext import yaml_text
from podwire.tools.process import Process

if TYPE_CHECKING:
    from podwire.kube.store import Stored
    from podwire.tools.kubectl.context import Context

_HEAD: Final = """\
# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
"""


def _edit(context: Context) -> int:
    parsed = context.parsed
    if parsed.all("filename"):
        raise NotModelled("flag --filename", "kubectl edit")
    objects = resources.select(context, parsed.args)
    if len(objects) != 1:
        raise NotModelled("several objects in one editor", "kubectl edit")
    old = objects[0]
    before = _HEAD + yaml_text(old.document)
    after, path = _edited(context, before)
    if _bare(after) == _bare(before):
        context.err("Edit cancelled, no changes made.\n")
        return 0
    if not _bare(after).strip():
        context.err("Edit cancelled, saved file was empty.\n")
        return 0
    _save(context, old, after, path)
    return 0


def _bare(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def _edited(context: Context, text: str) -> tuple[str, str]:
    """What the editor leaves in the file, and the file's name. Raises ``KubectlError`` where the editor fails."""
    proc = context.proc
    editor = proc.environment.get("KUBE_EDITOR") or proc.environment.get("EDITOR") or "vi"
    command = shlex.split(editor)
    tool = registry.find(proc.place.image, command[0]) if command else None
    if tool is None:
        raise NotModelled(
            f"the editor {editor!r}: name a command that changes a file and ends, such as KUBE_EDITOR='sed -i s/80/8080/'",
            "kubectl edit",
        )
    path = f"/tmp/kubectl-edit-{context.store.draw('edit').getrandbits(32)}.yaml"  # noqa: S108 - a file of the simulated machine
    files = proc.place.files
    files[path] = text
    process = Process(proc.world, proc.place, [*command, path], directory=proc.directory)
    process.on_output = lambda stream, said: proc.write(said) if stream == 1 else proc.error(said)
    process.start(tool)
    if not process.done:
        process.close()
        raise NotModelled(f"the editor {editor!r}, which waits", "kubectl edit")
    if process.status:
        del files[path]
        raise KubectlError(f'error: there was a problem with the editor "{editor}"')
    return files.get(path, ""), path


def _save(context: Context, old: Stored, text: str, path: str) -> None:
    printed = Printed(context, "none")
    files = context.proc.place.files
    wrong: Failure | None = None
    try:
        found = documents(text, path)
        new: Any = found[0].plain() if len(found) == 1 else {}
        _same(old, new)
        with writing.writing(context) as store:
            printed.add(writing.update(context, store, old, copy.deepcopy(new)), "edited")
    except ManifestError as error:
        wrong = failure(error, document=old.document)
    except PodwireError as error:
        wrong = failure(error)
    if wrong is not None:
        # kubectl would open the editor once more; this one would leave the same file, and kubectl gives up then.
        context.err(f"{wrong.alone}\n")
        context.err(f'A copy of your changes has been stored to "{path}"\n')
        fail("Edit cancelled, no valid changes were saved.")
    del files[path]
    printed.finish()


def _same(old: Stored, new: Any) -> None:
    """Neither kind nor name may change in an editor."""
    meta = new.get("metadata") or {} if isinstance(new, dict) else {}
    now = (meta.get("name"), meta.get("namespace", "")) if isinstance(meta, dict) else ("", "")
    if not isinstance(new, dict) or new.get("kind") != old.kind.name or now != (old.name, old.namespace):
        raise PodwireError("At least one of apiVersion, kind and name was changed")


EDIT: Final = Verb(
    _edit,
    (
        *FILES,
        *OUTPUT,
        Flag("field-manager"),
        Flag("output-patch", kind="bool", modelled=False),
        Flag("save-config", kind="bool", modelled=False),
        Flag("subresource", modelled=False),
        Flag("validate", default="strict", bare="strict"),
        Flag("windows-line-endings", kind="bool", modelled=False),
    ),
)
