"""A loopback proxy between a client and a Kafka broker that breaks the connection's promises when told to.

It reads Kafka's frames (a length, then the message) and knows each answer's request by its correlation id, so it
can hit what matters: answers to Fetch that carry records. Of itself it changes nothing; the faults are

    cut()                  all connections are closed now, in whatever they are in the middle of
    cut_in_fetch(n)        the next n answers to Fetch with records end somewhere in the middle, then the connection
    corrupt(n)             in the next n answers to Fetch (n None: in all) one byte of a record batch is changed that
                           its checksum covers
    stall(), go_on()       nothing goes through, and no connection closes
    refuse(), go_on()      connections are closed as soon as they are made
    delay_s                each frame waits so long

`connections`, `fetches` (with records), `cuts` and `corrupted` count what happened.
"""
import random
import socket
import struct
import threading
import time

FETCH = 1
FETCH_VERSIONS = range(4, 12)  # as librdkafka 2.0 asks; later ones are laid out in another way
BATCH_HEADER = 12              # base offset and length, which say where a batch ends
BATCH_CHECKED_FROM = 21        # what follows the checksum, and it covers


class Connection:
    """One client's connection with its own to the broker, and the two threads that carry bytes."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.broker = socket.create_connection(("127.0.0.1", proxy.target), 2)
        self.broker.settimeout(None)
        for end in (self.client, self.broker):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.requests = {}  # correlation id: API and version
        self.closed = threading.Event()
        threading.Thread(target=self.carry, args=(self.client, self.broker, self.request), daemon=True).start()
        threading.Thread(target=self.carry, args=(self.broker, self.client, self.answer), daemon=True).start()

    def close(self):
        if self.closed.is_set():
            return
        self.closed.set()
        for end in (self.client, self.broker):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
        self.proxy.forget(self)

    def read(self, end, length):
        data = bytearray(length)
        view, got = memoryview(data), 0
        while got < length:
            count = end.recv_into(view[got:], length - got)
            if count == 0:
                raise ConnectionError("closed")
            got += count
        return data

    def carry(self, source, target, treat):
        try:
            while not self.closed.is_set():
                head = self.read(source, 4)
                frame = self.read(source, struct.unpack(">i", head)[0])
                end = treat(frame)
                self.proxy.wait_while_stalled(self)
                target.sendall(head + frame[:end])
                if end is not None:  # a part has gone out: the rest never comes
                    break
        except OSError:
            pass
        self.close()

    def request(self, frame):
        api, version, correlation = struct.unpack_from(">hhi", frame)
        self.requests[correlation] = (api, version)

    def answer(self, frame):
        """How much of the frame goes out; None: all of it."""
        api, version = self.requests.pop(struct.unpack_from(">i", frame)[0], (None, None))
        if api != FETCH:
            return None
        return self.proxy.treat_fetch(frame, record_ranges(frame, version))


def record_ranges(frame, version):
    """Where in an answer to Fetch the records of partitions lie: [begin, end) of each that has any."""
    if version not in FETCH_VERSIONS:
        raise RuntimeError(f"the proxy does not know version {version} of Fetch")
    at = 4 + 4 + (6 if version >= 7 else 0)  # correlation, throttle time, error and session
    ranges = []

    def number(form):
        nonlocal at
        value = struct.unpack_from(form, frame, at)[0]
        at += struct.calcsize(form)
        return value

    def skip(length):
        nonlocal at
        at += length

    for _ in range(number(">i")):
        skip(number(">h"))  # the topic's name
        for _ in range(number(">i")):
            skip(4 + 2 + 8 + 8 + (8 if version >= 5 else 0))  # partition, error, marks
            skip(max(number(">i"), 0) * 16)                   # aborted transactions
            skip(4 if version >= 11 else 0)                   # preferred replica
            length = max(number(">i"), 0)
            if length > 0:
                ranges.append((at, at + length))
            skip(length)
    return ranges


def whole_batches(frame, ranges):
    """[begin, end) of each record batch that is there as a whole; the last of a partition may be cut off."""
    for begin, end in ranges:
        while begin + BATCH_HEADER <= end:
            after = begin + BATCH_HEADER + struct.unpack_from(">i", frame, begin + 8)[0]
            if after > end:
                break
            yield begin, after
            begin = after


class Proxy:
    """Listens from construction to close(). `target` is the broker's port and may be set later."""

    def __init__(self, target=None, seed=0):
        self.target, self.random = target, random.Random(seed)
        self.lock = threading.Lock()
        self.open_connections = set()
        self.delay_s = 0.0
        self.connections = self.fetches = self.cuts = self.corrupted = 0
        self.reset()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def reset(self):
        """No faults, counts from 0."""
        self.delay_s, self.stalled, self.refusing = 0.0, False, False
        self.cuts_wanted = self.corruptions_wanted = 0
        self.connections = self.fetches = self.cuts = self.corrupted = 0

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                if self.refusing:
                    raise ConnectionError("refused")
                connection = Connection(self, client)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.open_connections.add(connection)
            if connection.closed.is_set():
                self.forget(connection)

    def forget(self, connection):
        with self.lock:
            self.open_connections.discard(connection)

    def wait_while_stalled(self, connection):
        if self.delay_s > 0:
            time.sleep(self.delay_s)
        while self.stalled and not connection.closed.is_set():
            time.sleep(0.005)

    def treat_fetch(self, frame, ranges):
        with self.lock:
            if not ranges:
                return None
            self.fetches += 1
            if self.cuts_wanted > 0:
                self.cuts_wanted -= 1
                self.cuts += 1
                return self.random.randrange(len(frame))
            if self.corruptions_wanted is None or self.corruptions_wanted > 0:
                self.corrupt_one(frame, ranges)
        return None

    def corrupt_one(self, frame, ranges):
        batches = list(whole_batches(frame, ranges))
        if not batches:
            return
        begin, end = self.random.choice(batches)
        frame[self.random.randrange(begin + BATCH_CHECKED_FROM, end)] ^= 1 << self.random.randrange(8)
        self.corrupted += 1
        if self.corruptions_wanted is not None:
            self.corruptions_wanted -= 1

    def cut(self):
        with self.lock:
            connections = list(self.open_connections)
        for connection in connections:
            self.cuts += 1
            connection.close()

    def cut_in_fetch(self, times=1):
        self.cuts_wanted = times

    def corrupt(self, times=1):
        self.corruptions_wanted = times

    def stall(self):
        self.stalled = True

    def refuse(self):
        self.refusing = True
        self.cut()

    def go_on(self):
        self.stalled = self.refusing = False
        self.delay_s, self.cuts_wanted, self.corruptions_wanted = 0.0, 0, 0

    def close(self):
        self.listener.close()
        self.cut()
