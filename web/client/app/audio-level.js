// @ts-check
/** What counts as silence and as loud speech, in dB below full scale. */
const QUIET_DB = -60;
const LOUD_DB = -12;

/** @type {AudioContext | null} */
let shared = null;

/**
 * The one audio context of the page. Browsers start it only after the user did something.
 * @returns {AudioContext | null}
 */
function context() {
  if (shared || typeof AudioContext === "undefined") return shared;
  const created = new AudioContext();
  shared = created;
  const resume = () => void created.resume().catch(() => {});
  for (const event of ["pointerdown", "keydown"]) addEventListener(event, resume, { passive: true });
  return created;
}

/** Measures how loud a microphone is. */
export class AudioLevel {
  /** @type {MediaStreamAudioSourceNode | null} */
  #source = null;
  /** @type {AnalyserNode | null} */
  #analyser = null;
  /** @type {MediaStreamTrack | null} */
  #track = null;
  #samples = new Float32Array(0);

  /** @param {MediaStreamTrack | null} track */
  listen(track) {
    if (track === this.#track) return;
    this.#track = track;
    this.#source?.disconnect();
    this.#source = null;
    const audio = track && context();
    if (!track || !audio) return;
    this.#analyser ??= audio.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source = audio.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
  }

  /** @returns {number} 0 (quiet) to 1 (loud), even to the ear */
  read() {
    if (!this.#source || !this.#analyser) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return perceived(Math.sqrt(sum / this.#samples.length));
  }
}

/**
 * @param {number} amplitude 0 to 1, linear
 * @returns {number} 0 to 1, even to the ear
 */
export function perceived(amplitude) {
  if (amplitude <= 0) return 0;
  const db = 20 * Math.log10(amplitude);
  return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
}
