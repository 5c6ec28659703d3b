// @ts-check
/**
 * Reads messages of a server that knows neither screens nor separate slots as this page does: a
 * slot there is a pair of m-lines, and there is nothing to publish a screen on.
 *
 * @param {any} message
 * @returns {any}
 */
export function upgrade(message) {
  const result = { ...message };
  if (Array.isArray(message.slots)) result.slots = message.slots.flatMap(separate);
  if (Array.isArray(message.participants)) result.participants = message.participants.map(withScreen);
  if (typeof message.participant === "object" && message.participant) result.participant = withScreen(message.participant);
  return result;
}

/** @param {any} slot */
function separate(slot) {
  if (!slot || !("audio" in slot && "video" in slot)) return [slot];
  const { audio, video, participant } = slot;
  const somebody = participant !== null;
  return [
    { mid: audio, kind: "audio", participant, source: somebody ? "microphone" : null },
    { mid: video, kind: "video", participant, source: somebody ? "camera" : null },
  ];
}

/** @param {any} participant */
function withScreen(participant) {
  return participant && { screen: false, screen_audio: false, ...participant };
}
