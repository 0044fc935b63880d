"""Ages as apimachinery's HumanDuration writes them."""

import pytest

from podwire.tools.kubectl.ages import SECOND, human_duration, nanoseconds, since

MINUTE, HOUR, DAY = 60, 3600, 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE + 1, "10m"),
        (179 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (8 * HOUR + MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 5 * HOUR, "7d5h"),
        (8 * DAY + HOUR, "8d"),
        (729 * DAY, "729d"),
        (730 * DAY, "2y"),
        (800 * DAY, "2y70d"),
        (3000 * DAY, "8y"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds, text):
    assert human_duration(seconds * SECOND) == text


def test_a_timestamp_is_read_with_and_without_a_fraction():
    start = 1_704_067_200 * SECOND
    assert nanoseconds("2024-01-01T00:00:00Z") == start
    assert nanoseconds("2024-01-01T00:00:00.250000Z") == start + SECOND // 4
    assert since("2024-01-01T00:00:00Z", start + 61 * SECOND) == "61s"
    assert since(None, start) == "<unknown>"
