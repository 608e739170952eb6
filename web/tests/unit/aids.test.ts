import { describe, expect, it } from "vitest";
import type { Desk } from "../../src/desk/desk.svelte";
import { Reader } from "../../src/desk/reader.svelte";
import { Replies } from "../../src/desk/replies.svelte";
import type { CannedReply, Language } from "../../src/protocol";

function shelf(): Storage {
  const kept = new Map<string, string>();
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value), removeItem: (key: string) => void kept.delete(key) } as unknown as Storage;
}

function desk(languages: Language[]): Desk {
  return { language: "zh", session: { agent: { id: "a", name: "卓玛", languages } } } as unknown as Desk;
}

describe("the reading aid", () => {
  it("is there for what an agent does not serve, and stays as the agent chose", () => {
    const kept = shelf();
    const reader = new Reader(desk(["zh"]), kept);
    expect([reader.isOn("bo"), reader.isOn("zh")]).toEqual([true, false]);
    expect(reader.wanted("我的ལག་ཁྱེར་")).toEqual(["bo"]);
    expect(reader.wanted("12345 ID")).toEqual([]);
    reader.set("bo", false);
    expect(new Reader(desk(["zh"]), kept).isOn("bo")).toBe(false);
    expect(new Reader(desk(["bo", "zh"]), shelf()).isOn("bo")).toBe(false);
  });
});

describe("canned replies", () => {
  const reply = (id: string, more: Partial<CannedReply>): CannedReply => ({ id, version: 1, name: { zh: id }, text: { zh: `${id}的话` }, ...more });
  const replies = new Replies(desk(["bo", "zh"]), shelf());
  replies.all = [
    reply("问候", { shortcut: "hello", text: { zh: "您好，我是{agent}。{office}", bo: "ང་{agent}ཡིན།" } }),
    reply("只有汉语", { text: { zh: "问候一下" } }),
    reply("地点", { shortcut: "where", text: { bo: "གང་ན།", zh: "在哪里" } }),
  ];

  it("are found by shortcut, then name, then words, those without the language last", () => {
    expect(replies.found("", "bo").map((one) => one.id)).toEqual(["问候", "地点", "只有汉语"]);
    expect(replies.found("HEL", "zh").map((one) => one.id)).toEqual(["问候"]);
    expect(replies.found("问候", "zh").map((one) => one.id)).toEqual(["问候", "只有汉语"]);
    expect(replies.found("没有这个", "zh")).toEqual([]);
  });

  it("have the agent's name and the office filled in, and an office that nobody named stays to be seen", () => {
    const [hello, only] = replies.all as [CannedReply, CannedReply];
    expect(replies.textOf(hello, "zh")).toBe("您好，我是卓玛。{office}");
    expect(replies.textOf(only, "bo")).toBeUndefined();
    replies.office = "一楼三号窗口";
    expect(replies.textOf(hello, "zh")).toBe("您好，我是卓玛。一楼三号窗口");
  });
});
