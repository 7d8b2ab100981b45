"""What is wrong with a stream, in the language of the reader: the codes of `cctv.sources` as sentences."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

SENTENCES = {
    "address_malformed": noop(
        "This is not an address of a stream. Write it like rtsp://10.0.0.7/live, and characters such as @ or a space in a "
        "password as %%40 and %%20."
    ),
    "scheme_unknown": noop(
        "Addresses that start with %(scheme)s:// cannot be opened. Use rtsp://, http://, https:// or the name of a clip."
    ),
    "host_unknown": noop("The host %(host)s cannot be found. Check its name, or write its IP address."),
    "address_forbidden": noop(
        "%(host)s lies at %(ip)s, outside the networks that streams may come from. If it is a camera, name its network in "
        "HAECHI_STREAM_NETWORKS."
    ),
    "redirect_forbidden": noop("%(host)s sends its callers to another address. Give the stream's last address."),
    "path_forbidden": noop(
        "%(path)s lies outside the folder of clips. Put it there, or name another folder in HAECHI_STREAM_DIR."
    ),
    "file_missing": noop("%(path)s is not there. Check the name, or put the file into the folder of clips."),
    "unauthorised": noop("%(host)s refuses the user name or password. Correct them."),
    "not_found": noop("%(host)s knows no stream %(path)s. Correct the path."),
    "no_pictures": noop("%(name)s holds no video that can be read."),
    "too_large": noop("The pictures of %(name)s are %(width)s × %(height)s, which is more than can be read."),
    "track_unreadable": noop("The track %(name)s beside the clip cannot be read. See docs/streams.md for its forms."),
    "timeout": noop("%(host)s does not answer. Check that the camera is switched on and reached from this network."),
    "untrusted": noop("%(host)s has no certificate that this server trusts. Add its issuer to the system's store."),
    "unreachable": noop("Nothing answers at %(host)s, port %(port)s. Check the port and that the camera is switched on."),
    "server_error": noop("%(host)s answers with error %(status)s. Look at the camera; it is asked again."),
    "not_rtsp": noop("%(host)s, port %(port)s, does not speak RTSP. Check the port."),
    "corrupt": noop("%(name)s sends pictures that cannot be decoded. Look at the camera."),
    "silent": noop("%(name)s answers, but no pictures come. Look at the camera."),
    "ended": noop("%(host)s ended the stream. It is opened again."),
    "broken_off": noop("The connection to %(host)s broke off. It is opened again."),
    "clip_ended": noop("The clip %(name)s has ended. Let it loop, or switch the stream off and on again."),
    "seal_broken": noop("The stored password cannot be opened, because the site's key was changed. Give the password again."),
    "detector_unusable": noop("The model %(name)s cannot be used: %(why)s"),
    "rules_unusable": noop("What is drawn or set for this stream cannot be used: %(why)s"),
    "vision_failed": noop(
        "Looking at the pictures failed unexpectedly. The worker's log says more; it goes on with the next one."
    ),
}


def stream_sentence(code: str, fields: Mapping[str, Any]) -> str:
    """The sentence of a code; empty for none."""
    if not code:
        return ""
    known = SENTENCES.get(code)
    if known is None:
        return _("The stream failed (%(code)s). The worker's log says more.") % {"code": code}
    return _(known) % defaultdict(lambda: "?", fields)


def clock_words(offset_s: float | None) -> str:
    """What is told of a camera's clock; empty where it goes right or is unknown."""
    if offset_s is None or abs(offset_s) <= CLOCK_TOLERANCE_S:
        return ""
    hours, minutes = divmod(round(abs(offset_s) / 60), 60)
    fields = {"hours": hours, "minutes": minutes, "seconds": round(abs(offset_s))}
    if hours or minutes:
        ahead = _("The camera's clock is %(hours)s h %(minutes)s min ahead. Set it by NTP; until then our own clock is used.")
        behind = _("The camera's clock is %(hours)s h %(minutes)s min behind. Set it by NTP; until then our own clock is used.")
    else:
        ahead = _("The camera's clock is %(seconds)s s ahead. Set it by NTP; until then our own clock is used.")
        behind = _("The camera's clock is %(seconds)s s behind. Set it by NTP; until then our own clock is used.")
    return (ahead if offset_s > 0 else behind) % fields


CLOCK_TOLERANCE_S = 5.0  # as cctv.sources.status
