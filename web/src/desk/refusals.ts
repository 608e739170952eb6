/** What the desk says to the server's refusals. */
import type { DeskKey } from "../i18n/desk.zh";
import type { DeskError } from "./api";

/** The server's short names of reasons, in the agent's language. */
export const REFUSALS: Partial<Record<string, DeskKey>> = {
  other_language: "notYours",
  not_yours: "notOpenToYou",
  not_found: "notFound",
  not_holder: "notHolder",
  not_waiting: "notWaiting",
  conflict: "notWaiting",
  closed: "isClosed",
  busy: "busy",
  unavailable: "busy",
  foreign_page: "loginExpired",
  offer_over: "offerOver",
  offered_to_another: "offeredToAnother",
  forbidden: "notAllowed",
  sound_unreadable: "soundUnreadable",
  sound_without_speech: "soundWithoutSpeech",
  sound_too_long: "soundTooLong",
  sound_too_large: "soundTooLong",
  sound_clipped: "soundClipped",
};

export function loginProblem(refusal: DeskError | undefined): DeskKey {
  if (refusal?.code === "wrong_code") return "codeWrong";
  if (refusal?.status === 401) return "loginWrong";
  return refusal?.status === 429 ? "loginLocked" : "unreachable";
}
