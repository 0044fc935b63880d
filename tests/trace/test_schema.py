"""The JSON form: what goes out comes back, and the published schema describes it."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from podwire.errors import PodwireError
from podwire.trace import schema
from podwire.trace.events import (
    By,
    ByFabric,
    ByFdb,
    ByLink,
    ByNeighbour,
    ByNotModelled,
    ByPolicyRule,
    ByProgram,
    ByRule,
    Created,
    Dropped,
    Flooded,
    Fragmented,
    Reassembled,
    RuleMatched,
)
from podwire.trace.log import Record
from podwire.trace.reasons import DropReason
from podwire.trace.trace import Trace
from podwire.wire.addr import Ip, Ip4, Ip6, Mac
from tests.trace.deaths import DEATHS, back
from tests.trace.story import DEFAULT, MAC1, POD1, Story, proxy_arp, same_node_ping, udp, unanswered

PUBLISHED = Path(__file__).parents[2] / "docs" / "reference" / "trace.schema.json"
RULE = ByRule("filter", "FORWARD", 1)

EVERY: tuple[By, ...] = (
    DEFAULT,
    proxy_arp(1),
    back(2, DEFAULT),
    ByNeighbour(POD1, "eth0", "STALE", MAC1),
    ByLink("eth0", "mtu", "1500"),
    RULE,
    ByPolicyRule(100, "prohibit"),
    ByFabric("vpc", "no", kind="firewall"),
    ByFdb("vx0", MAC1, POD1),
    ByProgram("cil_from_container", "lxc1", "ingress", 132, "Invalid source ip", "10.0.0.9"),
    ByNotModelled("IPv6"),
)
EVERY_BY = Story()
for number, by in enumerate(EVERY, 1):
    EVERY_BY.add(number, "node1", Created(number - 1, "copy", udp()), Dropped("f", DropReason.NOT_SPECIFIED, by))
EVERY_BY.add(20, "node1", Created(1), RuleMatched(RULE, "DROP"), Fragmented(1500, (21, 22)))
EVERY_BY.add(21, "node1", Created(20, "fragment"), Reassembled(23)).add(
    22, "node1", Created(20, "fragment"), Reassembled(23)
)
EVERY_BY.add(23, "node1", Created(21, "reassembly"), Flooded((24,))).add(24, "node1", Created(23, "copy"))

STORIES = [
    same_node_ping(probe=True),
    unanswered(proxy_arp(0), "proxy-off"),
    EVERY_BY,
    *[death.story() for death in DEATHS],
]


@pytest.mark.parametrize("story", STORIES)
def test_what_was_encoded_is_decoded_to_the_same(story):
    document = story.trace()._document()
    assert schema.decode(schema.encode(document)) == document


@pytest.mark.parametrize("story", STORIES)
def test_a_trace_comes_back_from_its_document(story):
    trace = story.trace()
    again = Trace.from_json(trace.to_json())
    assert again.tree == trace.tree
    assert again.text("detailed") == trace.text("detailed")
    assert again.explain() == trace.explain()
    assert again.to_json() == trace.to_json()


def test_the_document_says_what_the_trace_says():
    trace = unanswered(proxy_arp(0), "proxy-off").trace()
    data = json.loads(trace.to_json())
    assert {key: value for key, value in data.items() if key not in {"records", "hops"}} == {
        "podwire": "trace/v1",
        "packet": 1,
        "verdict": "REJECTED",
        "reason": "NEIGH_FAILED",
        "dropped_at": "default/pod1:eth0",
        "decided_by": trace.decided_by,
        "explanation": " ".join(trace.explain().split("\ndefault/pod1 told")[0].split("\n", 1)[1].split()),
        "path": [],
        "reply": None,
        "caused": [2, 3, 4, 5],
    }
    assert next(iter(data)) == "podwire"


def test_steps_of_hops_point_at_their_records():
    data = json.loads(same_node_ping().trace().to_json())
    assert [hop["netns"] for hop in data["hops"]] == ["default/pod1", "node1", "default/pod2"]
    assert (data["hops"][1]["in_dev"], data["hops"][1]["out_dev"]) == ("cali111", "cali222")
    for hop in data["hops"]:
        for step in hop["steps"]:
            assert (data["records"][step]["packet"], data["records"][step]["netns"]) == (1, hop["netns"])
    assert data["reply"] == 6
    assert data["caused"] == [2, 4]


def test_a_document_of_a_child_holds_its_own_tree():
    data = json.loads(same_node_ping().trace(6).to_json())
    assert {record["packet"] for record in data["records"]} == {6, 7, 8}
    assert data["packet"] == 6


def test_addresses_are_text_and_the_text_ends_in_a_newline():
    text = same_node_ping().trace().to_json()
    assert '"dst": "ee:ee:ee:ee:ee:ee"' in text
    assert '"tpa": "169.254.1.1"' in text
    assert text.endswith("}\n")
    assert text.startswith('{\n  "podwire": "trace/v1"')


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("{", "trace document: Input data was truncated"),
        ('{"podwire": "trace/v2"}', r"trace document: Invalid enum value 'trace/v2' - at `\$.podwire`"),
        ('{"podwire": "trace/v1"}', "trace document: Object missing required field `packet`"),
    ],
)
def test_a_document_of_another_kind_says_where_it_is_wrong(data, problem):
    with pytest.raises(PodwireError, match=problem):
        schema.decode(data)


def test_a_wrong_address_says_where_it_stands():
    text = same_node_ping().trace().to_json().replace('"169.254.1.1"', '"169.254.1.256"')
    with pytest.raises(PodwireError, match=r"not an IPv4 address: '169.254.1.256' - at `\$.records"):
        Trace.from_json(text)


@pytest.mark.parametrize("value", [Ip4.parse("10.0.0.1"), Ip6.parse("fe80::1")])
def test_both_families_of_addresses_come_back(value):
    assert schema.dec_hook(Ip, schema.enc_hook(value)) == value
    assert type(schema.dec_hook(Ip, str(value))) is type(value)


def test_macs_come_back():
    assert schema.dec_hook(Mac, schema.enc_hook(MAC1)) == MAC1


@pytest.mark.parametrize("hook", [schema.dec_hook])
@pytest.mark.parametrize("kind", [Ip, Mac])
def test_an_address_is_no_number(hook, kind):
    with pytest.raises(NotImplementedError):
        hook(kind, 5)


def test_hooks_refuse_what_is_no_address():
    with pytest.raises(NotImplementedError, match="object"):
        schema.enc_hook(object())
    with pytest.raises(NotImplementedError, match="complex"):
        schema.dec_hook(complex, "5")
    with pytest.raises(NotImplementedError, match="complex"):
        schema.schema_hook(complex)


def test_every_by_of_the_union_is_among_them():
    assert {type(by) for by in EVERY} == set(get_args(By))


# -- the published schema --------------------------------------------------------------------------------------------


def test_the_published_schema_is_up_to_date():
    assert PUBLISHED.read_text(encoding="utf-8") == schema.schema_text(), (
        "write podwire.trace.schema.schema_text() to it"
    )


def test_the_schema_knows_every_event_and_every_by():
    definitions = schema.schema()["$defs"]
    assert {"Created", "Flooded", "Record", "ByReversePath", "IPv4", "Quoted", "HopDocument", "Document"} <= set(
        definitions
    )
    assert schema.schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "\n    " not in definitions["Created"]["description"]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("dst", ["ee:ee:ee:ee:ee:ee"], ["EE:EE:EE:EE:EE:EE", "ee:ee:ee:ee:ee", "x"]),
    ],
)
def test_patterns_of_macs(name, good, bad):
    pattern = schema.schema()["$defs"]["Ethernet"]["properties"][name]["pattern"]
    assert all(re.search(pattern, text) for text in good)
    assert not any(re.search(pattern, text) for text in bad)


def test_patterns_of_addresses():
    pattern = schema.schema()["$defs"]["IPv4"]["properties"]["src"]["pattern"]
    assert all(re.search(pattern, text) for text in ("10.0.0.1", "fe80::1", "::", "::ffff:1.2.3.4"))
    assert not any(re.search(pattern, text) for text in ("10.0.0", "10.0.0.1/8", "fe80", "x::"))


@pytest.mark.parametrize("story", STORIES)
def test_every_document_follows_the_schema(story):
    problems = list(_violations(schema.schema(), json.loads(story.trace().to_json())))
    assert problems == []


def test_the_checker_of_these_tests_sees_violations():
    data = json.loads(same_node_ping().trace().to_json())
    data["verdict"] = "MAYBE"
    data["records"][0]["packet"] = "one"
    del data["records"][1]["time"]
    assert len(list(_violations(schema.schema(), data))) == 3


def _violations(root: dict[str, Any], value: Any, rule: dict[str, Any] | None = None, at: str = "$"):
    """The part of JSON schema that msgspec writes, checked by hand: no validator is among the test tools."""
    rule = root if rule is None else rule
    if "$ref" in rule:
        yield from _violations(root, value, root["$defs"][rule["$ref"].rsplit("/", 1)[1]], at)
    elif "anyOf" in rule:
        options = [list(_violations(root, value, option, at)) for option in rule["anyOf"]]
        if all(options):
            tag = rule.get("discriminator", {}).get("propertyName")
            name = rule["discriminator"]["mapping"].get(value.get(tag)) if tag and isinstance(value, dict) else None
            yield from _violations(root, value, {"$ref": name}, at) if name else [f"{at}: fits nothing"]
    elif "enum" in rule:
        if value not in rule["enum"]:
            yield f"{at}: {value!r}"
    elif rule.get("type") == "object":
        missing = [key for key in rule.get("required", ()) if key not in value] if isinstance(value, dict) else ["it"]
        yield from (f"{at}: {key} is missing" for key in missing)
        for key, inner in rule["properties"].items() if isinstance(value, dict) else ():
            if key in value:
                yield from _violations(root, value[key], inner, f"{at}.{key}")
    elif rule.get("type") == "array":
        if not isinstance(value, list):
            yield f"{at}: {value!r}"
            return
        kinds_in_order = rule.get("prefixItems", [])
        for index, item in enumerate(value):
            inner = kinds_in_order[index] if index < len(kinds_in_order) else rule["items"]
            yield from _violations(root, item, inner, f"{at}[{index}]")
    else:
        kinds = {"string": str, "integer": int, "boolean": bool, "null": type(None)}
        if not isinstance(value, kinds[rule["type"]]) or not re.search(rule.get("pattern", ""), str(value)):
            yield f"{at}: {value!r}"


def test_records_alone_are_json_too():
    record = Record(0, "m", "m", 1, Created(0, "", udp()))
    data = msgspec.json.encode(record, enc_hook=schema.enc_hook)
    assert msgspec.json.decode(data, type=Record, dec_hook=schema.dec_hook) == record
