"""Which version the next one is a difference to."""

from headwater.storage.artifacts.similar import levels_up


def test_many_versions_are_few_differences_deep_and_near_their_bases() -> None:
    lines = [[0]]
    while len(lines) < 256:
        last = lines[-1]
        lines.append([len(lines), *last[levels_up(last[0]) :]])
    for number, (itself, *below) in enumerate(lines):
        assert itself == number
        assert len(below) <= 4
    distances = sorted(line[0] - line[1] for line in lines[1:])
    assert distances[:192] == sorted([1, 2, 3] * 64)
    assert lines[21] == [21, 20, 16, 0]
