// The citizen's side of the stand-in: one conversation as an event log, with a crude matcher instead of an assistant.
import { randomUUID } from "node:crypto";

const SAY = {
  zh: {
    welcome: "这是开发用的模拟服务。", notUnderstood: "我没有听懂，请换个说法再说一次。", notHeard: "没有听清，请再说一遍。",
    clarify: "您想问的是哪一个？", confirm: "您问的是这个吗？", escalated: "正在为您转接工作人员。", cancelled: "好的，不转人工了。您可以继续问我。",
    joined: (n) => `工作人员${n}来了。`, resolved: "这个问题已经办好，对话结束。", returned: "工作人员已离开，我来继续为您服务。", lost: "工作人员断线了，正在重新为您转接。",
    closed: "对话结束，谢谢。", emergency: "如果有人受伤或有危险，请马上打电话：急救 120，火警 119，报警 110。", changed: "好的，我说中文。",
  },
  bo: {
    welcome: "འདི་གསར་སྤེལ་གྱི་ཚོད་ལྟའི་ཞབས་ཞུ་ཡིན།", notUnderstood: "ངས་ཧ་གོ་མ་སོང་། གཞན་འདྲ་ཞིག་གསུངས་རོགས།", notHeard: "གསལ་པོ་གོ་མ་སོང་། ཡང་བསྐྱར་གསུངས་རོགས།",
    clarify: "ཁྱེད་ཀྱིས་གང་འདྲི་བཞིན་ཡོད།", confirm: "ཁྱེད་ཀྱིས་འདི་འདྲི་བཞིན་ཡོད་དམ།", escalated: "ལས་བྱེད་པ་ཞིག་ལ་མཐུད་བཞིན་ཡོད།", cancelled: "ལགས་སོ། ང་ལ་མུ་མཐུད་འདྲི་རོགས།",
    joined: (n) => `ལས་བྱེད་པ་ ${n} ཕེབས་སོང་།`, resolved: "གནད་དོན་འདི་ཐག་གཅོད་ཟིན། ཁ་བརྡ་མཇུག་རྫོགས་སོང་།", returned: "ལས་བྱེད་པ་ཕེབས་སོང་། ངས་མུ་མཐུད་ཞབས་ཞུ་བྱེད་ཆོག", lost: "ལས་བྱེད་པའི་དྲ་བ་ཆད་སོང་། ཡང་བསྐྱར་མཐུད་བཞིན་ཡོད།",
    closed: "ཁ་བརྡ་མཇུག་རྫོགས་སོང་། ཐུགས་རྗེ་ཆེ།", emergency: "མི་ལ་རྨས་སྐྱོན་བྱུང་བའམ་ཉེན་ཁ་ཡོད་ན་ལམ་སེང་ ༡༢༠ དང་ ༡༡༩ ཡང་ན་ ༡༡༠ ལ་ཁ་པར་གཏོང་རོགས།", changed: "ལགས་སོ། ད་བོད་སྐད་བཤད།",
  },
};

/** Share of the query's characters (or syllables) that a question has. */
function likeness(query, text) {
  const parts = (s) => new Set(/[\u0f40-\u0fbc]/.test(s) ? s.split(/[\u0f0b-\u0f14\s]+/).filter(Boolean) : [...s.replace(/[^\p{L}]/gu, "")]);
  const [q, t] = [parts(query), parts(text)];
  let both = 0;
  for (const part of q) if (t.has(part)) both += 1;
  return both / Math.max(1, Math.max(q.size, t.size * 0.7));
}

export function candidates(entries, query, language) {
  return entries
    .filter((e) => e[language])
    .map((e) => ({
      entry: e.id, question: e[language].question, text: e[language].written,
      confidence: Math.min(0.98, Math.max(...[e[language].question, ...(e[language].variants ?? [])].map((v) => likeness(query, v)))),
    }))
    .sort((a, b) => b.confidence - a.confidence);
}

export class MockConversation {
  constructor(world, { language, voice }) {
    this.world = world;
    this.id = randomUUID().slice(0, 8);
    this.token = randomUUID() + randomUUID();
    this.language = language;
    this.voice = voice;
    this.events = [];
    this.accepted = new Map();
    this.socket = undefined;
    this.status = "bot";
    this.holder = undefined;
    this.last = undefined;
    this.audio = 0;
    this.playing = undefined;
  }

  get words() {
    return SAY[this.language];
  }

  signal(message) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  event(type, fields) {
    const event = { type, seq: this.events.length + 1, at: new Date().toISOString(), ...fields };
    this.events.push(event);
    const { considered: _hidden, ...shown } = event;
    this.signal(shown);
    this.world.desk.event(this, event);
    return event;
  }

  begin() {
    this.event("started", { conversation: this.id, language: this.language, channel: "portal" });
  }

  // ------------------------------------------------------------------------------------------- what citizens send

  receive(message) {
    if (message.id && ["text", "choose", "person", "leave_queue", "language", "repeat", "rate", "close"].includes(message.type)) {
      if (this.accepted.has(message.id)) return this.signal({ type: "accepted", id: message.id, seq: this.accepted.get(message.id) });
    }
    const handler = {
      text: () => this.text(message), choose: () => this.choose(message), person: () => this.person(message),
      leave_queue: () => this.leaveQueue(message), language: () => this.changeLanguage(message), voice: () => (this.voice = message.voice),
      repeat: () => this.repeat(message), rate: () => this.accept(message.id, this.event("rated", { of: message.of, rating: message.rating })), audio_start: () => this.audioStart(message), commit: () => this.commit(message.id),
      cancel: () => this.cancel(message), heard: () => undefined, close: () => this.close(message), ping: () => this.signal({ type: "pong", n: message.n }),
    }[message.type];
    if (handler) handler();
    else this.signal({ type: "error", code: "unknown_type", message: "unknown type", fatal: false });
  }

  accept(id, event) {
    this.accepted.set(id, event?.seq);
    this.signal({ type: "accepted", id, seq: event?.seq });
  }

  text({ id, text }) {
    const said = this.event("citizen_message", { id, text, source: "text", language: /[\u0f40-\u0fbc]/.test(text) ? "bo" : this.language, dictation: true });
    this.accept(id, said);
    if (this.status === "bot") this.understand(text, said.seq, id, false);
  }

  understand(text, replyTo, id, spoken) {
    this.signal({ type: "thinking", id });
    setTimeout(() => {
      if (/着火|救命|མེ་བརྒྱབ/.test(text)) return this.say("emergency", this.words.emergency, replyTo);
      const found = candidates(this.world.entries, text, this.language).slice(0, 3);
      const considered = found.map(({ entry, question, confidence }) => ({ entry, question, confidence }));
      const best = found[0];
      if (best && best.confidence > 0.72 && !(spoken && this.language === "bo")) return this.answer(best.entry, replyTo, best.confidence, considered);
      if (best && best.confidence > (spoken ? 0 : 0.15)) {
        const confirm = spoken || best.confidence > 0.6;
        const choices = considered.slice(0, confirm ? 1 : 3).map(({ entry, question }) => ({ entry, question }));
        this.last = this.event("clarify", { reply_to: replyTo, prompt: confirm ? this.words.confirm : this.words.clarify, choices, confirm, considered });
        return this.speak(this.last, this.last.prompt);
      }
      this.say("not_understood", this.words.notUnderstood, replyTo, considered);
    }, this.world.delay);
  }

  answer(entryId, replyTo, confidence, considered) {
    const entry = this.world.entries.find((e) => e.id === entryId);
    const text = entry[this.language];
    const links = (entry.links ?? []).map((l) => ({ label: l.label[this.language], url: l.url }));
    this.last = this.event("answer", {
      reply_to: replyTo, entry: entry.id, revision: 1, language: this.language, question: text.question, text: text.written, spoken: text.spoken,
      steps: text.steps ?? [], documents: text.documents ?? [], links, office: entry.office?.[this.language], confidence, sample: true,
      awaiting_review: this.language === "bo", considered,
    });
    this.speak(this.last, text.spoken);
  }

  say(act, text, replyTo, considered) {
    this.last = this.event("say", { act, text, reply_to: replyTo, considered });
    this.speak(this.last, text);
  }

  choose({ id, clarify_seq, choice }) {
    const clarify = this.events.find((e) => e.seq === clarify_seq);
    const picked = clarify?.choices[choice - 1];
    const said = this.event("citizen_message", { id, text: picked?.question ?? (this.language === "bo" ? "འདི་ཚོ་གང་ཡང་མ་རེད།" : "都不是"), source: "choice", language: this.language, dictation: true });
    this.accept(id, said);
    if (picked) this.answer(picked.entry, said.seq, 0.9, clarify.considered);
    else this.say("not_understood", this.words.notUnderstood, said.seq);
  }

  person({ id }) {
    if (this.status !== "bot") return this.accept(id);
    this.status = "queued";
    this.since = new Date().toISOString();
    this.reason = "asked";
    const position = this.world.waiting().indexOf(this) + 1;
    this.accept(id, this.event("escalated", { reason: "asked", position, text: this.words.escalated }));
    this.world.queueChanged();
  }

  leaveQueue({ id }) {
    if (this.status !== "queued") return this.accept(id);
    this.status = "bot";
    this.accept(id, this.event("escalation_cancelled", { text: this.words.cancelled }));
    this.world.queueChanged();
  }

  changeLanguage({ id, language }) {
    this.language = language;
    this.accept(id, this.event("language_changed", { language }));
    this.say("language", this.words.changed);
  }

  repeat({ id }) {
    this.accept(id);
    if (this.last) this.speak(this.last, this.last.spoken ?? this.last.text ?? this.last.prompt);
  }

  close({ id }) {
    this.accept(id, this.event("closed", { by: "citizen", text: this.words.closed }));
    this.status = "closed";
    this.world.queueChanged();
  }

  // ------------------------------------------------------------------------------------------------------- sound

  audioStart({ id, codec }) {
    if (this.accepted.has(id)) return this.accept(id, { seq: this.accepted.get(id) });
    this.turn = { id, codec, packets: [], started: false };
  }

  sound(bytes) {
    const turn = this.turn;
    if (!turn) return this.signal({ type: "error", code: "wrong_order", message: "audio before audio_start", fatal: false });
    turn.packets.push(bytes);
    const ms = turn.packets.length * (turn.codec === "opus" ? 20 : 100);
    if (ms >= 400 && !turn.started) {
      turn.started = true;
      this.signal({ type: "speech_started", id: turn.id, at_ms: 200 });
    }
    if (ms === 1200) this.signal({ type: "partial", id: turn.id, text: this.heardQuestion(), hint: true });
    if (ms >= 4000) this.finishTurn("silence");
  }

  heardQuestion() {
    return this.world.entries[0][this.language].question;
  }

  commit(id) {
    if (this.turn?.id === id) this.finishTurn("commit");
  }

  finishTurn(reason) {
    const turn = this.turn;
    this.turn = undefined;
    if (!turn.started) {
      this.signal({ type: "speech_ended", id: turn.id, reason: "no_speech", speech_ms: 0 });
      return this.say("not_heard", this.words.notHeard);
    }
    this.lastSound = turn;
    this.signal({ type: "speech_ended", id: turn.id, reason, speech_ms: 1000 });
    const text = this.heardQuestion();
    setTimeout(() => {
      this.signal({ type: "final", id: turn.id, text, dictation: false, seconds: 2 });
      const said = this.event("citizen_message", { id: turn.id, text, source: "voice", language: this.language, dictation: false });
      this.accepted.set(turn.id, said.seq);
      if (this.status === "bot") this.understand(text, said.seq, turn.id, true);
    }, this.world.delay);
  }

  cancel({ id }) {
    if (id) {
      if (this.turn?.id === id) this.turn = undefined;
    } else if (this.playing) {
      this.playing.interrupted = true;
    }
  }

  /** A hum of the words' length, or the citizen's own Opus packets: enough to try the loudspeaker with. */
  speak(event, text) {
    if (!this.voice || this.audioOut === "none" || !text) return;
    if (this.playing) this.playing.interrupted = true;
    const echo = this.audioOut === "opus" && this.lastSound?.codec === "opus" ? this.lastSound.packets : undefined;
    const audio_id = (this.audio += 1);
    const playing = (this.playing = { interrupted: false });
    const sentences = text.match(/[^。！？།]+[。！？།]*\s*/g) ?? [text];
    this.signal({ type: "audio_start", audio_id, seq: event.seq, codec: echo ? "opus" : "pcm16", sample_rate: echo ? 48000 : 16000, source: event.type === "agent_message" ? "agent" : "synthetic" });
    const chunks = [];
    let ms = 0;
    sentences.forEach((sentence, i) => {
      chunks.push({ mark: { type: "mark", audio_id, sentence: i, text: sentence.trim(), start_ms: ms } });
      const length = Math.min(2500, Math.max(600, sentence.length * 70));
      for (let t = 0; t < length; t += 100) chunks.push({ sound: hum(t, length, i) });
      ms += length;
    });
    const stream = echo ? echo.map((sound) => ({ sound })) : chunks;
    const next = () => {
      for (let burst = 0; burst < 5; burst += 1) {
        const chunk = playing.interrupted ? undefined : stream.shift();
        if (!chunk) return this.signal({ type: "audio_end", audio_id, total_ms: ms, interrupted: playing.interrupted });
        if (chunk.mark) this.signal(chunk.mark);
        else if (this.socket?.readyState === 1) this.socket.send(chunk.sound);
      }
      setTimeout(next, 50);
    };
    next();
  }
}

function hum(from, length, sentence) {
  const chunk = Buffer.alloc(3200);
  for (let i = 0; i < 1600; i += 1) {
    const t = from / 1000 + i / 16000;
    const fade = Math.min(1, t * 10, (length / 1000 - t) * 10);
    chunk.writeInt16LE(Math.round(2500 * fade * Math.sin(2 * Math.PI * (180 + 40 * (sentence % 3)) * t)), i * 2);
  }
  return chunk;
}
