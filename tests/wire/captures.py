"""
Frames of real peers, as they were captured on loopback.

One connection: kubectl 1.20 (client-go, docker/spdystream) to the server of
k8s.io/cri-streaming 0.36 (moby/spdystream 0.5.1); two curls through the
forwarded port, then Ctrl-C.  `CLIENT` and `SERVER` are the two directions,
frame by frame in the order of the wire, but for the server's two DATA frames
with an HTTP head, which were not kept whole; being DATA they leave no gap in
the compressed blocks.
"""

from __future__ import annotations

#: What kubectl sent.
CLIENT = (
    # SYN_STREAM stream=1: streamtype=error, port=9001, requestid=0
    bytes.fromhex(
        "800300010000003d"
        "0000000100000000000078f9e3c6a7c202253a703a2b294a4dcc851625aca9a0"
        "808614cb45e01c606960004a9f9c459068cc04256f460300000000ffff"
    ),
    # DATA stream=1, FIN
    bytes.fromhex("0000000101000000"),
    # SYN_STREAM stream=3: port=9001, requestid=0, streamtype=data
    bytes.fromhex(
        "800300010000001a00000003000000000000826a26ac0ad57850499508000000ffff"
    ),
    # DATA stream=3 len=79
    bytes.fromhex(
        "000000030000004f"
        "474554202f20485454502f312e310d0a486f73743a203132372e302e302e313a"
        "32333030310d0a557365722d4167656e743a206375726c2f372e38382e310d0a"
        "4163636570743a202a2f2a0d0a0d0a"
    ),
    # DATA stream=3, FIN
    bytes.fromhex("0000000301000000"),
    # SYN_STREAM stream=5: streamtype=error, port=9001, requestid=1
    bytes.fromhex("800300010000001400000005000000000000a2c4624300000000ffff"),
    # DATA stream=5, FIN
    bytes.fromhex("0000000501000000"),
    # SYN_STREAM stream=7: streamtype=data, port=9001, requestid=1
    bytes.fromhex("800300010000001700000007000000000000c2aa19662c01bd00000000ffff"),
    # DATA stream=7 len=79
    bytes.fromhex(
        "000000070000004f"
        "474554202f20485454502f312e310d0a486f73743a203132372e302e302e313a"
        "32333030310d0a557365722d4167656e743a206375726c2f372e38382e310d0a"
        "4163636570743a202a2f2a0d0a0d0a"
    ),
    # DATA stream=7, FIN
    bytes.fromhex("0000000701000000"),
    # GOAWAY last=0 status=0
    bytes.fromhex("80030007000000080000000000000000"),
)

#: What the server sent.
SERVER = (
    # SYN_REPLY stream=1
    bytes.fromhex("80030002000000140000000178f9e3c6a7c26260606000000000ffff"),
    # SYN_REPLY stream=3
    bytes.fromhex("800300020000000e000000036260606000000000ffff"),
    # DATA stream=3 len=24
    bytes.fromhex("000000030000001868656c6c6f2066726f6d2074686520706f6420736964650a"),
    # DATA stream=3, FIN
    bytes.fromhex("0000000301000000"),
    # DATA stream=1, FIN
    bytes.fromhex("0000000101000000"),
    # SYN_REPLY stream=5
    bytes.fromhex("800300020000000e000000056260606000000000ffff"),
    # SYN_REPLY stream=7
    bytes.fromhex("800300020000000e000000076260606000000000ffff"),
    # DATA stream=7 len=24
    bytes.fromhex("000000070000001868656c6c6f2066726f6d2074686520706f6420736964650a"),
    # DATA stream=7, FIN
    bytes.fromhex("0000000701000000"),
    # DATA stream=5, FIN
    bytes.fromhex("0000000501000000"),
)

#: kubectl 1.33, five seconds after it connected, and the server's answer.
PING = bytes.fromhex("800300060000000400000001")

#: cri-streaming 0.36, on the error stream of a port that refused: CANCEL.
RST_STREAM = bytes.fromhex("80030003000000080000000100000005")
