"""How each command of calicoctl is typed: what docopt prints for words that do not fit, and the screen of ``calicoctl -h``."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_MISMATCH: Final = "[--allow-version-mismatch]"

USAGES: Final = MappingProxyType(
    {
        "": "Usage:\n  calicoctl [options] <command> [<args>...]",
        "apply": "Usage:\n  calicoctl apply --filename=<FILENAME> [--recursive] [--skip-empty]\n"
        f"                  [--config=<CONFIG>] [--namespace=<NS>] [--context=<context>] {_MISMATCH}",
        "create": "Usage:\n  calicoctl create --filename=<FILENAME> [--recursive] [--skip-empty]\n"
        "                   [--skip-exists] [--config=<CONFIG>] [--namespace=<NS>] [--context=<context>] "
        f"{_MISMATCH}",
        "replace": "Usage:\n  calicoctl replace --filename=<FILENAME> [--recursive] [--skip-empty]\n"
        f"                    [--config=<CONFIG>] [--namespace=<NS>] [--context=<context>] {_MISMATCH}",
        "delete": "Usage:\n  calicoctl delete ( (<KIND> [<NAME>...]) |\n"
        "                   --filename=<FILE> [--recursive] [--skip-empty] )\n"
        "                   [--skip-not-exists] [--config=<CONFIG>] [--namespace=<NS>] [--context=<context>] "
        f"{_MISMATCH}",
        "get": "Usage:\n  calicoctl get ( (<KIND> [<NAME>...]) |\n"
        "                --filename=<FILENAME> [--recursive] [--skip-empty] )\n"
        "                [--output=<OUTPUT>] [--config=<CONFIG>] [--namespace=<NS>] [--all-namespaces] [--export] "
        f"[--context=<context>] {_MISMATCH}",
        "patch": "Usage:\n  calicoctl patch <KIND> <NAME> --patch=<PATCH> [--type=<TYPE>] [--config=<CONFIG>] "
        f"[--namespace=<NS>] [--context=<context>] {_MISMATCH}",
        "label": "Usage:\n  calicoctl label (<KIND> <NAME>\n  \t              ( <key>=<value> [--overwrite] |\n"
        "  \t                <key> --remove )\n"
        f"                  [--config=<CONFIG>] [--namespace=<NS>] [--context=<context>]) {_MISMATCH}",
        "version": f"Usage:\n  calicoctl version [--config=<CONFIG>] [--poll=<POLL>] {_MISMATCH}",
        "ipam": "Usage:\n  calicoctl ipam <command> [<args>...]",
        "ipam show": "Usage:\n  calicoctl ipam show [--ip=<IP> | --show-blocks | --show-borrowed | --show-configuration] "
        f"[--config=<CONFIG>] {_MISMATCH}",
        "ipam check": "Usage:\n  calicoctl ipam check [--config=<CONFIG>] [--show-all-ips] [--show-problem-ips] "
        f"[-o <FILE>] {_MISMATCH}",
        "ipam configure": "Usage:\n  calicoctl ipam configure --strictaffinity=<true/false> [--config=<CONFIG>] "
        f"{_MISMATCH}",
        "ipam release": "Usage:\n  calicoctl ipam release [--ip=<IP>] [--from-report=<REPORT>]... [--config=<CONFIG>] "
        f"[--force] {_MISMATCH}",
        "node": "Usage:\n  calicoctl node <command> [<args>...]",
        "node status": f"Usage:\n  calicoctl node status {_MISMATCH}",
    }
)
"""What stands behind ``Usage:`` of each command: docopt shows it where the words do not match."""

_EARLY: Final = """
    export       Export the Calico datastore objects for migration
    import       Import the Calico datastore objects for migration"""
"""Commands of v3.17, which later ones have below ``datastore migrate`` (seed 003)."""


_ALLOW: Final = """
     --allow-version-mismatch  Allow client and cluster versions mismatch."""


def screen(version: str) -> str:
    """``calicoctl -h``, as the client of that version (``v3.28.1``) prints it."""
    minor = int(version.lstrip("v").split(".")[1])
    existing = "pre-exisiting" if minor < 28 else "preexisting"
    return f"""{USAGES[""]}

    create       Create a resource by file, directory or stdin.
    replace      Replace a resource by file, directory or stdin.
    apply        Apply a resource by file, directory or stdin.  This creates a resource
                 if it does not exist, and replaces a resource if it does exists.
    patch        Patch a {existing} resource in place.
    delete       Delete a resource identified by file, directory, stdin or resource type and
                 name.
    get          Get a resource identified by file, directory, stdin or resource type and
                 name.
    label        Add or update labels of resources.
    convert      Convert config files between different API versions.
    ipam         IP address management.
    node         Calico node management.
    version      Display the version of this binary.{_EARLY if minor < 18 else ""}
    datastore    Calico datastore management.

Options:
  -h --help                    Show this screen.
  -l --log-level=<level>       Set the log level (one of panic, fatal, error,
                               warn, info, debug) [default: panic]
     --context=<context>       The name of the kubeconfig context to use.{_ALLOW if minor >= 20 else ""}

Description:
  The calicoctl command line tool is used to manage Calico network and security
  policy, to view and manage endpoint configuration, and to manage a Calico
  node instance.

  See 'calicoctl <command> --help' to read about a specific subcommand."""  # noqa: S608 - no SQL
