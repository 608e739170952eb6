import { afterEach, describe, expect, it, vi } from "vitest";
import { DeskApi } from "../../src/desk/api";
import { asideUntil, callOf, consideredOf, hasArrived, isCallSettled, isExtension, isTakingPart, lastQuestion, newlyOffered, newlyWaiting, offersTo, owedSince, questionBefore, secondsSince, withEvent, withdrawnPlaces } from "../../src/desk/transcript";
import type { DeskQueue, ServerEvent, Waiting } from "../../src/protocol";

afterEach(() => vi.unstubAllGlobals());

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

describe("a call of a citizen", () => {
  const escalated: ServerEvent = { type: "escalated", seq: 3, at, reason: "asked", position: 1, text: "…" };
  const hungUp: ServerEvent = { type: "call", seq: 4, at, happened: "hung_up" };

  it("is under way until the log says what came of it, and what happened to earlier calls does not count", () => {
    expect(isCallSettled([escalated, hungUp], 4)).toBe(false);
    expect(isCallSettled([escalated, hungUp, message(5, "…")], 4)).toBe(false);
    expect(isCallSettled([hungUp, { type: "call", seq: 5, at, happened: "answered" }], 4)).toBe(true);
    expect(isCallSettled([hungUp, { type: "callback_attempted", seq: 5, at, outcome: "busy", text: "…" }], 4)).toBe(true);
  });

  it("is over for an agent who has let go of the conversation", () => {
    expect(isCallSettled([hungUp, { type: "agent_left", seq: 5, at, outcome: "requeued", text: "…" }], 4)).toBe(true);
    expect(isCallSettled([hungUp, { type: "closed", seq: 5, at, by: "agent", text: "…" }], 4)).toBe(true);
  });

  it("goes to an extension or a SIP URI, which can end no header", () => {
    for (const good of ["8001", "sip:dolma@pbx.example;transport=tcp", "#5*"]) expect(isExtension(good), good).toBe(true);
    for (const bad of ["", "80 01", "八零零一", "<sip:a@b>", '"8001"', "8001\r\nX: y", "1".repeat(129)]) expect(isExtension(bad), bad).toBe(false);
  });
});

describe("the desk that a telephone opens", () => {
  it("knows the call by its id, whatever signs the PBX puts into it", () => {
    expect(callOf("?call=1795446755.13")).toBe("1795446755.13");
    expect(callOf("?lang=bo&call=a%2Fb%3Fc%26d%40pbx")).toBe("a/b?c&d@pbx");
    expect(callOf("?call=")).toBeUndefined();
    expect(callOf("?login=no_role")).toBeUndefined();
  });

  it("asks for the call's conversation by that id, which may need escapes", async () => {
    const asked = stubFetch(200, { conversation: "c-1" });
    expect((await new DeskApi().callsConversation("a/b?c&d@pbx")).conversation).toBe("c-1");
    expect(asked).toEqual([["/v1/handoffs/a%2Fb%3Fc%26d%40pbx", "GET", undefined]]);
  });

  it("has a citizen called with the agent's telephone, or without one", async () => {
    const asked = stubFetch(200, {});
    await new DeskApi().dial("c-1", "8001");
    await new DeskApi().dial("c-1", "");
    expect(asked).toEqual([
      ["/v1/desk/conversations/c-1/call", "POST", '{"extension":"8001"}'],
      ["/v1/desk/conversations/c-1/call", "POST", "{}"],
    ]);
  });

  it("is told why a server does not dial", async () => {
    stubFetch(422, { error: { code: "invalid", message: "this server does not dial" } });
    await expect(new DeskApi().dial("c-1", "")).rejects.toMatchObject({ status: 422, code: "invalid", message: "this server does not dial" });
  });
});

/** Every request of a test gets this answer; what was asked: path, method, body. */
function stubFetch(status: number, body: object): [string, string | undefined, unknown][] {
  const asked: [string, string | undefined, unknown][] = [];
  vi.stubGlobal("fetch", (path: string, request: RequestInit) => {
    asked.push([path, request.method, request.body]);
    return Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
  return asked;
}

it("what is set aside comes back in half an hour, or on the next morning, over the end of a month too", () => {
  const evening = new Date(2026, 10, 30, 18, 20).getTime();
  expect(asideUntil("half_hour", evening)).toBe(new Date(2026, 10, 30, 18, 50).toISOString());
  expect(asideUntil("tomorrow", evening)).toBe(new Date(2026, 11, 1, 9, 0).toISOString());
});

describe("whose turn it is", () => {
  const said = (seq: number, text = "问"): ServerEvent => ({ ...message(seq, text), at: `2026-11-23T10:00:${String(seq).padStart(2, "0")}Z` });
  const agent = (type: "agent_joined" | "agent_message", seq: number): ServerEvent =>
    ({ type, seq, at: `2026-11-23T10:00:${String(seq).padStart(2, "0")}Z`, agent: { id: "a", name: "卓玛" }, text: "好", language: "zh" }) as ServerEvent;

  it("is the agent's from being taken over, from the first message that nobody answered, and not after an answer", () => {
    expect(owedSince([said(1)])).toBe(said(1).at);
    expect(owedSince([said(1), agent("agent_joined", 2)])).toBe(agent("agent_joined", 2).at);
    expect(owedSince([agent("agent_joined", 2), agent("agent_message", 3)])).toBeUndefined();
    expect(owedSince([agent("agent_message", 3), said(4), said(5)])).toBe(said(4).at);
  });

  it("does not count what the citizen took back", () => {
    expect(owedSince([agent("agent_message", 1), said(2), { type: "withdrawn", seq: 3, at, from: 2, to: 2 }])).toBeUndefined();
  });

  it("an answer belongs to what was asked before it", () => {
    const events = [said(1), said(2, ""), said(3, "第二问"), agent("agent_message", 4), said(5)];
    expect(questionBefore(events, 4)).toBe(3);
    expect(questionBefore(events, 1)).toBeUndefined();
  });
});

it("who moves up into a list that does not show all has not come just now", () => {
  const lists = (names: string[], inAll?: number): DeskQueue => ({ waiting: names.map(waiting), mine: [], callbacks: [], ...(inAll !== undefined && { waiting_in_all: inAll }) });
  expect(hasArrived(lists(["a"]), lists(["a", "b"]))).toBe(true);
  expect(hasArrived(lists(["a", "b"]), lists(["b"]))).toBe(false);
  expect(hasArrived(lists(["a", "b"], 5000), lists(["b", "c"], 4999))).toBe(false);
  expect(hasArrived(lists(["a", "b"], 5000), lists(["a", "b"], 5001))).toBe(true);
});
