/** The desk's HTTP calls, as docs/protocol.md lists them. */
import type { CannedReply, Candidate, Colleague, DeskConversation, DeskQueue, DeskSession, HttpError, Language, LoggedOut, LoginWays, Presence, SoundRef, TextRead, Waiting } from "../protocol";

/** A refused or failed request. `status` 0: the server was not reached. */
export class DeskError extends Error {
  constructor(
    readonly status: number,
    /** The server's own short name of the reason; its words are English and for logs. */
    readonly code: string,
    message: string,
    /** Who was faster, where a claim was lost. */
    readonly winner?: string,
  ) {
    super(message);
  }
}

/** What can be done with a conversation besides claiming it, writing, and giving it back. */
export type Act = "accept" | "decline" | "transfer" | "snooze" | "wake" | "resolve" | "wrap-up" | "called" | "reassign" | "join" | "depart";

export class DeskApi {
  private csrf = "";

  /** @throws DeskError with the code `second_factor` where the password is right and the second factor's code is missing */
  async login(name: string, password: string, code?: string): Promise<DeskSession> {
    return this.entered(await this.call<DeskSession>("POST", "/login", code === undefined ? { name, password } : { name, password, code }));
  }

  loginWays(): Promise<LoginWays> {
    return this.call("GET", "/login");
  }

  /** Ends all sessions, and begins a new one here. */
  async changePassword(current: string, chosen: string): Promise<DeskSession> {
    return this.entered(await this.call<DeskSession>("POST", "/password", { current, new: chosen }));
  }

  beginTotp(password: string): Promise<{ secret: string; uri: string }> {
    return this.call("POST", "/totp", { password });
  }

  async confirmTotp(code: string): Promise<string[]> {
    return (await this.call<{ recovery_codes: string[] }>("POST", "/totp/confirm", { code })).recovery_codes;
  }

  async me(): Promise<DeskSession> {
    return this.entered(await this.call<DeskSession>("GET", "/me"));
  }

  logout(): Promise<LoggedOut | undefined> {
    return this.call("POST", "/logout", {});
  }

  queue(): Promise<DeskQueue> {
    return this.call("GET", "/queue");
  }

  conversation(id: string): Promise<DeskConversation> {
    return this.call("GET", `/conversations/${encodeURIComponent(id)}`);
  }

  /** The conversation that a telephone call is, by the id that the PBX knows the call by. */
  callsConversation(call: string): Promise<DeskConversation> {
    return this.request("GET", `/v1/handoffs/${encodeURIComponent(call)}`);
  }

  /** Has the server dial the citizen who wants to be called back; `extension`: the agent's telephone, which gets the call then. */
  dial(conversation: string, extension: string): Promise<void> {
    return this.act(conversation, "call", extension === "" ? {} : { extension });
  }

  /** @throws DeskError with `winner` where somebody else was faster (409) */
  claim(id: string): Promise<void> {
    return this.act(id, "claim", {});
  }

  /** The same `id` is taken once, however often it is sent. `sound`: what was spoken, by its id; `text` may be empty then. */
  message(conversation: string, id: string, text: string, sound?: string): Promise<{ seq: number }> {
    return this.act(conversation, "messages", sound === undefined ? { id, text } : { id, text, sound });
  }

  /** Keeps a reply that was spoken, to be sent by naming it. */
  keepSound(conversation: string, file: Blob): Promise<SoundRef> {
    return this.act(conversation, "sounds", file);
  }

  dropSound(conversation: string, sound: string): Promise<void> {
    return this.act(conversation, `sounds/${sound}/remove`, {});
  }

  finish(conversation: string, how: "resolve" | "return" | "requeue", note: string): Promise<void> {
    return this.act(conversation, how, how === "resolve" || note === "" ? {} : { note });
  }

  /** Does `act` of docs/protocol.md with a conversation. */
  perform(conversation: string, act: Act, body: object): Promise<void> {
    return this.act(conversation, act, body);
  }

  setPresence(presence: Presence): Promise<void> {
    return this.call("POST", "/presence", { presence });
  }

  colleagues(): Promise<Colleague[]> {
    return this.call("GET", "/colleagues");
  }

  /** All that somebody has; for supervisors. */
  held(): Promise<Waiting[]> {
    return this.call("GET", "/escalations?held=true");
  }

  replies(): Promise<CannedReply[]> {
    return this.call<{ replies: CannedReply[] }>("GET", "/replies").then(({ replies }) => replies);
  }

  /** How the words of `language` in a text sound, and what the glossary has of them. */
  reading(text: string, language: Language): Promise<TextRead> {
    return this.call("POST", "/reading", { text, language });
  }

  /** Offers what an agent wrote to those who keep the knowledge base. */
  propose(conversation: string, what: { answer_seq: number; question_seq?: number; note?: string }): Promise<{ id: string }> {
    return this.act(conversation, "propose", what);
  }

  async answers(query: string, language: Language): Promise<Candidate[]> {
    const search = new URLSearchParams({ q: query, language });
    return (await this.call<{ candidates: Candidate[] }>("GET", `/answers?${search.toString()}`)).candidates;
  }

  private act<T>(conversation: string, act: string, body: object): Promise<T> {
    return this.call("POST", `/conversations/${encodeURIComponent(conversation)}/${act}`, body);
  }

  private entered(session: DeskSession): DeskSession {
    this.csrf = session.csrf;
    return session;
  }

  protected call<T>(method: string, path: string, body?: object): Promise<T> {
    return this.request(method, `/v1/desk${path}`, body);
  }

  protected async request<T>(method: string, path: string, body?: object): Promise<T> {
    const headers: Record<string, string> = { "X-Drilen-CSRF": this.csrf };
    const request: RequestInit = { method, headers, credentials: "same-origin" };
    if (body instanceof Blob) request.body = body;
    else if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(body);
    }
    const reply = await fetch(path, request).catch(() => undefined);
    if (reply === undefined) throw new DeskError(0, "unreachable", "");
    const value: unknown = await reply.json().catch(() => undefined);
    if (reply.ok) return value as T;
    const refusal = value as (Partial<HttpError> & { winner?: string }) | undefined;
    throw new DeskError(reply.status, refusal?.error?.code ?? "", refusal?.error?.message ?? "", refusal?.winner);
  }
}
