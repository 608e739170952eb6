/** What is said beside answers without a network, in Chinese. Its keys are the list that the Tibetan file has to match. */
export const zh = {
  from: "{month}月{day}日保存的答复。现在没有网络，可能不是最新的。",
  unsent: "这句话还没有发出去，有网时会自动发送。",
  choices: "没有网络，您是要看这些吗？",
  nothing: "没有网络时找不到这个问题的答复。",
  depends: "各地、各类人员可能不一样，有网时请再问一次。",
  none: "这部手机还没有保存过答复。请在有网的时候打开一次这个页面。",
  expired: "保存的答复过期了（有效到{month}月{day}日），不能再用。请连上网。如果手机的日期不对，请在设置里改正。",
  forged: "保存的答复被改动过，不能用。请连上网，页面会重新保存。",
  unable: "这个网址没有 https，没有网络时不能看答复。",
  clock: "这部手机的日期不对，不能确定这些答复现在还对不对。请在设置里改正日期。",
  emergency: "紧急情况",
} as const;

export type OfflineKey = keyof typeof zh;
