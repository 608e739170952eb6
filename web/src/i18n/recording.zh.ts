/** What is said about leaving a recording, in Chinese. Its keys are the list that the Tibetan file has to match. */
export const zh = {
  ask: "我们可以留下您刚才这句话的录音吗？助手会用它学着听得更准。不留也没关系。",
  yes: "可以",
  no: "不要",
  sending: "正在保存…",
  kept: "录音留下了，谢谢您。",
  remove: "还是删掉",
  removed: "录音已经删掉了。",
  failed: "没有成功。请过一会儿再试。",
  again: "再试一次",
} as const;

export type RecordingKey = keyof typeof zh;
