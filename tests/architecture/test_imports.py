"""The arrows of the architecture: who may import whom, and what is loaded only when it is asked for."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "podwire"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# Heavy libraries, and the one module that may import each: `import podwire` has to stay fast, and what scapy
# (GPL-2.0-only) is used for has to be plain to see.
LAZY = {"scapy": "export/scapy.py", "networkx": "fabric/graph.py"}

# What programs nodes, and what it does not see.
AGENTS = [path for path in SOURCES if path.relative_to(PACKAGE).parts[0] in {"cni", "kubeproxy"}]
UNSEEN = ("podwire.linux.path.", "podwire.wire.codec.", "podwire.fabric.")

# What may use the public names as people do. Everything else imports from the module that defines a name: the
# package itself imports all of them, and would close a circle.
ABOVE_THE_PACKAGE = {"__main__.py", "cli", "pytest_plugin.py", "testing.py"}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imports(tree: ast.AST, *, lazily: bool = False) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Each import of a module, and whether it waits for a call (or is there for the type checker alone)."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, lazily
        elif isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            for statement in node.body:
                yield from imports(ast.Module([statement], []), lazily=True)
            for statement in node.orelse:
                yield from imports(ast.Module([statement], []), lazily=lazily)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(node, lazily=lazily or inside)


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules that a statement names: `from a import b` may mean a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [f"{node.module}.{alias.name}" for alias in node.names] if node.module and not node.level else []


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    """Holds the package `podwire` found in a directory against the contracts in pyproject.toml."""
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or "lint-imports"
    command = [program, "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_every_contract_is_kept():
    done = lint_imports(PACKAGE.parent)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("broken", "importer", "imported"),
    [
        ("Each package imports only from those below it", "wire.packet", "trace.events"),
        ("Each package imports only from those below it", "errors", "wire.packet"),
        ("Each package imports only from those below it", "linux.netns", "fabric.clock"),
        ("Each package imports only from those below it", "fabric.network", "kube.store"),
        ("Each package imports only from those below it", "cni.reconcile", "kubeproxy.iptables"),
        ("Each package imports only from those below it", "cni.ptp.agent", "platform.gke"),
        ("Each package imports only from those below it", "export.html", "tools.ip"),
        ("Each package imports only from those below it", "tools.kubectl", "cluster"),
        ("Each package imports only from those below it", "cluster", "lab"),
        ("Each package imports only from those below it", "lab", "shell.shim"),
        ("Each package imports only from those below it", "shell.shim", "cli"),
        ("Each package imports only from those below it", "nobody_placed_this", "errors"),
        ("Agents program nodes", "cni.calico.felix", "linux.path.forward"),
        ("Agents program nodes", "cni.backend", "wire.codec"),
        ("Agents program nodes", "kubeproxy.iptables", "fabric.network"),
        ("CNI backends do not know each other", "cni.calico.felix", "cni.ptp.agent"),
        ("CNI backends do not know each other", "cni.cilium.agent", "cni.calico.felix"),
        ("CNI backends do not know each other", "cni.reconcile", "cni.calico.felix"),
        ("kube-proxy knows no CNI backend", "kubeproxy.iptables", "cni.cilium.agent"),
        ("scapy is imported by export.scapy alone", "export.pcapng", "scapy"),
        ("networkx is imported by fabric.graph alone", "cluster", "networkx"),
        (None, "cni.calico.felix", "linux.netlink"),
        (None, "kubeproxy.iptables", "cni.reconcile"),
        (None, "lab", "cluster"),
        (None, "cli", "shell.shim"),
        (None, "export.scapy", "scapy"),
        (None, "fabric.graph", "networkx"),
    ],
)
def test_a_contract_breaks_where_it_should_and_only_there(broken, importer, imported, tmp_path):
    package = tmp_path / "podwire"
    for module in (importer, imported):
        if module not in LAZY:
            file = package.joinpath(*module.split(".")).with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    for directory in {package, *(file.parent for file in package.rglob("*.py"))}:
        for parent in (directory, *directory.parents):
            if parent.is_relative_to(package):
                (parent / "__init__.py").touch()
    source = package.joinpath(*importer.split(".")).with_suffix(".py")
    source.write_text(f"import {imported if imported in LAZY else 'podwire.' + imported}\n", encoding="utf-8")

    output = lint_imports(tmp_path).stdout
    verdicts = re.findall(r"^(.+) (BROKEN|KEPT)\b", output, re.MULTILINE)
    names = [name for name, verdict in verdicts if verdict == "BROKEN"]
    assert len(verdicts) == output.count(" KEPT") + output.count(" BROKEN") > 0, output
    assert len(names) == (broken is not None), output
    assert all(name.startswith(str(broken)) for name in names), output


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_heavy_libraries_are_imported_in_one_module_each_and_only_when_needed(path):
    for node, lazily in imports(ast.parse(path.read_text(encoding="utf-8"))):
        for name in imported(node):
            library = name.partition(".")[0]
            if library in LAZY:
                where = f"{relative(path)}:{node.lineno}: {ast.unparse(node)}"
                assert relative(path) == LAZY[library], f"{where}: only {LAZY[library]} may"
                assert lazily, f"{where}: has to stand inside a function"


def test_agents_see_no_packet_no_bytes_and_no_cable():
    # The contract of that name does the same, but its wildcards match no package as such (`import podwire.fabric`),
    # and names without wildcards would have to exist.
    seen = [
        f"{relative(path)}:{node.lineno}: {ast.unparse(node)}"
        for path in AGENTS
        for node, _ in imports(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported(node)
        if f"{name}.".startswith(UNSEEN)
    ]
    assert seen == []


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_module_imports_the_public_names(path):
    if relative(path).partition("/")[0] in ABOVE_THE_PACKAGE:
        return
    for node, _ in imports(ast.parse(path.read_text(encoding="utf-8"))):
        for name in imported(node):
            package, _, member = name.partition(".")
            if package == "podwire":
                first = member.partition(".")[0]
                submodule = (PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").is_file()
                assert first and submodule, f"{relative(path)}:{node.lineno}: {ast.unparse(node)}"  # noqa: PT018


def test_importing_podwire_loads_no_heavy_library():
    code = f"import podwire, sys; print(*({set(LAZY)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import scapy.all", [("scapy.all", False)]),
        ("from scapy import all", [("scapy.all", False)]),
        ("def f():\n    from scapy.all import IP", [("scapy.all.IP", True)]),
        ("class C:\n    import scapy", [("scapy", False)]),
        ("class C:\n    def f(self):\n        if self: import scapy", [("scapy", True)]),
        ("try:\n    import scapy\nexcept ImportError: pass", [("scapy", False)]),
        ("if TYPE_CHECKING:\n    import scapy\nelse:\n    import networkx", [("scapy", True), ("networkx", False)]),
        ("from . import scapy", []),
    ],
)
def test_this_file_tells_a_lazy_import_from_one_at_the_top(source, expected):
    found = [(name, lazily) for node, lazily in imports(ast.parse(source)) for name in imported(node)]
    assert found == expected
