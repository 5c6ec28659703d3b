"""Joins a room with aiortc, a WebRTC in Python, and counts what it decodes.

Everything that it says and understands is in signaling/PROTOCOL.md.

    join.py ws://127.0.0.1:8080/ws KUMA-ARE-TSUJ

prints one JSON object: {"audio": frames, "video": frames, "loud": frames with sound,
"width": .., "height": .., "offers": ..}, and ends with 0 once there is enough of both.
"""

import asyncio
import json
import sys

import aioice.ice
from aiortc import (
    MediaStreamError,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_from_sdp
from websockets.asyncio.client import connect

PATIENCE = 40  # seconds
ENOUGH = {"audio": 100, "video": 30, "loud": 1}

# It would leave out the loopback address, where a server without options is.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Seen:
    def __init__(self):
        self.counts = {"audio": 0, "video": 0, "loud": 0, "width": 0, "height": 0, "offers": 0}
        self.enough = asyncio.Event()

    def note(self, kind, frame):
        self.counts[kind] += 1
        if kind == "video":
            self.counts["width"], self.counts["height"] = frame.width, frame.height
        elif any(bytes(frame.planes[0])):
            self.counts["loud"] += 1
        if all(self.counts[key] >= enough for key, enough in ENOUGH.items()):
            self.enough.set()


async def watch(track, seen):
    while True:
        try:
            seen.note(track.kind, await track.recv())
        except MediaStreamError:
            return


async def meet(url, room, seen):
    # As every browser does; else aiortc makes one transport for each kind of media first.
    connection = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    watching = []
    connection.on("track", lambda track: watching.append(asyncio.ensure_future(watch(track, seen))))
    async with connect(url, subprotocols=["tsuji.1"]) as socket:

        async def say(**message):
            await socket.send(json.dumps(message))

        async def listen():
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "join":
                    await say(type="call", name="Python", ice="trickle", audio=False, video=False)
                elif message["type"] == "offer":
                    seen.counts["offers"] += 1
                    offer = RTCSessionDescription(message["sdp"], "offer")
                    await connection.setRemoteDescription(offer)
                    await connection.setLocalDescription(await connection.createAnswer())
                    answer = connection.localDescription.sdp
                    await say(type="answer", negotiation=message["negotiation"], sdp=answer)
                    # Its candidates are in the description already.
                    await say(type="candidate", candidate=None)
                elif message["type"] == "candidate" and message["candidate"]:
                    init = message["candidate"]
                    candidate = candidate_from_sdp(init["candidate"].removeprefix("candidate:"))
                    candidate.sdpMid = init["sdpMid"]
                    candidate.sdpMLineIndex = init["sdpMLineIndex"]
                    await connection.addIceCandidate(candidate)
                elif message["type"] == "error":
                    raise RuntimeError(message["message"])

        await say(type="join", room=room)
        listening = asyncio.ensure_future(listen())
        waiting = asyncio.ensure_future(seen.enough.wait())
        done, _ = await asyncio.wait(
            [listening, waiting], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED
        )
        if listening in done:
            listening.result()
            raise RuntimeError("the server closed the connection")
        waiting.cancel()
        listening.cancel()
        await say(type="leave")
    await connection.close()
    return waiting in done


def main():
    _, url, room = sys.argv
    seen = Seen()
    enough = asyncio.run(meet(url, room, seen))
    print(json.dumps(seen.counts))
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
