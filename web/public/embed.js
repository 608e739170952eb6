/*
 * Puts the portal into another page, in a frame of its own behind a button:
 *
 *   <script src="https://HOST/embed.js" data-language="bo" async></script>
 *
 * data-language  bo or zh; without it the page's own language decides, then the portal's
 * data-position  right (default) or left: the corner of the button
 * data-label     what the button says, instead of its own words
 *
 * The page's origin must stand in `server.embedding_origins` of the server. docs/embedding.md has the rest.
 */
(function () {
  "use strict";
  var script = document.currentScript;
  if (!script || !script.src) return;
  var home = new URL(script.src);
  var language = script.dataset.language || (/^(bo|zh)\b/i.exec(document.documentElement.lang) || [])[1] || "";
  language = language.toLowerCase();
  if (language !== "bo" && language !== "zh") language = "";
  var TEXTS = {
    bo: { open: "དྲི་བ་འདྲི།", close: "ཁ་རྒྱག", title: "དྲི་ལན། གཞུང་གི་ཞབས་ཞུའི་དྲི་ལན།" },
    zh: { open: "问一问", close: "关闭", title: "问答 · 政务服务问答" },
    "": { open: "དྲི་བ་འདྲི། 问一问", close: "ཁ་རྒྱག 关闭", title: "དྲི་ལན། 问答" },
  };
  var texts = TEXTS[language];
  var side = script.dataset.position === "left" ? "left" : "right";
  var label = script.dataset.label || texts.open;
  var narrow = window.matchMedia("(max-width: 520px), (max-height: 480px)");
  var frame;

  /* Styles are set one by one: a style sheet would need the page's security policy to allow it. */
  function dress(element, styles) {
    Object.keys(styles).forEach(function (name) {
      element.style.setProperty(name, styles[name], "important");
    });
  }

  var button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-haspopup", "dialog");
  if (language) button.lang = language;
  dress(button, {
    all: "initial", position: "fixed", bottom: "16px", "z-index": "2147483000", "box-sizing": "border-box", "min-width": "64px",
    "min-height": "60px", padding: "10px 22px", border: "2px solid #fffaf2", "border-radius": "999px", background: "#7b1e2b", color: "#fffaf2",
    font: "18px/1.7 'Noto Serif Tibetan', 'PingFang SC', 'Noto Sans SC', 'Microsoft YaHei', sans-serif", cursor: "pointer",
    "box-shadow": "0 2px 10px rgba(0,0,0,.35)",
  });
  dress(button, side === "left" ? { left: "16px" } : { right: "16px" });
  /* `all: initial` took the ring away that shows where the keyboard is. */
  button.addEventListener("focus", function () {
    dress(button, { outline: "3px solid #0b57d0", "outline-offset": "3px" });
  });
  button.addEventListener("blur", function () {
    dress(button, { outline: "none" });
  });

  var panel = document.createElement("div");
  panel.id = "drilen-panel";
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", texts.title);
  if (language) panel.lang = language;
  button.setAttribute("aria-controls", panel.id);

  function isOpen() {
    return button.getAttribute("aria-expanded") === "true";
  }

  function lay() {
    dress(panel, { display: isOpen() ? "block" : "none", position: "fixed", "z-index": "2147482999", margin: "0", padding: "0", border: "0", overflow: "hidden", background: "#f5efe4" });
    dress(panel, narrow.matches
      ? { top: "0", bottom: "92px", left: "0", right: "0", width: "auto", height: "auto", "border-radius": "0", "box-shadow": "none" }
      : { top: "auto", bottom: "92px", left: side === "left" ? "16px" : "auto", right: side === "left" ? "auto" : "16px", width: "420px", height: "min(720px, calc(100vh - 116px))", "border-radius": "16px", "box-shadow": "0 6px 30px rgba(0,0,0,.35)" });
    button.textContent = isOpen() ? "✕ " + texts.close : label;
  }

  function open() {
    if (!frame) {
      frame = document.createElement("iframe");
      frame.src = home.origin + "/embed" + (language ? "?language=" + language : "");
      frame.title = texts.title;
      /* The microphone of this one frame; sound that answers may play by itself. */
      frame.allow = "microphone " + home.origin + "; autoplay " + home.origin;
      frame.referrerPolicy = "no-referrer";
      dress(frame, { display: "block", width: "100%", height: "100%", border: "0" });
      panel.appendChild(frame);
    }
    button.setAttribute("aria-expanded", "true");
    lay();
    frame.focus();
  }

  function close() {
    if (!isOpen()) return;
    button.setAttribute("aria-expanded", "false");
    lay();
    button.focus();
  }

  button.addEventListener("click", function () {
    if (isOpen()) close();
    else open();
  });
  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") close();
  });
  window.addEventListener("message", function (event) {
    if (event.origin !== home.origin || !frame || event.source !== frame.contentWindow) return;
    if (event.data && event.data.type === "drilen.close") close();
  });
  /* Safari before 14 knows addListener only. */
  if (narrow.addEventListener) narrow.addEventListener("change", lay);
  else narrow.addListener(lay);

  function place() {
    document.body.appendChild(panel);
    document.body.appendChild(button);
    lay();
  }
  if (document.body) place();
  else document.addEventListener("DOMContentLoaded", place);
})();
