// @ts-check
/**
 * A tone that nobody hears, to have packets to count: no microphone is needed for it.
 * @returns {{track: MediaStreamTrack, stop: () => void}}
 */
export function tone() {
  const context = new AudioContext();
  const oscillator = new OscillatorNode(context, { frequency: 440 });
  const destination = new MediaStreamAudioDestinationNode(context);
  oscillator.connect(destination);
  oscillator.start();
  const [track] = destination.stream.getAudioTracks();
  if (!track) throw new Error("an audio destination without a track");
  return { track, stop: () => void context.close() };
}
