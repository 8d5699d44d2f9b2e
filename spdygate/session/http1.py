"""A stand-in until the real one is there."""
from dataclasses import dataclass
import h11
from ..wire.upgrade import Request, switching
@dataclass
class RequestReceived:
    request: Request
    body: bytes
class Http1Session:
    closing = False
    def __init__(self):
        self._c = h11.Connection(h11.SERVER); self._out=b""
    def feed(self, data):
        if data: self._c.receive_data(data)
        out=[]
        while True:
            e=self._c.next_event()
            if e is h11.NEED_DATA or e is h11.PAUSED: break
            if type(e) is h11.Request:
                out.append(RequestReceived(Request(e.method.decode(), e.target, tuple((a.decode(),b.decode()) for a,b in e.headers)), b""))
            if type(e) is h11.ConnectionClosed: break
        return out
    def respond(self, status, headers, body):
        h=[(a,b) for a,b in headers]+[("content-length",str(len(body)))]
        self._out+=self._c.send(h11.Response(status_code=status, headers=h))+self._c.send(h11.Data(data=body))+self._c.send(h11.EndOfMessage())
        try: self._c.start_next_cycle()
        except Exception: self.closing=True
    def switch(self, token, headers):
        self._out+=switching(token, headers)
        return self._c.trailing_data[0]
    def outgoing(self):
        o,self._out=self._out,b""; return o
