import { describe, expect, it } from "vitest";
import { consideredOf, lastQuestion, newlyWaiting, secondsSince, withEvent, withdrawnPlaces } from "../../src/desk/transcript";
import type { ServerEvent, Waiting } from "../../src/protocol";

const at = "2026-11-23T10:00:00Z";
const message = (seq: number, text: string): ServerEvent => ({
  type: "citizen_message", seq, at, id: `m${seq}`, text, source: "text", language: "bo", dictation: true,
});
const waiting = (conversation: string): Waiting => ({
  escalation: `e${conversation}`, conversation, language: "bo", reason: "asked", since: at, position: 1, voice: true, preview: "",
  status: "queued", priority: "normal",
});

describe("the transcript", () => {
  it("takes each event once and asks for everything when one is missing", () => {
    const events = [message(1, "ཨ"), message(2, "身份证")];
    expect(withEvent(events, message(3, "…"))?.map((e) => e.seq)).toEqual([1, 2, 3]);
    expect(withEvent(events, message(2, "身份证"))).toEqual(events);
    expect(withEvent(events, message(5, "…"))).toBeUndefined();
  });

  it("shows what the assistant considered with the likeliest first", () => {
    const say: ServerEvent = {
      type: "say", seq: 1, at, text: "…", act: "not_understood",
      considered: [{ entry: "a", question: "a", confidence: 0.2 }, { entry: "b", question: "b", confidence: 0.7 }],
    };
    expect(consideredOf(say).map((c) => c.entry)).toEqual(["b", "a"]);
    expect(consideredOf(message(1, "x"))).toEqual([]);
  });

  it("looks for answers to the last words that were understood at all", () => {
    expect(lastQuestion([message(1, "ཐོབ་ཐང་ལག་ཁྱེར།"), message(2, "")])).toBe("ཐོབ་ཐང་ལག་ཁྱེར།");
    expect(lastQuestion([])).toBe("");
  });

  it("does not count what a citizen had not finished saying", () => {
    const withdrawn: ServerEvent = { type: "withdrawn", seq: 4, at, from: 2, to: 3 };
    const events = [message(1, "ཨ"), message(2, "身份"), message(3, "…"), withdrawn];
    expect([...withdrawnPlaces(events)]).toEqual([2, 3]);
    expect(lastQuestion(events)).toBe("ཨ");
    expect(lastQuestion([...events, message(5, "身份证")])).toBe("身份证");
  });
});

describe("the queue", () => {
  it("rings for those who wait newly, not for those who come back from this agent", () => {
    const before = { waiting: [waiting("a")], mine: [{ ...waiting("b"), claimed_at: at }], callbacks: [] };
    expect(newlyWaiting(before, { waiting: [waiting("a"), waiting("b"), waiting("c")], mine: [], callbacks: [] })).toEqual(["c"]);
  });

  it("never shows a wait below zero when the clocks differ", () => {
    expect(secondsSince(at, Date.parse(at) - 5000)).toBe(0);
    expect(secondsSince(at, Date.parse(at) + 65_900)).toBe(65);
  });
});
