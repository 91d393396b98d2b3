"""HTTP/1.1 as a server that can also behave badly: 100 Continue by hand, early answers, resets."""

import base64
import json
import socket
import struct
import threading
import urllib.parse


class Gone(Exception):
    """The client closed the connection before its body was complete."""


class Request:
    def __init__(self, connection, method, target, version, headers):
        self.connection = connection
        self.method, self.target, self.version = method, target, version
        self.path, _, query = target.partition("?")
        self.raw_path = self.path
        self.path = urllib.parse.unquote(self.path)
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        self.headers = headers
        """Lower-case names; the last one wins."""
        self.body_bytes = 0
        self.continued = False
        length = headers.get("content-length")
        self.length = int(length) if length and length.isdigit() else None
        self.chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self.finished = not (self.length or self.chunked)

    @property
    def expects(self):
        return self.headers.get("expect", "").lower() == "100-continue"

    def credentials(self):
        """(user, password), or None when there is no Basic authorization."""
        kind, _, text = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(text).decode().partition(":")
        except ValueError:
            return None
        return user, password

    def proceed(self):
        if self.expects and not self.continued:
            self.continued = True
            self.connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def body(self):
        """The octets of the body in parts."""
        if self.finished:
            return
        self.proceed()
        if self.chunked:
            while True:
                size = int(self.connection.line().split(b";")[0], 16)
                if size == 0:
                    while self.connection.line():
                        pass
                    break
                yield from self._parts(size)
                self.connection.line()
        else:
            yield from self._parts(self.length)
        self.finished = True

    def _parts(self, left):
        while left:
            part = self.connection.part(min(left, 1 << 18))
            left -= len(part)
            self.body_bytes += len(part)
            yield part


class Connection:
    def __init__(self, sock):
        self.socket = sock
        self.buffer = b""
        self.open = True

    def send(self, data):
        self.socket.sendall(data)

    def part(self, most):
        if self.buffer:
            part, self.buffer = self.buffer[:most], self.buffer[most:]
            return part
        part = self.socket.recv(most)
        if not part:
            raise Gone()
        return part

    def line(self):
        while b"\n" not in self.buffer:
            more = self.socket.recv(65_536)
            if not more:
                raise Gone()
            self.buffer += more
            if len(self.buffer) > 1 << 20:
                raise Gone()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def request(self):
        line = self.line()
        if not line:
            line = self.line()
        method, target, version = line.decode("utf-8", "surrogateescape").split(" ")
        headers = {}
        while field := self.line():
            name, _, value = field.decode("utf-8", "surrogateescape").partition(":")
            headers[name.strip().lower()] = value.strip(" \t")
        return Request(self, method, target, version, headers)

    def reset(self):
        """RST instead of an orderly end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.open = False

    def linger(self, seconds=0.3, most=1 << 22):
        """Ends our side and reads what still comes; returns how many octets came unasked."""
        count = len(self.buffer)
        try:
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(seconds)
            while count < most and (part := self.socket.recv(65_536)):
                count += len(part)
        except OSError:
            pass
        self.open = False
        return count


REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 500: "Internal Server Error"}


def answer(status, body=b"", headers=(), kind="text/html; charset=UTF-8", close=False):
    if isinstance(body, (dict, list)):
        body, kind = json.dumps(body, indent=4, ensure_ascii=False).encode() + b"\n", "application/json"
    elif isinstance(body, str):
        body = body.encode()
    lines = [f"HTTP/1.1 {status} {REASONS[status]}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if close:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Server:
    """One listening address; every connection has a thread."""

    def __init__(self, address, port, handle):
        self.address, self.port, self.handle = address, port, handle
        self.listener = None
        self.connections = set()

    def start(self):
        listener = socket.create_server((self.address, self.port), backlog=128, reuse_port=False)
        self.port = listener.getsockname()[1]
        self.listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def stop(self):
        listener, self.listener = self.listener, None
        if listener:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _accept(self, listener):
        while self.listener is listener:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, raw):
        self.connections.add(raw)
        try:
            self.handle(raw)
        except (Gone, OSError, ValueError):
            pass
        finally:
            self.connections.discard(raw)
            raw.close()
