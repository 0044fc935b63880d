"""What podwire knows of a program by its command line."""

import pytest

from podwire.cluster.lifecycle.commands import Program, command_of, on_sigterm, program_of
from podwire.cluster.lifecycle.status import image_id, normalised


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (["true"], Program(0)),
        (["/bin/false"], Program(0, 1)),
        (["sleep", "1h", "30"], Program(3630)),
        (["sleep", "infinity"], Program(None)),
        (["sleep", "x"], Program(0, 1)),
        (["tail", "-f", "/dev/null"], Program(None)),
        (["tail", "/dev/null"], None),
        (["sh", "-c", "exit 7"], Program(0, 7)),
        (["bash", "-c", "exit 263"], Program(0, 7)),
        (["sh", "-c", "sleep 2; exit 1"], Program(2, 1)),
        (["sh", "-c", "true && sleep 3\nfalse"], Program(3, 1)),
        (["sh", "-c", "false && sleep 3"], Program(0, 1)),
        (["sh", "-c", "false || sleep 3"], Program(3)),
        (["sh", "-c", "false; exit"], Program(0, 1)),
        (["sh", "-c", "sleep 1; exec sleep 5"], Program(6)),
        (["sh", "-c", "sleep 1; sleep infinity; exit 1"], Program(None)),
        (["sh", "-c", "while true; do sleep 1; done"], None),
        (["sh", "-c", "sleep 5 &"], None),
        (["sh", "-c", "sleep 5 > /dev/null"], None),
        (["sh", "-c", "sleep '5"], None),
        (["sh", "run.sh"], None),
        (["nginx"], None),
        ([], None),
    ],
    ids=str,
)
def test_how_long_a_program_runs_and_with_which_status_it_ends(command, program):
    assert program_of(command) == program


@pytest.mark.parametrize(
    ("container", "argv"),
    [
        ({"image": "busybox:1.36", "args": ["sleep", "5"]}, ["sleep", "5"]),
        ({"image": "nginx", "args": ["sleep", "5"]}, []),
        ({"image": "nginx", "command": ["sleep"], "args": ["5"]}, ["sleep", "5"]),
        ({"image": "nginx"}, []),
    ],
    ids=str,
)
def test_arguments_are_the_command_of_an_image_without_an_entry_point(container, argv):
    assert command_of(container) == argv


@pytest.mark.parametrize(
    ("container", "end"),
    [
        ({"image": "nginx:1.27"}, (True, 0)),
        ({"image": "docker.io/traefik/whoami"}, (True, 2)),
        ({"image": "app"}, (True, 143)),
        ({"image": "busybox", "command": ["sleep", "9"]}, (False, 137)),
        ({"image": "app", "command": ["/bin/sh", "-c", "x"]}, (False, 137)),
        ({"image": "app", "command": ["/app"]}, (True, 143)),
    ],
    ids=str,
)
def test_what_the_signal_to_end_does(container, end):
    assert on_sigterm(container) == end


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("traefik/whoami:v1.10", "docker.io/traefik/whoami:v1.10"),
        ("registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"),
        ("localhost/app", "localhost/app:latest"),
        ("host:5000/app", "host:5000/app:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("nginx@sha256:ab", "docker.io/library/nginx@sha256:ab"),
    ],
)
def test_names_of_images_as_containerd_writes_them(image, full):
    assert normalised(image) == full


def test_an_image_id_is_a_name_with_a_digest():
    assert image_id("docker.io/library/nginx@sha256:ab") == "docker.io/library/nginx@sha256:ab"
    name, at, digest = image_id("host:5000/app:v1").partition("@sha256:")
    assert (name, at, len(digest)) == ("host:5000/app", "@sha256:", 64)
    assert image_id("host:5000/app:v2") != image_id("host:5000/app:v1")
