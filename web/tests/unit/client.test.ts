import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConversationClient, conversationUrl, type Wire } from "../../src/core/client";
import { Keeper, memoryShelf, shelfOr } from "../../src/core/keeper";
import type { ClientMessage, ServerMessage } from "../../src/protocol";

const at = "2026-11-23T10:00:00Z";

/** One connection as the server sees it. */
class FakeWire implements Wire {
  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  binaryType: BinaryType = "blob";
  readyState = 0;
  sent: (ClientMessage | "sound")[] = [];
  send(data: unknown): void {
    this.sent.push(typeof data === "string" ? (JSON.parse(data) as ClientMessage) : "sound");
  }
  close(): void {
    this.readyState = 3;
  }
  accept(): void {
    this.readyState = 1;
    this.onopen?.({} as Event);
  }
  say(...messages: ServerMessage[]): void {
    for (const message of messages) this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }
  drop(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason } as CloseEvent);
  }
  types(): string[] {
    return this.sent.map((m) => (m === "sound" ? "sound" : m.type));
  }
}

const welcome: ServerMessage = {
  type: "welcome",
  conversation: "c1",
  token: "secret",
  protocol: 1,
  limits: { text_characters: 2000, audio_seconds: 1 },
  dictation: false,
  notice: "",
};
const started: ServerMessage = { type: "started", seq: 1, at, conversation: "c1", language: "bo", channel: "portal" };

let wires: FakeWire[];
let tab: ReturnType<typeof memoryShelf>;
let device: ReturnType<typeof memoryShelf>;

function newClient(): ConversationClient {
  let ids = 0;
  return new ConversationClient({
    open: () => {
      const wire = new FakeWire();
      wires.push(wire);
      return wire;
    },
    keeper: new Keeper(tab, device, () => Date.now()),
    newId: () => `id${(ids += 1)}-${wires.length}`,
    random: () => 0,
    audioOut: "opus",
    language: "bo",
    voice: true,
    slow: false,
    onChange: () => undefined,
    onMessage: () => undefined,
    onSound: () => undefined,
  });
}

function wire(n: number): FakeWire {
  const found = wires[n];
  if (found === undefined) throw new Error(`connection ${n} was never opened; there are ${wires.length}`);
  return found;
}

/** A client whose conversation runs on connection 0. */
function talking(): ConversationClient {
  const client = newClient();
  client.send({ type: "text", text: "ང་ལ་ཐོབ་ཐང་ལག་ཁྱེར་ 身份证" });
  wire(0).accept();
  wire(0).say(welcome, started);
  return client;
}

beforeEach(() => {
  vi.useFakeTimers();
  wires = [];
  tab = memoryShelf();
  device = memoryShelf();
});
afterEach(() => vi.useRealTimers());

describe("the connection", () => {
  it("is not opened before the citizen says something", () => {
    newClient();
    expect(wires).toHaveLength(0);
  });

  it("begins with start and sends what was typed before it was there", () => {
    talking();
    expect(wire(0).types()).toEqual(["start", "text"]);
    expect(wire(0).sent[0]).toMatchObject({ protocol: 1, language: "bo", voice: true, audio_out: "opus" });
  });

  it("that breaks is taken up again with the token and the last event, and unaccepted messages are sent again with their ids", () => {
    const client = talking();
    const first = wire(0).sent[1];
    wire(0).drop();
    expect(client.link).toBe("waiting");
    vi.advanceTimersByTime(600);
    wire(1).accept();
    expect(wire(1).sent).toEqual([expect.objectContaining({ type: "resume", token: "secret", last_seq: 1 })]);
    wire(1).say({ type: "resumed", conversation: "c1", last_seq: 1, language: "bo" });
    expect(wire(1).sent[1]).toEqual(first);
  });

  it("sends nothing again that turns out to have arrived", () => {
    const client = talking();
    const sent = wire(0).sent[1] as { id: string };
    wire(0).drop();
    vi.advanceTimersByTime(600);
    wire(1).accept();
    wire(1).say({ type: "resumed", conversation: "c1", last_seq: 2, language: "bo" });
    expect(wire(1).types()).toEqual(["resume"]);
    wire(1).say({ type: "citizen_message", seq: 2, at, id: sent.id, text: "…", source: "text", language: "bo", dictation: true });
    expect(wire(1).types()).toEqual(["resume"]);
    expect(client.link).toBe("open");
    expect(client.state.pending).toHaveLength(0);
  });

  it("waits longer after every failure, and not at all when the phone is on line again", () => {
    const client = talking();
    wire(0).drop();
    vi.advanceTimersByTime(260);
    wire(1).drop();
    vi.advanceTimersByTime(260);
    expect(wires).toHaveLength(2);
    vi.advanceTimersByTime(300);
    wire(2).drop();
    client.nudge();
    expect(wires).toHaveLength(4);
  });

  it("that is silent after a ping is given up and opened anew", () => {
    const client = talking();
    vi.advanceTimersByTime(25_000);
    expect(wire(0).types().at(-1)).toBe("ping");
    wire(0).say({ type: "pong", n: 1 });
    vi.advanceTimersByTime(24_000);
    expect(client.link).toBe("open");
    vi.advanceTimersByTime(14_000);
    expect([client.link, wires.length]).toEqual(["connecting", 2]);
  });

  it("does not fight another window for the conversation", () => {
    const client = talking();
    wire(0).drop(1008, "taken over");
    vi.advanceTimersByTime(120_000);
    expect([client.link, wires.length]).toEqual(["taken", 1]);
    client.nudge();
    expect(wires).toHaveLength(2);
  });

  it("with a missing event is taken up again from the last good one", () => {
    talking();
    wire(0).say({ type: "say", seq: 3, at, text: "…", act: "notice" });
    vi.advanceTimersByTime(600);
    wire(1).accept();
    expect(wire(1).sent[0]).toMatchObject({ type: "resume", last_seq: 1 });
  });

  it("whose token is no longer known begins anew with what the citizen had typed", () => {
    const client = talking();
    wire(0).drop();
    vi.advanceTimersByTime(600);
    wire(1).accept();
    wire(1).say({ type: "error", code: "bad_token", message: "…", fatal: true });
    wire(2).accept();
    wire(2).say({ ...welcome, token: "new" } as ServerMessage);
    expect(wire(2).types()).toEqual(["start", "text"]);
    expect(client.state.items).toHaveLength(0);
  });

  it("keeps a message that came too fast and sends it when the server wants it", () => {
    talking();
    const id = (wire(0).sent[1] as { id: string }).id;
    wire(0).say({ type: "error", code: "too_fast", message: "…", fatal: false, id, retry_after_ms: 1500 });
    vi.advanceTimersByTime(1400);
    expect(wire(0).types()).toEqual(["start", "text"]);
    vi.advanceTimersByTime(200);
    expect(wire(0).types()).toEqual(["start", "text", "text"]);
  });
});

describe("a spoken turn", () => {
  const packet = (): ArrayBuffer => new ArrayBuffer(60);

  it("spoken before the connection is there arrives whole and in order", () => {
    const client = newClient();
    client.beginTurn("opus");
    client.pushAudio(packet());
    client.pushAudio(packet());
    client.endTurn();
    wire(0).accept();
    wire(0).say(welcome, started);
    expect(wire(0).types()).toEqual(["start", "audio_start", "sound", "sound", "commit"]);
  });

  it("cut off by a broken link is sent again with its id", () => {
    const client = talking();
    const id = client.beginTurn("opus");
    client.pushAudio(packet());
    wire(0).drop();
    client.pushAudio(packet());
    client.endTurn();
    vi.advanceTimersByTime(600);
    wire(1).accept();
    wire(1).say({ type: "resumed", conversation: "c1", last_seq: 1, language: "bo" });
    expect(wire(1).types()).toEqual(["resume", "text", "audio_start", "sound", "sound", "commit"]);
    expect(wire(1).sent[2]).toMatchObject({ id });
  });

  it("that the server has understood is not sent again", () => {
    const client = talking();
    const id = client.beginTurn("opus");
    client.pushAudio(packet());
    client.endTurn();
    wire(0).drop();
    vi.advanceTimersByTime(600);
    wire(1).accept();
    wire(1).say(
      { type: "resumed", conversation: "c1", last_seq: 2, language: "bo" },
      { type: "citizen_message", seq: 2, at, id, text: "", source: "voice", language: "bo", dictation: false },
    );
    expect(wire(1).types()).toEqual(["resume", "text"]);
  });

  const ended = (id: string) => ({ type: "speech_ended", id, reason: "silence", speech_ms: 900, listening_ms: 800 }) as const;
  const decided = (id: string) =>
    ({ type: "citizen_message", seq: 2, at, id, text: "", source: "voice", language: "bo", dictation: false }) as const;

  it("goes on sending its sound while the server listens, and tells when nobody goes on", () => {
    const client = talking();
    const id = client.beginTurn("opus");
    client.pushAudio(packet());
    wire(0).say(ended(id), decided(id));
    expect(client.pushAudio(packet())).toBe(true);
    client.endTurn();
    expect(client.pushAudio(packet())).toBe(false);
    expect(wire(0).types()).toEqual(["start", "text", "audio_start", "sound", "sound", "commit"]);
  });

  it("that is gone on with ends like any other", () => {
    const client = talking();
    const id = client.beginTurn("opus");
    wire(0).say(ended(id), decided(id), { type: "speech_resumed", id, at_ms: 2000 });
    expect(client.pushAudio(packet())).toBe(true);
    expect(client.state.turn?.phase).toBe("heard");
    client.endTurn();
    expect(client.state.turn?.phase).toBe("understanding");
    expect(wire(0).types()).toEqual(["start", "text", "audio_start", "sound", "commit"]);
  });

  it("whose beginning is decided is not sent again after the link has broken", () => {
    for (const goesOn of [false, true]) {
      wires.length = 0;
      const client = talking();
      const id = client.beginTurn("opus");
      client.pushAudio(packet());
      wire(0).say(ended(id), decided(id));
      if (goesOn) wire(0).say({ type: "speech_resumed", id, at_ms: 2000 });
      wire(0).drop();
      expect(client.state.turn).toBeUndefined();
      vi.advanceTimersByTime(600);
      wire(1).accept();
      wire(1).say({ type: "resumed", conversation: "c1", last_seq: 2, language: "bo" });
      expect(wire(1).types()).toEqual(["resume", "text"]);
    }
  });

  it("is no longer than the server allows", () => {
    const client = talking();
    client.beginTurn("pcm16");
    const second = new ArrayBuffer(32_000);
    expect(client.pushAudio(second)).toBe(true);
    expect(client.pushAudio(packet())).toBe(false);
  });

  it("taken back by the citizen is cancelled by its id", () => {
    const client = talking();
    const id = client.beginTurn("opus");
    client.dropTurn();
    expect(wire(0).sent.at(-1)).toEqual({ type: "cancel", id });
  });
});

describe("what is kept on the phone", () => {
  it("is enough to take the conversation up after a reload, unsent messages included", () => {
    talking();
    const client = newClient();
    expect(client.resumeKept()).toBe(true);
    wire(1).accept();
    wire(1).say({ type: "resumed", conversation: "c1", last_seq: 1, language: "bo" }, started);
    expect(wire(1).types()).toEqual(["resume", "text"]);
    expect(wire(1).sent[0]).toMatchObject({ token: "secret", last_seq: 0 });
  });

  it("outlives the tab only while somebody waits for a person", () => {
    const keeper = new Keeper(tab, device, () => Date.now());
    talking();
    expect(keeper.waiting()).toBeUndefined();
    wire(0).say({ type: "escalated", seq: 2, at, reason: "asked", position: 1, text: "…" });
    expect(keeper.waiting()).toBe("secret");
    wire(0).say({ type: "escalation_cancelled", seq: 3, at, text: "…" });
    expect(keeper.waiting()).toBeUndefined();
  });

  it("is gone when the conversation is closed or the citizen clears it", () => {
    talking();
    wire(0).say({ type: "closed", seq: 2, at, by: "idle", text: "…" });
    expect(newClient().resumeKept()).toBe(false);
    const client = newClient();
    client.send({ type: "person" });
    wire(1).accept();
    wire(1).say(welcome, started);
    client.startOver();
    expect(wire(1).types().at(-1)).toBe("close");
    expect(newClient().resumeKept()).toBe(false);
  });

  it("is forgotten after the 24 hours in which the server would resume it", () => {
    let now = 0;
    const keeper = new Keeper(tab, device, () => now);
    keeper.keep({ token: "secret", pending: [] }, true);
    now = 25 * 3600 * 1000;
    expect(keeper.waiting()).toBeUndefined();
  });
});

it("words typed after the end begin a new conversation", () => {
  const client = talking();
  wire(0).say({ type: "closed", seq: 2, at, by: "agent", text: "…" });
  client.send({ type: "text", text: "还有一个问题" });
  wire(1).accept();
  wire(1).say(welcome);
  expect(wire(1).types()).toEqual(["start", "text"]);
});

describe("a matter that is not settled", () => {
  const closed = { type: "closed", seq: 2, at, by: "agent", text: "…" } as const;

  it("is opened again on a new connection, with the token that only this page still has", () => {
    const client = talking();
    wire(0).say({ type: "accepted", id: "id1-0" }, closed);
    wire(0).drop(1000);
    expect([client.link, newClient().resumeKept()]).toEqual(["idle", false]);
    client.reopen();
    client.reopen();
    wire(1).accept();
    wire(1).say({ type: "resumed", conversation: "c1", last_seq: 2, language: "bo" });
    expect(wire(1).types()).toEqual(["resume", "reopen"]);
    wire(1).say({ type: "reopened", seq: 3, at, position: 1, text: "…" });
    expect([client.state.closed, client.state.holder, newClient().resumeKept()]).toEqual([false, "queue", true]);
  });

  it("goes on although the connection of its old end closes afterwards", () => {
    const client = talking();
    wire(0).say(closed);
    client.reopen();
    const { id } = wire(0).sent.at(-1) as { id: string };
    wire(0).say({ type: "accepted", id, seq: 3 }, { type: "reopened", seq: 3, at, position: 1, text: "…" });
    wire(0).drop(1000);
    expect(client.link).toBe("waiting");
  });

  it("can be rated when it is over, by whomever it was ended, on a new connection", () => {
    const client = talking();
    wire(0).say({ type: "accepted", id: "id1-0" }, { ...closed, by: "citizen" });
    wire(0).drop(1000);
    expect([client.link, newClient().resumeKept()]).toEqual(["idle", false]);
    client.rate(1, true);
    wire(1).accept();
    wire(1).say({ type: "resumed", conversation: "c1", last_seq: 2, language: "bo" });
    expect(wire(1).types()).toEqual(["resume", "rate"]);
    const { id } = wire(1).sent.at(-1) as { id: string };
    wire(1).say({ type: "rated", seq: 3, at, of: 1, helpful: true }, { type: "accepted", id, seq: 3 });
    expect([client.state.closed, client.state.ratings[1], client.state.pending]).toEqual([true, true, []]);
    wire(1).drop(1000);
    expect(client.link).toBe("idle");
  });

  it("is rated although it is closed before the server has the rating", () => {
    const client = talking();
    wire(0).say({ type: "accepted", id: "id1-0" });
    client.rate(1, false);
    wire(0).say(closed);
    wire(0).drop(1000);
    expect(client.state.pending.map(({ message }) => message.type)).toEqual(["rate"]);
    expect(client.link).toBe("waiting");
  });

  it("that the citizen ended themselves is not opened again", () => {
    const client = talking();
    wire(0).say({ ...closed, by: "citizen" });
    wire(0).drop(1000);
    client.reopen();
    expect([client.state.pending.length, wires.length]).toEqual([0, 1]);
  });
});

it("the language of a running conversation is asked for, that of the next one only remembered", () => {
  const client = newClient();
  client.setLanguage("zh");
  expect([client.state.language, wires.length]).toEqual(["zh", 0]);
  client.send({ type: "text", text: "你好" });
  wire(0).accept();
  expect(wire(0).sent[0]).toMatchObject({ type: "start", language: "zh" });
  wire(0).say(welcome, { ...started, language: "zh" } as ServerMessage);
  client.setLanguage("bo");
  expect(wire(0).sent.at(-1)).toMatchObject({ type: "language", language: "bo" });
});

it("the address follows the page's own, with TLS where the page has it", () => {
  expect(conversationUrl({ protocol: "https:", host: "ask.example" })).toBe("wss://ask.example/v1/conversation");
  expect(conversationUrl({ protocol: "http:", host: "127.0.0.1:8080" })).toBe("ws://127.0.0.1:8080/v1/conversation");
});

describe("what a browser keeps", () => {
  const kept = { token: "t", pending: [] };
  const own = () => {
    const { getItem, setItem, removeItem } = memoryShelf();
    return { getItem, setItem, removeItem };
  };

  it("is told to whoever asks, and only where it is not as it should be", () => {
    const told: string[] = [];
    new Keeper(own(), own(), () => 0, (storing) => told.push(storing)).keep(kept, false);
    expect(told).toEqual(["kept"]);
  });

  it("is memory where it forbids storage, also when it only refuses to be used", () => {
    for (const pick of [
      () => {
        throw new DOMException("insecure", "SecurityError");
      },
      () => ({
        ...own(),
        getItem: () => {
          throw new DOMException("insecure", "SecurityError");
        },
      }),
    ]) {
      const told: string[] = [];
      const keeper = new Keeper(shelfOr(pick as unknown as () => Storage), own(), () => 0, (storing) => told.push(storing));
      keeper.keep(kept, false);
      expect([told, keeper.conversation()]).toEqual([["memory", "memory"], kept]);
    }
  });

  it("is nothing where the phone is full, and the conversation goes on", () => {
    const told: string[] = [];
    const full = {
      ...own(),
      setItem: () => {
        throw new DOMException("full", "QuotaExceededError");
      },
    };
    const keeper = new Keeper(full, own(), () => 0, (storing) => told.push(storing));
    keeper.keep(kept, false);
    expect([told, keeper.conversation()]).toEqual([["full"], undefined]);
  });
});
