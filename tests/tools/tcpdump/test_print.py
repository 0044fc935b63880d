"""What ours prints of a file is what the real tcpdump prints."""

import random

import hypothesis
import pytest
from hypothesis import strategies

from tests.tools.tcpdump import judge as judges
from tests.tools.tcpdump.corpus import FRAMES, cooked, damaged

ALL = (
    "-nn,-nnv,-nnvv,-nnvvv,-nne,-nnev,-nnq,-nnqq,-nnqv,-nneq,-nnS,-nnSvv,-nnKvv,-nnx,-nnxx,-nnX,-nnXX,-nnA,-nnAA,-nnxe"
    ",-nntt,-nnttt,-nntttt,-nnttttt,-nn#,-nn --nano,-nn -T vxlan,-e,-v,-N,-q,-ve"
).split(",")
FEW = ("-nn", "-nnevvv", "-nnq", "-nnx", "-nneqS", "-v")


def compare(judge, path, options):
    """Raises for the first packet that is not printed as it should be; gives how many were and how many could not be."""
    texts = judges.ours(path, options.split())
    wrong, marked = judges.differences(judge.prints(path, options.split()), texts)
    for number, real, own in wrong[:1]:
        assert (options, number, own) == (options, number, real)
    return len(texts), marked


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    return judges.write(tmp_path_factory.mktemp("corpus") / "frames.pcap", FRAMES)


@pytest.mark.parametrize("options", ALL)
def test_every_frame_of_the_corpus(judge, corpus, options):
    printed, marked = compare(judge, corpus, options)
    assert printed == len(FRAMES)
    assert marked < printed / 20


@pytest.mark.parametrize("snaplen", [14, 20, 34, 37, 42, 46, 54, 60, 70, 96, 150])
def test_cut_short(judge, tmp_path, snaplen):
    path = judges.write(tmp_path / "cut.pcap", FRAMES, snaplen=snaplen)
    for options in FEW:
        compare(judge, path, options)


@pytest.mark.parametrize("linktype", [judges.SLL2, judges.SLL, judges.RAW])
def test_other_link_types(judge, tmp_path, linktype):
    stream = random.Random(linktype)
    frames = [data for data in FRAMES if len(data) > 14]
    if linktype == judges.RAW:
        frames = [data[14:] for data in frames]
    else:
        frames = [cooked(data, stream, 2 if linktype == judges.SLL2 else 1) for data in frames]
    path = judges.write(tmp_path / "link.pcap", frames + damaged(linktype, 500, frames), linktype)
    for options in FEW:
        compare(judge, path, options)


@pytest.mark.parametrize("seed", range(3))
def test_damaged(judge, tmp_path, seed):
    path = judges.write(tmp_path / "damaged.pcap", damaged(seed, 3000))
    for options in FEW:
        compare(judge, path, options)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 43))
def test_damaged_at_length(judge, tmp_path, seed):
    path = judges.write(
        tmp_path / "damaged.pcap", damaged(seed, 6000), snaplen=random.Random(seed).choice((60, 262144))
    )
    for options in FEW:
        compare(judge, path, options)


@strategies.composite
def batches(draw):
    """Some frames of the corpus, changed in some places."""
    frames = []
    for data in draw(strategies.lists(strategies.sampled_from(FRAMES), min_size=1, max_size=20)):
        changed = bytearray(data)
        places = strategies.tuples(strategies.integers(0, len(data) - 1), strategies.integers(0, 255))
        for at, value in draw(strategies.lists(places, max_size=4)):
            changed[at] = value
        frames.append(
            bytes(changed[: draw(strategies.integers(1, len(changed)))] if draw(strategies.booleans()) else changed)
        )
    return frames


@hypothesis.settings(max_examples=40, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(batches(), strategies.sampled_from(FEW))
def test_any_frame(judge, tmp_path, frames, options):
    compare(judge, judges.write(tmp_path / "any.pcap", frames), options)


@hypothesis.given(strategies.binary(max_size=200), strategies.sampled_from(FEW))
def test_any_bytes_are_printed(data, options):
    """Without a judge: whatever the bytes, the printers end, and end the line."""
    from podwire.tools.tcpdump.link import dissector
    from podwire.tools.tcpdump.names import Names
    from podwire.tools.tcpdump.options import parse

    for link_type in (1, 12, 113, 276):
        d = dissector(parse(["tcpdump", options]), Names(), link_type)
        assert d.render(data, len(data), judges.START, 1).endswith("\n")
