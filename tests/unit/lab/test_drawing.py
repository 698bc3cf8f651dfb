"""SVGs for the README: well-formed, light and dark, and their words as they were given."""

from xml.etree import ElementTree

from lab import drawing

_SVG = "{http://www.w3.org/2000/svg}"


def test_a_picture_is_well_formed_and_knows_dark_ground() -> None:
    parts = [drawing.words(1, 2, "up & <down>", "mono"), drawing.line([(0, 1), (2, 3)], "axis")]
    text = drawing.picture(200, 100, "a < b & c", parts)
    root = ElementTree.fromstring(text)
    assert root.findtext(f"{_SVG}title") == "a < b & c"
    assert root.findtext(f"{_SVG}text") == "up & <down>"
    assert "prefers-color-scheme:dark" in (root.findtext(f"{_SVG}style") or "")
    assert root.findall(f"{_SVG}path")[0].get("d") == "M0.0 1.0L2.0 3.0"
