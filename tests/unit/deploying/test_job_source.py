"""A job's text with its variables: told once each, whatever way they were given."""

from hoploom.deploying.job_source import JobSource

TEXT = 'variable "version" {\n  type = string\n}\n  variable "count" {}\njob "orders" {}\n'


def test_a_file_and_flags_make_one_text_without_doubles() -> None:
    file = 'version = "1.4.0"\ntags = [\n  "a = b",\n  "c",\n]\nnote = <<EOT\nversion = "no"\nEOT\ncount = 3\n'
    told = JobSource(TEXT, flags={"version": "1.4.1", "count": "5"}, file=file).as_hcl()
    expected = 'tags = [\n  "a = b",\n  "c",\n]\nnote = <<EOT\nversion = "no"\nEOT\nversion = "1.4.1"\ncount = "5"\n'
    assert told == expected


def test_values_are_written_as_nomad_reads_them() -> None:
    flags = {"list": '["a"]', "map": "{a = 1}", "text": 'say "${x}" %{y}\\z'}
    told = JobSource("", flags=flags).as_hcl()
    assert told == 'list = ["a"]\nmap = {a = 1}\ntext = "say \\"$${x}\\" %%{y}\\\\z"\n'


def test_a_value_is_found_in_flags_before_files() -> None:
    source = JobSource(TEXT, flags={"version": "2"}, file='version = "1"\nurl = "http://x/"\n')
    assert (source.value("version"), source.value("url"), source.value("count")) == ("2", "http://x/", "")


def test_telling_values_leaves_the_rest() -> None:
    source = JobSource(TEXT, flags={"version": "1", "count": "2"})
    assert source.told({"version": "3"}).flags == {"version": "3", "count": "2"}
    assert source.flags["version"] == "1"


def test_only_what_the_job_file_declares_is_declared() -> None:
    source = JobSource(TEXT)
    assert [source.declares(name) for name in ("version", "count", "orders")] == [True, True, False]


def test_a_submission_comes_back_as_it_went() -> None:
    source = JobSource(TEXT, flags={"version": "1"}, file='count = "2"\n')
    assert JobSource.of(source.as_submission()) == source
    assert JobSource.of({"Source": "{}", "Format": "json", "VariableFlags": None, "Variables": ""}).format == "json"
