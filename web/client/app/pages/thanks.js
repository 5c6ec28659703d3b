// @ts-check
import * as memory from "../memory.js";
import { duration } from "../names.js";
import { showPlain } from "./notice.js";

/**
 * @typedef {import("../main.js").App} App
 */

/** After leaving. @param {App} app */
export function showThanks(app) {
  const last = memory.last();
  const rejoin = last ? [{ label: "Rejoin", run: () => app.enterRoom(last.room, last.name, null) }] : [];
  showPlain({
    icon: "seal",
    title: "Thanks for coming by",
    text: last
      ? `You were in ${last.room} for ${duration(last.ended - last.started)}. Camera and microphone are released.`
      : "Until the next crossing.",
    actions: [...rejoin, { label: "New room", run: () => app.goHome() }],
  });
}
