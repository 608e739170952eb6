import { describe, expect, it } from "vitest";
import { asideUntil, consideredOf, isTakingPart, lastQuestion, newlyOffered, newlyWaiting, offersTo, secondsSince, withEvent, withdrawnPlaces } from "../../src/desk/transcript";
import type { DeskQueue, ServerEvent, Waiting } from "../../src/protocol";

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

describe("an offer", () => {
  const offered = (conversation: string, offer: string, agent: string): Waiting => ({
    ...waiting(conversation), status: "offered", offer: { id: offer, agent: { id: agent, name: agent }, until: at },
  });
  const queue = (...all: Waiting[]): DeskQueue => ({ waiting: all, mine: [], callbacks: [] });

  it("is for the agent who is asked, and for nobody else", () => {
    const lists = queue(waiting("a"), offered("b", "o1", "dolma"), offered("c", "o2", "pema"));
    expect(offersTo("dolma", lists).map((w) => w.conversation)).toEqual(["b"]);
    expect(offersTo("", lists)).toEqual([]);
  });

  it("rings once, and again where the same conversation is offered anew", () => {
    const before = queue(offered("b", "o1", "dolma"));
    expect(newlyOffered(before, before, "dolma")).toEqual([]);
    expect(newlyOffered(before, queue(offered("b", "o3", "dolma"), offered("c", "o2", "pema")), "dolma")).toEqual(["o3"]);
  });
});

describe("a supervisor", () => {
  const joined: ServerEvent = { type: "supervisor_joined", seq: 1, at, agent: { id: "s", name: "次仁" }, text: "…" };

  it("takes part until they leave, or the conversation changes hands", () => {
    expect(isTakingPart("s", [joined])).toBe(true);
    expect(isTakingPart("other", [joined])).toBe(false);
    expect(isTakingPart("s", [joined, { ...joined, type: "supervisor_left", seq: 2 }])).toBe(false);
    expect(isTakingPart("s", [joined, { type: "agent_left", seq: 2, at, outcome: "requeued", text: "…" }])).toBe(false);
    expect(isTakingPart("s", [joined, { type: "snoozed", seq: 2, at, until: at }])).toBe(false);
  });
});

it("what is set aside comes back in half an hour, or on the next morning, over the end of a month too", () => {
  const evening = new Date(2026, 10, 30, 18, 20).getTime();
  expect(asideUntil("half_hour", evening)).toBe(new Date(2026, 10, 30, 18, 50).toISOString());
  expect(asideUntil("tomorrow", evening)).toBe(new Date(2026, 11, 1, 9, 0).toISOString());
});
