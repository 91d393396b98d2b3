import os
import random
import socket
import struct
import subprocess
import threading

from harness.bench import bar

QUESTION = "When connections are cut in their COMMIT, is every slice in the target once?"
MOMENTS = ("before", "during", "after")


class Proxy:
    """Stands before a server and cuts connections that send COMMIT, as often as it is told to."""

    def __init__(self, host, port):
        self.server = (host, port)
        self.lock = threading.Lock()
        self.armed, self.cuts = [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.server)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            state = {"mute": False}
            threading.Thread(target=self.upward, args=(client, server, state), daemon=True).start()
            threading.Thread(target=self.downward, args=(client, server, state), daemon=True).start()

    def cut(self, client, server):
        for end in (client, server):
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def upward(self, client, server, state):
        try:
            while piece := client.recv(65536):
                moment = None
                if b"COMMIT" in piece:
                    with self.lock:
                        if self.armed:
                            moment = self.armed.pop()
                            self.cuts += 1
                if moment == "before":
                    return self.cut(client, server)
                if moment == "after":
                    state["mute"] = True
                server.sendall(piece)
                if moment == "during":
                    return self.cut(client, server)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def downward(self, client, server, state):
        try:
            while piece := server.recv(65536):
                if state["mute"]:
                    return self.cut(client, server)
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            # The other direction ends by the same; the descriptors live as long as its thread.
            self.cut(client, server)


def run(bench):
    wanted = int(os.environ.get("CUTS", 200))
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 32)))
    if not bench.apus:
        return {"notes": ["apus is not built: nothing to cut."], "bars": [bar("every slice once", None, wanted, "cuts", at_most=False)]}
    dice = random.Random(seed)
    rows = 2_000
    source = bench.file("commit-cut.csv")
    with open(source, "w") as file:
        file.write("id,v\n" + "".join(f"{number},row {number}\n" for number in range(1, rows + 1)))
    lite = bench.file("commit-cut.sqlite")
    if os.path.exists(lite):
        os.remove(lite)
    environment = {**os.environ, **bench.home()}
    subprocess.run(bench.copy(f"csv:{source}", f"sqlite:{lite}", "--to", "cut"), check=True, env=environment, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    table = [["target", "cuts", "copies", "every row once"]]
    size = f"{rows:,} rows in 8 slices, seed {seed}."
    notes = []
    good = total = 0
    for system, server in (("PostgreSQL", bench.postgres), ("MariaDB", bench.mariadb)):
        server.sql("DROP TABLE IF EXISTS cut", "target")
        proxy = Proxy("127.0.0.1", server.port)
        url = server.url("target").replace(f":{server.port}/", f":{proxy.port}/")
        done = copies = equal = held = 0
        while done < wanted:
            mode = dice.choice(("append", "replace"))
            server.sql("DROP TABLE IF EXISTS cut; CREATE TABLE cut (id bigint, v text)", "target")
            with proxy.lock:
                proxy.armed = [dice.choice(MOMENTS) for _ in range(min(dice.randint(1, 4), wanted - done))]
                proxy.cuts, planned = 0, len(proxy.armed)
            command = bench.copy(f"sqlite:{lite}", url, "--table", "cut", "--mode", mode, "--slices", "8", "--slice-by", "id",
                                 "--channels", str(dice.choice((1, 2, 4))))
            end = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
            copies += 1
            cuts = proxy.cuts
            found = server.sql("SELECT count(*), count(DISTINCT id), sum(id) FROM cut", "target").replace("|", " ").split()
            expected = [str(rows), str(rows), str(rows * (rows + 1) // 2)]
            if end.returncode == 0 and found == expected and cuts > 0:
                equal += 1
                held += cuts
            else:
                notes.append(f"- {system}, {mode}, {cuts} of {planned} cuts: status {end.returncode}, {found}; it said: "
                             f"{bench.anonymous(end.stdout.decode(errors='replace').strip()[-400:])}")
            done += max(cuts, 1)
            bench.say(f"  {system:<10} {mode:<7} {done:3}/{wanted}: {'equal' if found == expected else 'DIFFERENT'}")
        proxy.listener.close()
        good += held
        total += done
        table.append([system, done, copies, equal])
    notes.insert(0, f"**{good} of {total}** cuts left every row there once, in runs that ended well by themselves.\n")
    return {"size": size, "table": table, "notes": notes, "bars": [bar("every slice once", good, total, "cuts", at_most=False)]}
