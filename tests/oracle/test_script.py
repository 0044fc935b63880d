"""What a script says about itself."""

import pytest

from tests.oracle.script import HeaderError, Script


def script(tmp_path, *lines):
    path = tmp_path / "some.sh"
    path.write_text("\n".join([*lines, "t ip link", "# area: later", ""]), encoding="utf-8")
    return Script(path)


def test_a_header(tmp_path):
    found = script(
        tmp_path,
        "# one subject",
        "# in two lines",
        "# area: arp",
        "# compare: set arp -n — a hash decides",
        "# compare: part sysctl -a — not all of them",
        "# compare: no uptime — it is never the same",
        "# frames: set — some timers are random",
        "# not modelled: nstat — counters",
    )
    assert (found.name, found.title, found.area, found.frames) == ("some", "one subject", "arp", "set")
    assert [item.pattern for item in (*found.sets, *found.parts, *found.ignored, *found.beyond)] == [
        "arp -n",
        "sysctl -a",
        "uptime",
        "nstat",
    ]
    assert found.why == "some timers are random"
    assert found.out_of_reach is None
    assert found.sets[0].covers("$ ip netns exec a arp -n")
    assert not found.sets[0].covers("$ ip netns exec a arp -an")


def test_out_of_reach(tmp_path):
    assert script(tmp_path, "# area: arp", "# not modelled: all — bridges").out_of_reach == "bridges"


@pytest.mark.parametrize(
    "line",
    [
        "# area: weather",
        "# compare: set arp",
        "# compare: set arp — ",
        "# compare: no — everything",
        "# compare: loosely arp — why not",
        "# frames: some — why not",
        "# not modelled: all",
    ],
)
def test_what_is_no_header(tmp_path, line):
    with pytest.raises(HeaderError):
        script(tmp_path, "# area: arp", line)


def test_an_area_has_to_be_said(tmp_path):
    with pytest.raises(HeaderError, match="no `# area:`"):
        script(tmp_path, "# one subject")
