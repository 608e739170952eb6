import { describe, expect, it } from "vitest";
import { apply, canReopen, emptyState, type ConversationState } from "../../src/core/state";
import type { ServerMessage } from "../../src/protocol";

const at = "2026-11-23T10:00:00Z";
const started = { type: "started", seq: 1, at, conversation: "c1", language: "bo", channel: "portal" } as const;
const said = (seq: number, id: string, text: string) =>
  ({ type: "citizen_message", seq, at, id, text, source: "text", language: "bo", dictation: true }) as const;
const pending = (id: string, text: string) => ({ message: { type: "text", id, text } as const });

function after(state: ConversationState, ...messages: ServerMessage[]): ConversationState {
  return messages.reduce(apply, state);
}

describe("events", () => {
  it("are applied once each, although they come again after a reconnection", () => {
    const state = after(emptyState("bo"), started, said(2, "m1", "ཐོབ་ཐང་ 身份证"), started, said(2, "m1", "ཐོབ་ཐང་ 身份证"));
    expect(state.items.map((i) => i.event.seq)).toEqual([1, 2]);
    expect(state.lastSeq).toBe(2);
  });

  it("with one missing before them are not shown, and the gap is told", () => {
    const state = after(emptyState("bo"), started, said(4, "m1", "x"));
    expect(state.items).toHaveLength(1);
    expect(state.gap).toBe(true);
    expect(apply(state, { type: "resumed", conversation: "c1", last_seq: 4, language: "bo" }).gap).toBe(false);
  });

  it("carry the language the conversation had at their place", () => {
    const say = (seq: number) => ({ type: "say", seq, at, text: "…", act: "notice" }) as const;
    const state = after(emptyState("zh"), started, say(2), { type: "language_changed", seq: 3, at, language: "zh" }, say(4));
    expect(state.items.map((i) => i.language)).toEqual(["bo", "bo", "zh", "zh"]);
    expect(state.language).toBe("zh");
  });
});

describe("the citizen's own messages", () => {
  it("stay pending until their event comes", () => {
    const waiting = { ...after(emptyState("bo"), started), pending: [pending("m1", "ཨ"), pending("m2", "ཆ")] };
    expect(after(waiting, said(2, "m1", "ཨ")).pending.map((p) => p.message.id)).toEqual(["m2"]);
  });

  it("that were accepted before their event came are kept on the page and settled by that event's number", () => {
    const waiting = { ...after(emptyState("bo"), started), pending: [pending("m1", "ཨ")] };
    const accepted = after(waiting, { type: "accepted", id: "m1", seq: 2 });
    expect(accepted.pending).toHaveLength(1);
    expect(after(accepted, said(2, "other", "ཨ")).pending).toHaveLength(0);
  });

  it("that make no event are done when they are accepted", () => {
    const waiting = { ...emptyState("bo"), pending: [{ message: { type: "repeat", id: "r" } as const }] };
    expect(after(waiting, { type: "accepted", id: "r" }).pending).toHaveLength(0);
  });

  it("are given up when the server refuses them, and kept when it only asks for patience", () => {
    const waiting = { ...after(emptyState("zh"), started), pending: [pending("m1", "太长")] };
    const refusal = { type: "error", message: "…", fatal: false, id: "m1" } as const;
    expect(after(waiting, { ...refusal, code: "text_too_long" }).pending).toHaveLength(0);
    expect(after(waiting, { ...refusal, code: "too_fast", retry_after_ms: 500 }).pending).toHaveLength(1);
  });
});

describe("a spoken turn", () => {
  const speaking: ConversationState = { ...after(emptyState("bo"), started), turn: { id: "t1", phase: "recording" } };

  it("goes from recording over heard to understanding, and ends with what was heard", () => {
    const heard = after(speaking, { type: "speech_started", id: "t1", at_ms: 100 });
    expect(heard.turn?.phase).toBe("heard");
    const hinted = after(heard, { type: "partial", id: "t1", text: "身份证", hint: true });
    expect(hinted.turn?.partial).toEqual({ stable: "", rest: "身份证", hint: true });
    const ended = after(hinted, { type: "speech_ended", id: "t1", reason: "silence", speech_ms: 900 });
    expect(ended.turn?.phase).toBe("understanding");
    const message = { ...said(2, "t1", "身份证怎么换"), source: "voice", dictation: false } as const;
    expect(after(ended, message).turn).toBeUndefined();
  });

  it("is over when nobody spoke, when nothing was heard, and when the server refuses it", () => {
    expect(after(speaking, { type: "speech_ended", id: "t1", reason: "no_speech", speech_ms: 0 }).turn).toBeUndefined();
    expect(after(speaking, { type: "final", id: "t1", text: "", dictation: false, seconds: 1 }).turn).toBeUndefined();
    const busy = { type: "error", code: "busy", message: "…", fatal: false, id: "t1", retry_after_ms: 1000 } as const;
    expect(after(speaking, busy).turn).toBeUndefined();
  });

  it("that the assistant could not make out is over when it says so", () => {
    const ended = after(speaking, { type: "speech_ended", id: "t1", reason: "commit", speech_ms: 200 });
    const say = { type: "say", seq: 2, at, text: "གསལ་པོ་གོ་མ་སོང་།", act: "not_heard" } as const;
    expect(after(ended, say).turn).toBeUndefined();
    expect(after(speaking, say).turn?.phase).toBe("recording");
  });

  it("shows which of its words will stay, counted in code points", () => {
    const partial = (text: string, stable?: number) =>
      after(speaking, { type: "partial", id: "t1", text, hint: false, ...(stable === undefined ? {} : { stable }) }).turn?.partial;
    expect(partial("𠀀我的社保卡", 3)).toEqual({ stable: "𠀀我的", rest: "社保卡", hint: false });
    expect(partial("བོད་སྐད་")).toEqual({ stable: "", rest: "བོད་སྐད་", hint: false });
    const last = after(speaking, { type: "final", id: "t1", text: "社保卡", dictation: true, seconds: 1 });
    expect(last.turn?.partial).toEqual({ stable: "社保卡", rest: "", hint: false });
  });

  it("is not touched by what belongs to another turn", () => {
    expect(after(speaking, { type: "speech_ended", id: "t0", reason: "no_speech", speech_ms: 0 })).toBe(speaking);
  });
});

describe("a turn that its citizen goes on with", () => {
  const voice = (seq: number, text: string) => ({ ...said(seq, "t1", text), source: "voice", dictation: false }) as const;
  const say = (seq: number) => ({ type: "say", seq, at, text: "…", act: "not_understood" }) as const;
  const ended = { type: "speech_ended", id: "t1", reason: "silence", speech_ms: 900, listening_ms: 700 } as const;
  const resumed = { type: "speech_resumed", id: "t1", at_ms: 3000 } as const;
  const speaking: ConversationState = { ...after(emptyState("bo"), started), turn: { id: "t1", phase: "heard" } };

  it("is under way again although its beginning has been decided", () => {
    const decided = after(speaking, ended, voice(2, ""), say(3));
    expect(decided.turn).toBeUndefined();
    expect(after(decided, resumed).turn).toMatchObject({ id: "t1", phase: "heard" });
  });

  it("is not ended by what comes late of its beginning", () => {
    const late = after(speaking, ended, resumed, { type: "final", id: "t1", text: "", dictation: false, seconds: 1 }, voice(2, ""), say(3));
    expect(late.turn).toMatchObject({ id: "t1", phase: "heard" });
    const whole = after(late, ended);
    expect(whole.turn?.phase).toBe("understanding");
    expect(after(whole, { type: "withdrawn", seq: 4, at, from: 2, to: 3 }, voice(5, "身份证怎么换")).turn).toBeUndefined();
  });

  it("does not show how far a sound was heard, and loses no place by it", () => {
    const broken = { type: "interrupted", seq: 3, at, of: 2, heard: "", breaking_off: "…", ms: 900 } as const;
    const state = after(after(emptyState("bo"), started), say(2), broken, say(4));
    expect(state.items.map((item) => item.event.seq).filter((seq) => seq > 1)).toEqual([2, 4]);
    expect([state.lastSeq, state.gap]).toEqual([4, false]);
  });

  it("has what was said to its beginning withdrawn, and nothing else", () => {
    const state = after(speaking, ended, say(2), voice(3, ""), say(4), { type: "withdrawn", seq: 5, at, from: 3, to: 4 }, voice(6, "身份证怎么换"), say(7));
    expect(state.items.map((item) => item.withdrawn === true)).toEqual([false, false, true, true, false, false, false]);
    expect(state.lastSeq).toBe(7);
  });
});

describe("a citizen who waits to speak", () => {
  const busy = { type: "error", code: "busy", message: "…", fatal: false, id: "t1", retry_after_ms: 3000 } as const;

  it("is told how many are before them", () => {
    expect(after(emptyState("zh"), { ...busy, waiting_before: 3 }).voiceLine).toBe(3);
    expect(after(emptyState("zh"), { ...busy, waiting_before: 3 }, { ...busy, waiting_before: 0 }).voiceLine).toBe(0);
    expect(after(emptyState("zh"), { ...busy, waiting_before: 3 }, { ...busy, code: "too_fast" }).voiceLine).toBeUndefined();
    expect(after(emptyState("zh"), busy).voiceLine).toBeUndefined();
  });
});

describe("a person", () => {
  const queued = after(emptyState("zh"), started, { type: "escalated", seq: 2, at, reason: "asked", position: 3, text: "…" });

  it("is waited for with a place in the queue that moves", () => {
    expect(queued.holder).toBe("queue");
    expect(queued.queue?.position).toBe(3);
    const moved = after(queued, { type: "queue", position: 1, wait_minutes: [1, 4] });
    expect(moved.queue).toEqual({ position: 1, waitMinutes: [1, 4] });
  });

  it("joins, writes, and leaves to the assistant", () => {
    const joined = after(queued, { type: "agent_joined", seq: 3, at, agent: { name: "卓玛" }, text: "…" });
    expect([joined.holder, joined.agent, joined.queue]).toEqual(["agent", "卓玛", undefined]);
    const wrote = after(
      joined,
      { type: "agent_typing" },
      { type: "agent_message", seq: 4, at, agent: { name: "卓玛" }, text: "བཀྲ་ཤིས་བདེ་ལེགས།", language: "bo" },
    );
    expect(wrote.agentTyping).toBe(false);
    const left = after(wrote, { type: "agent_left", seq: 5, at, outcome: "returned", text: "…" });
    expect([left.holder, left.agent]).toEqual(["assistant", undefined]);
  });

  it("whose connection is lost puts the citizen back into the queue, not to the assistant", () => {
    const joined = after(queued, { type: "agent_joined", seq: 3, at, agent: { name: "卓玛" }, text: "…" });
    for (const outcome of ["lost", "requeued", "transferred", "reassigned"] as const) {
      const left = after(joined, { type: "agent_left", seq: 4, at, outcome, text: "…" });
      expect([left.holder, left.agent]).toEqual(["queue", undefined]);
    }
  });

  it("is told about with the range of the wait where there is one", () => {
    const escalated = { type: "escalated", seq: 2, at, reason: "asked", position: 3, text: "…" } as const;
    const told = (wait: { from_minutes: number; to_minutes?: number }) => after(emptyState("zh"), started, { ...escalated, wait }).queue;
    expect(told({ from_minutes: 5, to_minutes: 10 })).toEqual({ position: 3, waitMinutes: [5, 10] });
    expect(told({ from_minutes: 60 })).toEqual({ position: 3, waitMinutes: [60] });
    expect(queued.queue).toEqual({ position: 3 });
  });

  it("who sets the conversation aside still has it, and is back under the same name", () => {
    const joined = after(queued, { type: "agent_joined", seq: 3, at, agent: { name: "卓玛" }, text: "…" });
    const aside = after(joined, { type: "snoozed", seq: 4, at, until: "2026-11-24T01:00:00Z" });
    expect([aside.holder, aside.snoozedUntil]).toEqual(["agent", "2026-11-24T01:00:00Z"]);
    const woken = after(aside, { type: "woken", seq: 5, at, text: "" });
    expect([woken.holder, woken.agent, woken.snoozedUntil]).toEqual(["agent", "卓玛", undefined]);
  });

  it("who writes the notes already is back when the citizen writes once more", () => {
    const joined = after(queued, { type: "agent_joined", seq: 3, at, agent: { name: "卓玛" }, text: "…" });
    const resolved = after(joined, { type: "agent_left", seq: 4, at, outcome: "resolved", text: "…" });
    expect(resolved.holder).toBe("assistant");
    const woken = after(resolved, { type: "woken", seq: 5, at, text: "…" });
    expect([woken.holder, woken.agent]).toEqual(["agent", "卓玛"]);
  });

  it("may take part beside the one who has the conversation", () => {
    const joined = after(queued, { type: "agent_joined", seq: 3, at, agent: { name: "卓玛" }, text: "…" });
    const both = after(joined, { type: "supervisor_joined", seq: 4, at, agent: { name: "次仁" }, text: "…" });
    expect([both.holder, both.agent]).toEqual(["agent", "卓玛"]);
  });
});

describe("a call back", () => {
  const times = { from: "2026-11-23T11:00:00Z", until: "2026-11-24T11:00:00Z" };
  const waiting = after(
    emptyState("zh"),
    started,
    { type: "escalated", seq: 2, at, reason: "asked", position: 3, text: "…" },
    { type: "callback_requested", seq: 3, at, number: "13800138000", ...times, text: "…" },
  );
  const calling = after(waiting, { type: "agent_joined", seq: 4, at, agent: { name: "卓玛" }, text: "…" });

  it("is waited for without a place in the queue", () => {
    expect([waiting.holder, waiting.queue]).toEqual(["callback", undefined]);
    expect(waiting.callback).toEqual({ number: "13800138000", ...times });
    expect(after(waiting, { type: "escalation_cancelled", seq: 4, at, text: "…" }).callback).toBeUndefined();
  });

  it("that did not reach the citizen is waited for again, at the new time", () => {
    const again: [string, string] = ["2026-11-24T01:00:00Z", "2026-11-24T02:00:00Z"];
    const missed = after(calling, { type: "callback_attempted", seq: 5, at, outcome: "no_answer", again, text: "…" });
    expect([missed.holder, missed.agent]).toEqual(["callback", undefined]);
    expect(missed.callback).toEqual({ number: "13800138000", from: again[0], until: again[1] });
  });

  it("that reached the citizen leaves them with the agent", () => {
    const reached = after(calling, { type: "callback_attempted", seq: 5, at, outcome: "reached", text: "…" });
    expect([reached.holder, reached.agent]).toEqual(["agent", "卓玛"]);
  });
});

describe("a matter that is not settled", () => {
  const queued = after(emptyState("zh"), started, { type: "escalated", seq: 2, at, reason: "asked", position: 3, text: "…" });
  const closed = (by: "citizen" | "agent" | "idle" | "abandoned" | "unreachable") => after(queued, { type: "closed", seq: 3, at, by, text: "…" });

  it("can be opened again where a person closed it, and not where the citizen did", () => {
    expect((["agent", "abandoned", "unreachable"] as const).map((by) => canReopen(closed(by)))).toEqual([true, true, true]);
    expect((["citizen", "idle"] as const).map((by) => canReopen(closed(by)))).toEqual([false, false]);
    expect(canReopen(queued)).toBe(false);
  });

  it("is in the queue again at once", () => {
    const reopened = after(closed("agent"), { type: "reopened", seq: 4, at, position: 2, text: "…" });
    expect([reopened.closed, reopened.holder, reopened.queue, canReopen(reopened)]).toEqual([false, "queue", { position: 2 }, false]);
  });

  it("cannot be opened again once the server says that it is too late", () => {
    const late = after(closed("agent"), { type: "error", code: "closed", message: "…", fatal: false, id: "r1" });
    expect([late.closed, canReopen(late), late.error?.code]).toEqual([true, false, "closed"]);
  });

  it("of a citizen who went away keeps the place for their return", () => {
    const away = after(queued, { type: "abandoned", seq: 3, at });
    expect([away.holder, away.queue]).toEqual(["away", undefined]);
    expect(after(away, { type: "reopened", seq: 4, at, position: 1, text: "…" }).queue).toEqual({ position: 1 });
  });
});

it("what only the desk has to know moves nothing but the place in the log", () => {
  const queued = after(emptyState("zh"), started, { type: "escalated", seq: 2, at, reason: "asked", position: 3, text: "…" });
  const later = after(queued, { type: "offered", seq: 3, at }, { type: "offer_ended", seq: 4, at }, { type: "wrapped_up", seq: 5, at });
  expect([later.holder, later.queue, later.lastSeq]).toEqual(["queue", { position: 3 }, 5]);
});

it("the end of the conversation gives up what was still to be sent", () => {
  const busy = { ...after(emptyState("zh"), started), pending: [pending("m1", "…")], turn: { id: "t", phase: "heard" as const } };
  const closed = after(busy, { type: "closed", seq: 2, at, by: "agent", text: "…" });
  expect([closed.closed, closed.pending.length, closed.turn]).toEqual([true, 0, undefined]);
});

it("being taken over by another window does not end the conversation", () => {
  const state = after(emptyState("zh"), started);
  const taken = after(state, { type: "error", code: "closed", message: "…", fatal: true });
  expect([taken.closed, taken.error]).toEqual([false, undefined]);
});

it("an unknown message of a newer server changes nothing", () => {
  const state = emptyState("bo");
  expect(apply(state, { type: "weather" } as unknown as ServerMessage)).toBe(state);
});
