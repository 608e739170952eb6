// The agents' side of the stand-in.
import { randomUUID } from "node:crypto";
import { candidates } from "./mock-conversation.mjs";

export class MockDesk {
  constructor(world, agents) {
    this.world = world;
    this.agents = agents;
    this.sessions = new Map();
    this.sockets = new Set();
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
    };
  }

  queueFor(agent) {
    const all = [...this.world.conversations.values()];
    return {
      waiting: this.world.waiting().map((c) => ({ ...this.row(c), claimed_at: undefined })),
      mine: all.filter((c) => c.status === "agent" && c.holder === agent.name).map((c) => this.row(c)),
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
    const [, id, act] = /^\/conversations\/([\w-]+)(?:\/(\w+))?$/.exec(path) ?? [];
    const conversation = this.world.conversations.get(id);
    if (!conversation) return { status: 404, body: { error: { code: "not_found", message: "没有这个对话" } } };
    if (!act) {
      const { language, voice, status, holder, events } = conversation;
      return { status: 200, body: { conversation: id, language, voice, status, holder: holder && { id: holder, name: holder }, events } };
    }
    return this.act(conversation, act, session.agent, body);
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
      if (conversation.status !== "queued") return { status: 409, body: { winner: conversation.holder ?? "?" } };
      Object.assign(conversation, { status: "agent", holder: agent.name, claimedAt: new Date().toISOString() });
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
