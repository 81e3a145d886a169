"""TensorBoard's event files, record by record: what cannot be read is said with its place, and not passed over in silence."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from asgml.lab.files import open_regular

HEAD, TAIL = struct.Struct("<QI"), struct.Struct("<I")
"""A record: its length and the checksum of that, its bytes, and their checksum."""
Hurt = Callable[[str], None]


def events(file: Path, hurt: Hurt) -> Iterator[Any]:
    """Every event of a file that can be read; `hurt` is told in words of what cannot.

    A record whose own bytes are damaged is left out, and the next one is read. Where its length is damaged nobody knows where
    the next one begins: what follows is lost.
    """
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    lost = list[int]()
    for place, data in _records(file, hurt, lost):
        try:
            yield Event.FromString(data)
        except DecodeError:
            lost.append(place)
    if lost:
        records = "one record was" if len(lost) == 1 else f"{len(lost)} records were"
        hurt(f"{file.name} is damaged at byte {lost[0]}: {records} left out")


def _records(file: Path, hurt: Hurt, lost: list[int]) -> Iterator[tuple[int, bytes]]:
    """The place and the bytes of every record that is whole; the places of those that are not go to `lost`."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    place, size = 0, file.stat().st_size
    with open_regular(file) as stream:
        while head := stream.read(HEAD.size):
            left = f"the last {size - place} of its {size} bytes are lost"
            if len(head) < HEAD.size:
                return hurt(f"{file.name} is cut off at byte {place}: {left}")
            length, checksum = HEAD.unpack(head)
            if masked_crc32c(head[:8]) != checksum:
                return hurt(f"{file.name} is damaged at byte {place}: {left}")
            if place + HEAD.size + length + TAIL.size > size:
                return hurt(f"{file.name} is cut off at byte {place}: {left}")
            data, tail = stream.read(length), stream.read(TAIL.size)
            if masked_crc32c(data) == TAIL.unpack(tail)[0]:
                yield place, data
            else:
                lost.append(place)
            place += HEAD.size + length + TAIL.size
    return None
