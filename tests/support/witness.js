// What a test sees of a page without the page's help. Runs before the page's own scripts.
(() => {
  /** What the page said and heard on its WebSocket, and when (performance.now). */
  const sent = [];
  const heard = [];
  /** The states that its RTCPeerConnections went through. */
  const signaling = [];
  /** What nobody caught. */
  const errors = [];
  addEventListener("error", ({ message }) => errors.push(message));
  addEventListener("unhandledrejection", ({ reason }) => errors.push(String(reason)));
  /** When *Join* was pressed, and when the first picture of somebody else was shown. */
  const times = { join: null, picture: null };

  /** Its WebSockets, oldest first. */
  const sockets = [];
  const RealWebSocket = window.WebSocket;
  window.WebSocket = class extends RealWebSocket {
    constructor(...args) {
      super(...args);
      sockets.push(this);
      this.addEventListener("message", ({ data }) => heard.push(JSON.parse(data)));
    }
    send(data) {
      sent.push(JSON.parse(data));
      super.send(data);
    }
  };

  const RealPeerConnection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends RealPeerConnection {
    constructor(...args) {
      super(...args);
      this.addEventListener("signalingstatechange", () => signaling.push(this.signalingState));
    }
  };

  addEventListener("submit", ({ submitter }) => {
    if (nameOf(submitter) !== "Join") return;
    times.join = performance.now();
    awaitPicture();
  }, true);

  function awaitPicture() {
    const others = tiles().filter(({ element }) => element.dataset.participant);
    const video = others[0]?.element.querySelector("video");
    if (!video) return requestAnimationFrame(awaitPicture);
    video.requestVideoFrameCallback((now) => (times.picture = now));
  }

  /** The accessible name, as far as this page needs it; WebDriver checks what the browser makes of it. */
  function nameOf(element) {
    const text = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent;
    return text.trim();
  }

  /** The control with a name, once it can be used. */
  function control(name) {
    const all = [...document.querySelectorAll("button, input, a[href], summary")];
    const usable = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled;
    return all.find((element) => nameOf(element) === name && usable(element)) ?? null;
  }

  /** Everybody in the room: the labelled groups that have a video. */
  function tiles() {
    const groups = [...document.querySelectorAll("[role=group][aria-label]")];
    return groups
      .filter((element) => element.querySelector("video"))
      .map((element) => ({ name: element.getAttribute("aria-label"), element }));
  }

  const SOUND_OF = { camera: "microphone", screen: "screen_audio" };

  /** What this page sees and hears of somebody, or of their screen; null without a tile. */
  async function seen(name) {
    const tile = tiles().find((tile) => tile.name === name)?.element;
    if (!tile) return null;
    const video = tile.querySelector("video");
    const { participant, source = "camera" } = tile.dataset;
    const [picture, sound] = [source, SOUND_OF[source]].map((source) => trackOf(participant, source));
    const result = {
      frames: 0,
      energy: 0,
      picture: video.checkVisibility({ opacityProperty: true, visibilityProperty: true }),
      microphoneOff: tile.textContent.includes("microphone off"),
      speaking: tile.textContent.includes(", speaking"),
      share: (tile.clientWidth * tile.clientHeight) / (tile.parentElement.clientWidth * tile.parentElement.clientHeight),
      bytes: 0,
      freezes: 0,
      frozen: 0,
      width: 0,
      codec: null,
      corner: cornerOf(video),
    };
    const stats = (await window.tsuji?.peer.getStats()) ?? new Map();
    for (const report of stats.values()) {
      if (report.type !== "inbound-rtp") continue;
      if (report.trackIdentifier === picture) {
        Object.assign(result, { frames: report.framesDecoded, bytes: report.bytesReceived });
        Object.assign(result, { freezes: report.freezeCount, frozen: report.totalFreezesDuration, width: report.frameWidth });
        result.codec = stats.get(report.codecId)?.mimeType ?? null;
      }
      if (report.trackIdentifier === sound) result.energy = report.totalAudioEnergy;
    }
    return result;
  }

  /**
   * By how many milliseconds somebody's picture is ahead of their voice as they are played
   * (estimatedPlayoutTimestamp of W3C WebRTC statistics), and where the picture comes; null until the
   * browser knows of both on one clock.
   */
  async function lips(name) {
    const { participant } = tiles().find((tile) => tile.name === name)?.element.dataset ?? {};
    const stats = (await window.tsuji?.peer.getStats()) ?? new Map();
    const [picture, sound] = ["camera", "microphone"].map((source) => {
      const track = trackOf(participant, source);
      return [...stats.values()].find(({ type, trackIdentifier }) => type === "inbound-rtp" && trackIdentifier === track);
    });
    const [seen, heard] = [picture?.estimatedPlayoutTimestamp, sound?.estimatedPlayoutTimestamp];
    if (!seen || !heard) return null;
    return { ahead: seen - heard, mid: picture.mid, width: picture.frameWidth };
  }

  /** The rids of the camera's encodings of which pictures were sent, in alphabetical order. */
  async function sizesSent() {
    const stats = (await window.tsuji?.peer.getStats()) ?? new Map();
    const sent = [...stats.values()].filter(({ type, framesSent }) => type === "outbound-rtp" && framesSent > 0);
    return sent.map(({ rid }) => rid).sort();
  }

  /** The id of the track on which the server says that it sends somebody's media now. */
  function trackOf(participant, source) {
    const slots = heard.findLast((message) => message.slots)?.slots ?? [];
    const slot = slots.find((slot) => slot.participant === participant && slot.source === source);
    return window.tsuji?.peer.getTransceivers().find((transceiver) => transceiver.mid === slot?.mid)?.receiver.track.id;
  }

  /** The colour of the top left corner of the picture: [r, g, b]. */
  function cornerOf(video) {
    if (video.videoWidth === 0) return null;
    const canvas = new OffscreenCanvas(1, 1);
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, video.videoWidth / 16, video.videoHeight / 16, 0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }

  /** The way that media takes; null while there is none. */
  async function way() {
    const stats = (await window.tsuji?.peer.getStats()) ?? new Map();
    const transport = [...stats.values()].find(({ type }) => type === "transport");
    const pair = stats.get(transport?.selectedCandidatePairId);
    if (pair?.state !== "succeeded") return null;
    const [local, remote] = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
    return {
      transport: local.protocol,
      relay: local.relayProtocol,
      remote: `${remote.address}:${remote.port}`,
      port: local.port,
    };
  }

  /** The page's WebSocket is gone, as if the network had closed it. */
  function cut() {
    sockets.at(-1).close();
    return true;
  }

  window.witness = { cut, sockets, errors, sent, heard, signaling, times, nameOf, control, tiles, seen, lips, sizesSent, way };
})();
