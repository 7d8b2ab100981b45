"""Addresses of streams: taken apart, told from their secrets, and held to the networks that may be reached."""

import pytest

from cctv.sources import Kind, Reach, Secrets, SourceError, locate, pin, read_address

PRIVATE = Reach.of()
EVERYTHING = Reach.of(["0.0.0.0/0", "::/0"])


def resolver(*ips):
    """A name server that gives these addresses, and counts how often it is asked."""

    def resolve(host, port, **_):
        resolve.asked += 1
        return [(None, None, None, "", (ip, port)) for ip in ips]

    resolve.asked = 0
    return resolve


def refusal(act):
    with pytest.raises(SourceError) as caught:
        act()
    return caught.value


def test_an_address_is_told_from_its_secrets():
    address = read_address("rtsp://admin:p%40ss@192.168.0.10:8554/Streaming/101?token=abc&channel=1")
    assert (address.kind, address.host, address.port, address.path) == (Kind.RTSP, "192.168.0.10", 8554, "/Streaming/101")
    assert address.secrets == Secrets("admin", "p@ss", "token=abc&channel=1")
    assert str(address) == "rtsp://192.168.0.10:8554/Streaming/101?token=***&channel=1"
    for shown in (str(address), repr(address), repr(address.secrets)):
        assert "abc" not in shown
        assert "ss@" not in shown


def test_the_secrets_come_back_into_the_very_address_that_was_checked():
    bare = read_address("rtsp://cam.example/live")
    whole = bare.with_secrets(Secrets("kim", "a:b/c@d"))
    assert whole.url("10.0.0.7") == "rtsp://kim:a%3Ab%2Fc%40d@10.0.0.7:554/live"
    assert bare.url("fd12::7") == "rtsp://[fd12::7]:554/live"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "address_malformed"),
        ("rtsp://10.0.0.1:99999/a", "address_malformed"),
        ("rtsp://10.0.0.1:0/a", "address_malformed"),
        ("rtsp:///a", "address_malformed"),
        ("rtsp://10.0.0.1/a b", "address_malformed"),
        ("rtsp://10.0.0.1/a\r\nTEARDOWN", "address_malformed"),
        ("rtsp://10.0.0.1\\@evil/", "address_malformed"),
        ("rtsp://[fe80::1%25eth0]/", "address_malformed"),
        ("http://10.0.0.1/" + "a" * 3000, "address_malformed"),
        ("gopher://10.0.0.1/", "scheme_unknown"),
        ("concat://10.0.0.1/", "scheme_unknown"),
    ],
)
def test_what_is_no_address_gets_a_sentence(text, code):
    error = refusal(lambda: read_address(text))
    assert error.code == code
    assert error.sentence.endswith(".")


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "localhost", "0", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"],
)
def test_the_machine_itself_is_not_reached_however_it_is_spelled(host):
    address = read_address(f"http://{host}/")
    assert refusal(lambda: pin(address, PRIVATE)).code == "address_forbidden"
    assert refusal(lambda: pin(address, EVERYTHING)).code == "address_forbidden"


@pytest.mark.parametrize("ip", ["169.254.169.254", "169.254.1.1", "fd00:ec2::254", "100.100.100.200", "224.0.0.1", "fe80::1"])
def test_metadata_and_link_addresses_stay_closed_even_where_everything_is_open(ip):
    assert refusal(lambda: pin(read_address("rtsp://cam/"), EVERYTHING, resolve=resolver(ip))).code == "address_forbidden"


def test_private_networks_are_open_and_public_ones_are_not_unless_named():
    assert pin(read_address("rtsp://10.1.2.3/"), PRIVATE) == "10.1.2.3"
    assert pin(read_address("rtsp://192.168.7.9/"), PRIVATE) == "192.168.7.9"
    error = refusal(lambda: pin(read_address("rtsp://203.0.113.7/"), PRIVATE))
    assert error.fields == {"host": "203.0.113.7", "ip": "203.0.113.7"}
    assert "HAECHI_STREAM_NETWORKS" in error.sentence
    assert pin(read_address("rtsp://203.0.113.7/"), Reach.of(["203.0.113.0/24"])) == "203.0.113.7"


def test_loopback_is_reached_where_it_is_named_and_nothing_wider_opens_it():
    address = read_address("rtsp://127.0.0.1/")
    assert pin(address, Reach.of(["127.0.0.1/32"])) == "127.0.0.1"
    assert not Reach.of(["0.0.0.0/1"]).allows(Reach.of(["127.0.0.1"]).networks[0].network_address)


def test_a_name_with_one_forbidden_address_is_refused_whole():
    error = refusal(lambda: pin(read_address("rtsp://cam/"), PRIVATE, resolve=resolver("10.0.0.1", "127.0.0.1")))
    assert error.fields["ip"] == "127.0.0.1"


def test_a_name_is_asked_once_and_its_answer_is_what_is_connected_to():
    answers = iter([["10.0.0.1"], ["127.0.0.1"]])

    def rebinding(host, port, **_):
        return [(None, None, None, "", (ip, port)) for ip in next(answers)]

    address = read_address("rtsp://cam/live")
    ip = pin(address, PRIVATE, resolve=rebinding)
    assert address.url(ip) == "rtsp://10.0.0.1:554/live"


def test_an_unknown_host_gets_a_sentence():
    error = refusal(lambda: pin(read_address("rtsp://no.such.invalid/"), PRIVATE))
    assert (error.code, error.is_lasting) == ("host_unknown", False)


def test_files_lie_below_the_folder_of_clips(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(b"x")
    (tmp_path / "secret").write_text("x")
    (folder / "way-out").symlink_to(tmp_path / "secret")
    reach = Reach.of([], folder)
    assert locate(read_address("a.mp4"), reach) == folder / "a.mp4"
    assert locate(read_address(f"file://{folder}/a.mp4"), reach) == folder / "a.mp4"
    for outside in ("../secret", "/etc/passwd", "way-out", str(tmp_path / "secret")):
        assert refusal(lambda address=outside: locate(read_address(address), reach)).code == "path_forbidden"
    assert refusal(lambda: locate(read_address("b.mp4"), reach)).code == "file_missing"
    assert refusal(lambda: locate(read_address("a.mp4"), Reach.of([]))).code == "path_forbidden"
