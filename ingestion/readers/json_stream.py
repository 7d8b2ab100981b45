"""JSON from a stream: values and the items of long lists one by one, never the whole document in memory."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from ingestion.errors import FileRefused
from ingestion.readers.chunk import readable_size
from ingestion.readers.encoding import Decided
from ingestion.readers.source import Stream

MAX_VALUE_CHARACTERS = 32 * 1024**2
_BLOCK = 512 * 1024
_SPACE = re.compile(r"[ \t\r\n\x1e]*")  # 1e begins each line of a GeoJSON text sequence
# Numbers stay the text that they are, so that no digit of a coordinate or code is lost.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=lambda text: None, strict=False)


class JsonStream:
    """A place in the text, moving forward. Raises `FileRefused` where the text is no JSON."""

    def __init__(self, stream: Stream, decided: Decided, file_name: str):
        if decided.bom_bytes:
            stream.read(decided.bom_bytes)
        self._stream, self._file_name = stream, file_name
        self._decoder = codecs.getincrementaldecoder(decided.encoding)()
        self._encoding = decided.encoding
        self._text, self._at, self._ended = "", 0, False
        self._line, self._dropped = 1, 0

    @property
    def consumed(self) -> int:
        """Characters passed so far."""
        return self._dropped + self._at

    def peek(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._more(_BLOCK)

    def expect(self, sign: str) -> None:
        """Pass over a sign that must come now."""
        if self.peek() != sign:
            self.refuse()
        self._at += 1

    def value(self) -> Any:
        """The next value as a whole, numbers as text."""
        wanted = _BLOCK
        while True:
            if not self.peek():
                self.refuse()
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError as error:
                near_end = getattr(error, "pos", 0) >= len(self._text) - 16 or "Unterminated" in str(error)
                if self._ended or not near_end:
                    self._at = min(max(getattr(error, "pos", self._at), self._at), len(self._text))
                    self.refuse()
            except RecursionError:
                self.refuse()
            else:
                if end < len(self._text) or self._ended:
                    self._at = end
                    return value
            if len(self._text) - self._at > MAX_VALUE_CHARACTERS:
                most = readable_size(MAX_VALUE_CHARACTERS)
                raise FileRefused("feature_too_long", file=self._file_name, line=self._line_here(), value=most)
            self._more(wanted)
            wanted *= 2

    def items(self) -> Iterator[tuple[Any, int]]:
        """The items of the list that begins here, each with its length in characters."""
        self.expect("[")
        if self.peek() == "]":
            self.expect("]")
            return
        while True:
            self.peek()
            start = self.consumed
            value = self.value()
            yield value, self.consumed - start
            sign = self.peek()
            if sign not in (",", "]"):
                self.refuse()
            self.expect(sign)
            if sign == "]":
                return

    def refuse(self) -> NoReturn:
        """The text is no JSON from here on, or breaks off."""
        code = "json_cut_off" if self._ended and self._at >= len(self._text) - 1 else "broken_json"
        raise FileRefused(code, file=self._file_name, line=self._line_here())

    def _line_here(self) -> int:
        return self._line + self._text.count("\n", 0, self._at)

    def _more(self, count: int) -> None:
        self._line += self._text.count("\n", 0, self._at)
        self._dropped += self._at
        rest = self._text[self._at :]
        self._at = 0
        block = self._stream.read(count)
        self._ended = not block
        try:
            self._text = rest + self._decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            at = self._line + rest.count("\n") + bytes(error.object)[: error.start].count(b"\n")
            raise FileRefused("encoding", file=self._file_name, line=at, value=self._encoding.upper()) from error
