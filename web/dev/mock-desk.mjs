// The agents' side of the stand-in.
import { randomUUID } from "node:crypto";
import { candidates, MockConversation } from "./mock-conversation.mjs";

const ASSIGNED = "assigned";

const REPLIES = [
  { id: "wait", version: 0, sample: true, shortcut: "wait", name: { zh: "请稍等", bo: "ཏོག་ཙམ་སྒུག" }, text: { zh: "请稍等，我查一下。", bo: "ཏོག་ཙམ་སྒུག་རོགས།" } },
  { id: "office", version: 1, name: { zh: "请到窗口" }, text: { zh: "请到{office}办理。" } },
];

export class MockDesk {
  constructor(world, agents) {
    this.world = world;
    this.agents = agents;
    this.sessions = new Map();
    this.sockets = new Set();
    /** Conversations by the ids of the calls that they are. */
    this.calls = new Map();
    /** Whether citizens can be called from the desk; how a call that is made goes, and when. */
    this.dials = true;
    this.answers = { outcome: "reached", after: 1500 };
  }

  /** A telephone call that has ended with the wish to be called back. */
  telephone(call, language, said) {
    const conversation = new MockConversation(this.world, { language, voice: true });
    this.world.conversations.set(conversation.id, conversation);
    this.calls.set(call, conversation);
    const now = Date.now();
    const callback = { number: "13800138000", from: new Date(now).toISOString(), until: new Date(now + 86_400_000).toISOString(), attempts: [] };
    conversation.event("started", { conversation: conversation.id, language, channel: "telephone" });
    conversation.event("citizen_message", { id: "said-1", text: said, source: "voice", language, dictation: false });
    conversation.event("escalated", { reason: "asked", position: 1, text: conversation.words.escalated });
    conversation.event("call", { happened: "transfer_failed", code: 486 });
    conversation.event("callback_requested", { number: callback.number, from: callback.from, until: callback.until, text: "…" });
    conversation.event("call", { happened: "ended" });
    Object.assign(conversation, { status: "callback", callback, since: new Date(now).toISOString(), reason: "asked" });
    this.world.queueChanged();
    return conversation;
  }

  agentOf(request) {
    const cookie = /drilen_desk=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1];
    return this.sessions.get(cookie);
  }

  row(conversation) {
    const said = conversation.events.filter((e) => e.type === "citizen_message").at(-1);
    return {
      escalation: `e-${conversation.id}`, conversation: conversation.id, language: conversation.language, reason: conversation.reason, since: conversation.since,
      position: this.world.waiting().indexOf(conversation) + 1, voice: conversation.voice, preview: said?.text ?? "", claimed_at: conversation.claimedAt,
      status: conversation.status, priority: "normal", ...(conversation.callback && { callback: { ...conversation.callback, number: "****8000" } }),
    };
  }

  queueFor(agent) {
    const all = [...this.world.conversations.values()];
    return {
      waiting: this.world.waiting().map((c) => ({ ...this.row(c), claimed_at: undefined })),
      mine: all.filter((c) => c.status === ASSIGNED && c.holder === agent.name).map((c) => this.row(c)),
      callbacks: all.filter((c) => c.status === "callback").map((c) => this.row(c)),
    };
  }

  changed() {
    for (const { socket, session } of this.sockets) socket.send(JSON.stringify({ type: "queue", ...this.queueFor(session.agent) }));
  }

  event(conversation, event) {
    for (const { socket, session, watched } of this.sockets) {
      if (conversation.holder === session.agent.name || watched.has(conversation.id))
        socket.send(JSON.stringify({ type: "event", conversation: conversation.id, event }));
    }
  }

  attach(socket, session) {
    const one = { socket, session, watched: new Set() };
    this.sockets.add(one);
    socket.send(JSON.stringify({ type: "queue", ...this.queueFor(session.agent) }));
    socket.on("message", (data) => {
      const message = JSON.parse(data.toString());
      if (message.type === "watch") one.watched.add(message.conversation);
      if (message.type === "unwatch") one.watched.delete(message.conversation);
      if (message.type === "typing") this.world.conversations.get(message.conversation)?.signal({ type: "agent_typing" });
    });
    socket.on("close", () => this.sockets.delete(one));
  }

  /** @returns {{status: number, body?: unknown, cookie?: string}} */
  handle(request, path, url, body) {
    if (path === "/login") return request.method === "GET" ? { status: 200, body: {} } : this.login(body);
    const session = this.agentOf(request);
    if (!session) return { status: 401, body: { error: { code: "not_logged_in", message: "请先登录" } } };
    if (request.method === "POST" && request.headers["x-drilen-csrf"] !== session.csrf)
      return { status: 403, body: { error: { code: "csrf", message: "csrf" } } };
    if (path === "/me") return { status: 200, body: session };
    if (path === "/logout") return { status: 204, cookie: "drilen_desk=; Max-Age=0; Path=/" };
    if (path === "/queue") return { status: 200, body: this.queueFor(session.agent) };
    if (path === "/answers")
      return { status: 200, body: { candidates: candidates(this.world.entries, url.searchParams.get("q") ?? "", url.searchParams.get("language") ?? "zh").slice(0, 5) } };
    if (path === "/colleagues") {
      const colleague = ({ id, name }) => ({ agent: { id, name }, languages: ["bo", "zh"], skills: [], presence: "busy", capacity: 100, load: 0, there: true });
      return { status: 200, body: this.agents.map(colleague) };
    }
    if (path === "/replies") return { status: 200, body: { replies: REPLIES } };
    // Nothing is understood here: every run of letters is its own sound.
    if (path === "/reading") {
      const words = (body.text.match(body.language === "bo" ? /[\u0f40-\u0fbc\u0f0b]+/g : /\p{Script=Han}+/gu) ?? []).map((text) => ({ text, sound: "…" }));
      return { status: 200, body: { words, glossary: [] } };
    }
    if (path === "/presence") return { status: 200, body: {} };
    const [, id, act] = /^\/conversations\/([\w-]+)(?:\/(\w+))?$/.exec(path) ?? [];
    const conversation = this.world.conversations.get(id);
    if (!conversation) return { status: 404, body: { error: { code: "not_found", message: "没有这个对话" } } };
    if (!act) return { status: 200, body: this.view(conversation, session.agent) };
    return this.act(conversation, act, session.agent, body);
  }

  /** `GET /v1/handoffs/{call}` */
  handoff(request, call) {
    const session = this.agentOf(request);
    if (!session) return { status: 401, body: { error: { code: "unauthorized", message: "log in first" } } };
    const conversation = this.calls.get(call);
    if (!conversation) return { status: 404, body: { error: { code: "not_found", message: "there is no such call" } } };
    return { status: 200, body: { call, ...this.view(conversation, session.agent) } };
  }

  view({ id, language, voice, status, holder, callback, events }, agent) {
    const own = callback && holder === agent.name ? { callback } : {};
    return { conversation: id, language, voice, status, holder: holder && { id: holder, name: holder }, events, ...own };
  }

  /** What the server's call of a citizen comes to. */
  settle(conversation, agent) {
    if (conversation.holder !== agent.name) return;
    const { outcome } = this.answers;
    conversation.event("call", { happened: outcome === "reached" ? "answered" : "not_answered" });
    this.attempted(conversation, agent, outcome);
  }

  attempted(conversation, agent, outcome) {
    conversation.callback.attempts.push({ at: new Date().toISOString(), agent: agent.name, outcome });
    conversation.event("callback_attempted", { outcome, text: "…" });
    if (outcome !== "reached") Object.assign(conversation, { status: "callback", holder: undefined });
    this.world.queueChanged();
  }

  login({ name, password }) {
    const agent = this.agents.find((a) => a.name === name && a.password === password);
    if (!agent) return { status: 401, body: { error: { code: "wrong", message: "用户名或密码不对" } } };
    const key = randomUUID();
    const account = { name: agent.name, roles: ["agent"], permissions: ["serve_citizens"], has_password: true, has_totp: false };
    const session = { agent: { id: agent.id, name: agent.name, languages: ["bo", "zh"] }, account, csrf: randomUUID() };
    this.sessions.set(key, session);
    return { status: 200, body: session, cookie: `drilen_desk=${key}; HttpOnly; SameSite=Strict; Path=/` };
  }

  act(conversation, act, agent, body) {
    if (act === "claim") {
      if (!["queued", "callback"].includes(conversation.status)) return { status: 409, body: { winner: conversation.holder ?? "?" } };
      Object.assign(conversation, { status: ASSIGNED, holder: agent.name, claimedAt: new Date().toISOString() });
      conversation.event("agent_joined", { agent: { name: agent.name }, text: conversation.words.joined(agent.name) });
      this.world.queueChanged();
      return { status: 200, body: {} };
    }
    if (conversation.holder !== agent.name) return { status: 409, body: { winner: conversation.holder ?? "?" } };
    if (act === "messages") {
      const known = conversation.accepted.get(body.id);
      if (known) return { status: 200, body: { seq: known } };
      const event = conversation.event("agent_message", { agent: { name: agent.name }, text: body.text, language: /[\u0f40-\u0fbc]/.test(body.text) ? "bo" : "zh" });
      conversation.accepted.set(body.id, event.seq);
      conversation.speak(event, body.text);
      return { status: 200, body: { seq: event.seq } };
    }
    if (act === "call") {
      if (!this.dials) return { status: 422, body: { error: { code: "invalid", message: "this server does not dial; the operator can set telephone.callback" } } };
      setTimeout(() => this.settle(conversation, agent), this.answers.after);
      return { status: 200, body: {} };
    }
    if (act === "called") {
      this.attempted(conversation, agent, body.outcome);
      return { status: 200, body: {} };
    }
    const outcome = { resolve: "resolved", return: "returned", requeue: "requeued" }[act];
    if (!outcome) return { status: 404, body: { error: { code: "not_found", message: act } } };
    conversation.event("agent_left", { outcome, text: conversation.words[outcome] ?? conversation.words.lost });
    conversation.holder = undefined;
    conversation.status = { resolve: "closed", return: "bot", requeue: "queued" }[act];
    if (act === "resolve") conversation.event("closed", { by: "agent", text: conversation.words.closed });
    this.world.queueChanged();
    return { status: 200, body: {} };
  }
}
