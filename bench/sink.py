#!/usr/bin/env python3
"""A Loki push endpoint that only counts: answers every POST with 204 and reads nothing into the bodies.

  sink.py [--port N] [--keep DIR]      prints "listening PORT" at once, and one JSON object when it gets SIGTERM
  sink.py --decode DIR                 reads the bodies kept in DIR, in order; prints lines, streams and a digest

Its own CPU time does not count in a measurement, but it runs on the same machine, so it must stay cheap.
"""
import argparse
import hashlib
import json
import os
import selectors
import signal
import socket
import sys


class Connection:
    def __init__(self, sock):
        self.sock, self.head, self.left, self.body = sock, b"", 0, None


def serve(port, keep):
    tally = {"requests": 0, "bytes": 0, "refused": 0, "content_types": {}}
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    listener.setblocking(False)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ, None)
    stop = []
    wake, woken = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    signal.signal(signal.SIGINT, lambda *_: stop.append(1))
    selector.register(woken, selectors.EVENT_READ, None)
    print("listening", listener.getsockname()[1], flush=True)
    space = memoryview(bytearray(1 << 20))
    while not stop:
        for key, _ in selector.select():
            if key.fileobj is woken:
                continue
            if key.fileobj is listener:
                sock, _ = listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(sock, selectors.EVENT_READ, Connection(sock))
                continue
            connection = key.data
            try:
                count = connection.sock.recv_into(space)
            except BlockingIOError:
                continue
            except OSError:
                count = 0
            if count == 0 or not take(connection, space[:count], tally, keep):
                selector.unregister(connection.sock)
                connection.sock.close()
    print(json.dumps(tally), flush=True)


def take(connection, data, tally, keep):
    """Feeds bytes to a connection; false when it is to be closed."""
    while len(data):
        if connection.left:
            part = data[:connection.left]
            connection.left -= len(part)
            data = data[len(part):]
            if connection.body is not None:
                connection.body.write(part)
            if connection.left == 0 and not answer(connection, tally):
                return False
            continue
        connection.head += bytes(data)
        end = connection.head.find(b"\r\n\r\n")
        if end < 0:
            return len(connection.head) < 65536
        head, rest = connection.head[:end].decode("latin-1"), connection.head[end + 4:]
        connection.head = b""
        lines = head.split("\r\n")
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if not lines[0].startswith("POST /loki/api/v1/push ") or "content-length" not in fields:
            tally["refused"] += 1
            connection.sock.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return False
        if fields.get("expect", "").lower() == "100-continue":
            connection.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.left = int(fields["content-length"])
        tally["requests"] += 1
        tally["bytes"] += connection.left
        kind = fields.get("content-type", "")
        tally["content_types"][kind] = tally["content_types"].get(kind, 0) + 1
        if keep:
            connection.body = open(os.path.join(keep, f"{tally['requests']:08d}.body"), "wb")
        if connection.left == 0 and not answer(connection, tally):
            return False
        data = memoryview(rest)
    return True


def answer(connection, tally):
    if connection.body is not None:
        connection.body.close()
        connection.body = None
    try:
        connection.sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    except OSError:
        return False
    return True


def unsnappy(data):
    """The Snappy block format, by its description; raises ValueError for what is not a block."""
    size, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        kind = tag & 3
        if kind == 0:
            length = tag >> 2
            if length >= 60:
                extra = length - 59
                length = int.from_bytes(data[at:at + extra], "little")
                at += extra
            length += 1
            out += data[at:at + length]
            at += length
            continue
        if kind == 1:
            length, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
            at += 1
        else:
            width = 2 if kind == 2 else 4
            length, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + width], "little")
            at += width
        start = len(out) - offset
        if offset == 0 or start < 0:
            raise ValueError("a copy reaches before the block")
        if offset >= length:
            out += out[start:start + length]
        else:
            run = bytes(out[start:])
            out += (run * (length // offset + 1))[:length]
    if len(out) != size:
        raise ValueError(f"the block says {size} bytes and has {len(out)}")
    return bytes(out)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """The fields of a protobuf message: (number, value), nested messages as bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            length, at = varint(data, at)
            value = data[at:at + length]
            if len(value) != length:
                raise ValueError("a field reaches beyond its message")
            at += length
        else:
            raise ValueError(f"wire type {key & 7}")
        yield key >> 3, value


def decode(directory):
    """Every entry of every kept push request: what the lines were, and in which order."""
    lines, streams, digest, newest, backwards = 0, set(), hashlib.sha256(), {}, 0
    for name in sorted(os.listdir(directory)):
        with open(os.path.join(directory, name), "rb") as file:
            request = unsnappy(file.read())
        for number, stream in fields(request):
            if number != 1:
                continue
            labels = ""
            for number, value in fields(stream):
                if number == 1:
                    labels = value.decode()
                    streams.add(labels)
                elif number == 2:
                    entry = dict(fields(value))
                    time = dict(fields(entry.get(1, b"")))
                    stamp = (time.get(1, 0), time.get(2, 0))
                    backwards += stamp < newest.get(labels, (0, 0))
                    newest[labels] = stamp
                    lines += 1
                    digest.update(entry.get(2, b"") + b"\n")
    return {"lines": lines, "streams": sorted(streams), "sha256": digest.hexdigest(), "backwards": backwards}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--keep", metavar="DIR")
    parser.add_argument("--decode", metavar="DIR")
    arguments = parser.parse_args()
    if arguments.decode:
        print(json.dumps(decode(arguments.decode)))
        return
    if arguments.keep:
        os.makedirs(arguments.keep, exist_ok=True)
    serve(arguments.port, arguments.keep)


if __name__ == "__main__":
    sys.exit(main())
