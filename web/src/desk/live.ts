/** The desk's live socket: comes back by itself, beats, and watches again what was watched. */
import { backoffDelay } from "../core/backoff";
import type { DeskClientMessage, DeskServerMessage } from "../protocol";

/** Without one for 60 s the server gives the agent's conversations back to the queue. */
const HEARTBEAT_MS = 20_000;
export const LOST_AFTER_SECONDS = 60;

type Wire = Pick<WebSocket, "send" | "close" | "readyState"> & {
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
};

export interface LiveOptions {
  open: () => Wire;
  random: () => number;
  onMessage: (message: DeskServerMessage) => void;
  /** `false`: broken, and since when is for the listener to remember. */
  onConnected: (connected: boolean) => void;
  /** The server closed the door for good (logged out, policy). */
  onRefused: () => void;
}

export class Live {
  private wire: Wire | undefined;
  private watched: ReadonlySet<string> = new Set();
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private beat: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly options: LiveOptions) {}

  connect(): void {
    this.close();
    const wire = this.options.open();
    this.wire = wire;
    wire.onopen = () => {
      this.attempt = 0;
      this.post({ type: "heartbeat" });
      for (const conversation of this.watched) this.post({ type: "watch", conversation });
      this.beat = setInterval(() => this.post({ type: "heartbeat" }), HEARTBEAT_MS);
      this.options.onConnected(true);
    };
    wire.onmessage = (event) => {
      if (typeof event.data === "string") this.options.onMessage(JSON.parse(event.data) as DeskServerMessage);
    };
    wire.onclose = (event) => {
      if (this.wire !== wire) return;
      this.close();
      this.options.onConnected(false);
      if (event.code === 1008) {
        this.options.onRefused();
        return;
      }
      this.retry = setTimeout(() => this.connect(), backoffDelay(this.attempt, this.options.random()));
      this.attempt += 1;
    };
  }

  /** Tries now where a reconnection was still waiting. */
  nudge(): void {
    if (this.wire === undefined && this.retry !== undefined) this.connect();
  }

  close(): void {
    clearTimeout(this.retry);
    clearInterval(this.beat);
    this.retry = undefined;
    const wire = this.wire;
    this.wire = undefined;
    if (wire === undefined) return;
    wire.onopen = wire.onmessage = wire.onclose = null;
    wire.close();
  }

  /** Follows exactly these conversations, besides those that the agent has. */
  watch(conversations: Iterable<string>): void {
    const wanted = new Set(conversations);
    for (const conversation of this.watched) if (!wanted.has(conversation)) this.post({ type: "unwatch", conversation });
    for (const conversation of wanted) if (!this.watched.has(conversation)) this.post({ type: "watch", conversation });
    this.watched = wanted;
  }

  typing(conversation: string): void {
    this.post({ type: "typing", conversation });
  }

  private post(message: DeskClientMessage): void {
    if (this.wire?.readyState === 1) this.wire.send(JSON.stringify(message));
  }
}

export function openLiveWire(): Wire {
  const scheme = window.location.protocol === "https:" ? "wss" : "ws";
  return new WebSocket(`${scheme}://${window.location.host}/v1/desk/live`);
}
