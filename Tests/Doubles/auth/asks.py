"""A server that asks for passwords, and keeps what it is told.

    asks.py mysql PLUGIN|infile  [CERT KEY]
    asks.py postgres cleartext|md5|md5-then-cleartext|slowly|scram  [CERT KEY]
    asks.py http LOCATION

Prints its port, then one line of JSON for each connection: {"tls": bool, "received": hex}. MySQL: the greeting names
mysql_native_password and a switch to PLUGIN follows; every query succeeds, but with `infile` each asks for /etc/hostname.
PostgreSQL: `slowly` sends the request for the password one byte at a time. HTTP: every request is redirected.
"""
import json, socket, ssl, struct, sys, threading, time

kind, what = sys.argv[1:3]
context = None
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])


class Peer:
    def __init__(self, sock):
        self.sock, self.got, self.tls = sock, b"", False

    def read(self, count):
        data = b""
        while len(data) < count:
            piece = self.sock.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
            self.got += piece
        return data

    def send(self, data):
        self.sock.sendall(data)

    def wrap(self):
        self.sock, self.tls = context.wrap_socket(self.sock, server_side=True), True


class MySQL:
    def __init__(self, peer):
        self.peer, self.sequence = peer, 0

    def packet(self):
        head = self.peer.read(4)
        self.sequence = head[3] + 1
        return self.peer.read(int.from_bytes(head[:3], "little"))

    def put(self, body):
        self.peer.send(len(body).to_bytes(3, "little") + bytes([self.sequence & 255]) + body)
        self.sequence += 1

    def run(self):
        # Protocol::HandshakeV10; all capabilities but compression, and CLIENT_SSL (0x800) where there is a certificate.
        flags = 0x00FFA7DF & ~0x20 | (0x800 if context else 0)
        salt = b"abcdefghijklmnopqrst"
        self.put(
            b"\x0a8.0.36\0" + struct.pack("<I", 7) + salt[:8] + b"\0" + struct.pack("<HBHH", flags & 0xFFFF, 45, 2, flags >> 16)
            + bytes([21]) + bytes(10) + salt[8:] + b"\0" + b"mysql_native_password\0")
        first = self.packet()
        if context and struct.unpack("<I", first[:4])[0] & 0x800 and len(first) == 32:
            self.peer.wrap()
            first = self.packet()
        if what != "infile":
            self.put(b"\xfe" + what.encode() + b"\0" + salt + b"\0")
            self.packet()
            if what == "caching_sha2_password":
                self.put(b"\x01\x04")
                self.packet()
        ok = b"\0\0\0\2\0\0\0"
        self.put(ok)
        while True:
            self.sequence = 0
            command = self.packet()
            if command[:1] == b"\x01":
                return
            if what == "infile":
                self.put(b"\xfb/etc/hostname")
                while self.packet():
                    pass
            self.put(ok)


class Postgres:
    def __init__(self, peer):
        self.peer = peer

    def message(self):
        head = self.peer.read(5)
        return head[:1], self.peer.read(struct.unpack("!I", head[1:])[0] - 4)

    def run(self):
        while True:
            length, code = struct.unpack("!II", self.peer.read(8))
            if code == 80877103:  # SSLRequest
                self.peer.send(b"S" if context else b"N")
                if context:
                    self.peer.wrap()
            elif code == 80877104:  # GSSENCRequest
                self.peer.send(b"N")
            else:
                self.peer.read(length - 8)
                break
        cleartext, md5 = b"R\0\0\0\x08\0\0\0\x03", b"R\0\0\0\x0c\0\0\0\x05salt"
        if what == "cleartext":
            self.peer.send(cleartext)
        elif what == "md5":
            self.peer.send(md5)
        elif what == "md5-then-cleartext":
            self.peer.send(md5 + cleartext)
        elif what == "scram":
            mechanisms = b"SCRAM-SHA-256\0\0"
            self.peer.send(b"R" + struct.pack("!II", 8 + len(mechanisms), 10) + mechanisms)
        else:
            for byte in cleartext:
                self.peer.send(bytes([byte]))
                time.sleep(0.002)
        while True:
            self.message()


class HTTP:
    def __init__(self, peer):
        self.peer = peer

    def run(self):
        while not self.peer.got.endswith(b"\r\n\r\n"):
            self.peer.read(1)
        self.peer.send(f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {what}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())


def serve(sock):
    sock.settimeout(20)
    peer = Peer(sock)
    try:
        {"mysql": MySQL, "postgres": Postgres, "http": HTTP}[kind](peer).run()
    except (EOFError, OSError, IndexError, struct.error):
        pass
    print(json.dumps({"tls": peer.tls, "received": peer.got.hex()}), flush=True)
    peer.sock.close()


listener = socket.create_server(("127.0.0.1", 0))
print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
