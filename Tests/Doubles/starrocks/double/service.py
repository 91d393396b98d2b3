"""What FEs and BEs share as HTTP servers: reading requests, recording them, answering, misbehaving."""

import threading

from .httpwire import Connection, Server, answer


class Reset(Exception):
    """The connection is reset instead of an answer."""


class Exchange:
    """One request and its one answer."""

    def __init__(self, service, request, connection):
        self.service, self.cluster, self.node = service, service.cluster, service.node
        self.request, self.connection = request, connection
        decodes = service.hop != "be" or self.cluster.config["be_decodes_urls"]
        self.headers, self.path = request.headers, request.path if decodes else request.raw_path
        self.record = self.cluster.record(
            node=self.node.name, method=request.method, path=request.path, query=request.query,
            headers={name: value for name, value in request.headers.items() if name != "authorization"},
            user=(request.credentials() or (None,))[0], status=None, answer=None, body_bytes=0)

    def reply(self, status, body=b"", headers=(), kind="text/html; charset=UTF-8", close=False):
        """Answers. A body that was not read ends the connection, as the server cannot know what comes on it."""
        self.record["status"], self.record["answer"] = status, body if not isinstance(body, bytes) else body.decode("utf-8", "replace")
        self.record["location"] = dict(headers).get("Location")
        unread = not self.request.finished
        close = close or unread or self.headers.get("connection", "").lower() == "close"
        self.record["body_bytes"] = self.request.body_bytes
        self.connection.send(answer(status, body, headers, kind, close))
        if close:
            came = self.connection.linger()
            self.record["unasked_bytes"] = came
            return came
        return 0

    def reset(self, why):
        self.record["status"], self.record["answer"] = 0, f"reset: {why}"
        self.record["body_bytes"] = self.request.body_bytes
        self.connection.reset()

    def take(self, name, **where):
        return self.cluster.faults.take(name, node=self.node.name, **where)


class Service:
    """Routes requests of one node. Subclasses have `routes`: (method, pattern, name of a method)."""

    routes = ()
    hop = ""

    def __init__(self, cluster, node):
        self.cluster, self.node = cluster, node
        self.server = Server(node.address, node.http_port, self.serve)

    def start(self):
        self.server.start()
        self.node.http_port = self.server.port
        self.node.alive = True

    def stop(self):
        self.node.alive = False
        self.server.stop()

    def serve(self, raw):
        connection = Connection(raw)
        while connection.open:
            request = connection.request()
            exchange = Exchange(self, request, connection)
            self.dispatch(exchange)

    def dispatch(self, exchange):
        where = {"hop": self.hop}
        path = exchange.path.split("/")
        if len(path) > 3 and path[1] == "api":
            where.update(database=path[2], table=path[3])
        where["database"] = exchange.headers.get("db", where.get("database", ""))
        where["table"] = exchange.headers.get("table", where.get("table", ""))
        where["label"] = exchange.headers.get("label", "")
        if exchange.take("http_500", **where):
            exchange.reply(500, "Internal Server Error\n", kind="text/plain", close=True)
            return
        if exchange.take("http_401", **where):
            self.refuse(exchange, where)
            return
        known = False
        for method, pattern, name in self.routes:
            match = pattern.fullmatch(exchange.path)
            if match:
                known = True
                if method == exchange.request.method:
                    getattr(self, name)(exchange, **match.groupdict())
                    return
        exchange.reply(405 if known else 404, "", close=True)

    def refuse(self, exchange, where=None):
        user = (exchange.request.credentials() or ("",))[0]
        exchange.reply(
            401, {"status": "FAILED", "code": "1", "msg": f"Access denied for {user}@{self.node.address}"},
            [("WWW-Authenticate", 'Basic realm=""')])


def later(seconds, action, *arguments):
    timer = threading.Timer(seconds, action, arguments)
    timer.daemon = True
    timer.start()
    return timer
