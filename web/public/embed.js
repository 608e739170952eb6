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
  /* The Tibetan words as outlines, by dev/embed-labels.mjs: not every page has a face for them. */
  var OUTLINES = {
    open: { width: 3041, top: 1058, bottom: -472, path: "M116 -633L198 -620Q171 -578 149 -531Q126 -483 109 -436Q92 -388 79 -345L76 -376Q124 -384 176 -388Q227 -392 276 -392Q345 -392 394 -374Q442 -355 473 -310Q504 -265 522 -186Q540 -107 548 13Q556 133 558 302L512 272Q505 130 497 30Q488 -69 473 -134Q458 -198 433 -235Q407 -271 367 -286Q326 -300 266 -300Q220 -300 169 -297Q117 -293 67 -285L32 -317Q48 -405 71 -487Q93 -568 116 -633ZM533 -678L513 -592L64 -592L84 -678L533 -678ZM140 85Q189 85 235 95Q280 105 328 130Q376 155 432 198Q488 242 558 310L558 334L512 324Q429 262 368 229Q306 196 253 183Q200 171 143 171Q115 171 92 173Q68 176 46 181L56 95Q73 90 94 87Q115 85 140 85ZM558 302L558 322L512 322L512 263L558 302ZM513 -710Q442 -790 390 -842Q337 -893 297 -922Q257 -950 224 -961Q190 -972 157 -972Q112 -972 89 -957Q65 -941 65 -915Q65 -890 85 -876Q105 -862 136 -862Q159 -862 178 -869Q196 -876 210 -889L215 -831Q196 -805 169 -793Q142 -780 110 -780Q63 -780 38 -807Q13 -833 13 -884Q13 -913 22 -944Q30 -974 50 -1000Q69 -1026 101 -1042Q133 -1058 179 -1058Q218 -1058 254 -1043Q289 -1028 327 -993Q365 -957 414 -897Q462 -837 528 -746L513 -710ZM759 -678L717 -565L651 -565L609 -678L759 -678ZM1386 -678L1366 -592L1366 -88L1320 -98L1327 -151Q1323 -276 1311 -391Q1298 -505 1280 -592L853 -592L873 -678L1386 -678ZM905 -633L987 -620Q946 -556 917 -483Q887 -409 868 -345L875 -376Q903 -382 936 -386Q969 -389 997 -389Q1073 -389 1131 -367Q1188 -345 1238 -290Q1288 -235 1340 -136L1320 -98Q1272 -179 1228 -223Q1184 -266 1135 -282Q1085 -298 1018 -298Q982 -298 938 -295Q894 -291 856 -285L821 -317Q837 -405 860 -487Q882 -568 905 -633ZM1320 -108L1366 -108L1366 -98L1320 -98L1320 -108ZM1610 -678L1568 -565L1502 -565L1460 -678L1610 -678ZM1958 -362Q2009 -362 2048 -347Q2087 -332 2121 -299Q2155 -265 2188 -209Q2221 -152 2260 -68L2214 -60Q2168 -141 2129 -187Q2089 -232 2045 -251Q2000 -270 1940 -270Q1924 -270 1906 -268Q1887 -266 1871 -261L1881 -353Q1916 -362 1958 -362ZM1803 -678L1788 -614Q1757 -592 1738 -552Q1718 -512 1718 -460Q1718 -409 1735 -369Q1751 -328 1785 -287L1724 -224Q1684 -272 1668 -321Q1651 -369 1651 -420Q1651 -470 1669 -519Q1687 -567 1721 -609Q1755 -650 1803 -678ZM2109 -678Q2138 -644 2154 -595Q2170 -545 2170 -489Q2170 -382 2101 -295L2071 -310Q2091 -343 2100 -379Q2109 -415 2109 -449Q2109 -504 2093 -548Q2077 -592 2042 -632L2109 -678ZM2171 -678L2151 -592L1757 -592L1803 -678L2171 -678ZM2356 -633L2438 -620Q2411 -578 2389 -531Q2366 -483 2349 -436Q2332 -388 2319 -345L2316 -376Q2364 -384 2416 -388Q2467 -392 2516 -392Q2585 -392 2634 -374Q2682 -355 2713 -310Q2744 -265 2762 -186Q2780 -107 2788 13Q2796 133 2798 302L2752 272Q2745 130 2737 30Q2728 -69 2713 -134Q2698 -198 2673 -235Q2647 -271 2607 -286Q2566 -300 2506 -300Q2460 -300 2409 -297Q2357 -293 2307 -285L2272 -317Q2288 -405 2311 -487Q2333 -568 2356 -633ZM2773 -678L2753 -592L2304 -592L2324 -678L2773 -678ZM2380 85Q2429 85 2475 95Q2520 105 2568 130Q2616 155 2672 198Q2728 242 2798 310L2798 334L2752 324Q2669 262 2608 229Q2546 196 2493 183Q2440 171 2383 171Q2355 171 2332 173Q2308 176 2286 181L2296 95Q2313 90 2334 87Q2355 85 2380 85ZM2798 302L2798 322L2752 322L2752 263L2798 302ZM2753 -710Q2682 -790 2630 -842Q2577 -893 2537 -922Q2497 -950 2464 -961Q2430 -972 2397 -972Q2352 -972 2329 -957Q2305 -941 2305 -915Q2305 -890 2325 -876Q2345 -862 2376 -862Q2399 -862 2418 -869Q2436 -876 2450 -889L2455 -831Q2436 -805 2409 -793Q2382 -780 2350 -780Q2303 -780 2278 -807Q2253 -833 2253 -884Q2253 -913 2262 -944Q2270 -974 2290 -1000Q2309 -1026 2341 -1042Q2373 -1058 2419 -1058Q2458 -1058 2494 -1043Q2529 -1028 2567 -993Q2605 -957 2654 -897Q2702 -837 2768 -746L2753 -710ZM3005 -678L2973 -592L2973 472L2927 440Q2927 281 2926 152Q2924 23 2921 -82Q2918 -187 2914 -275Q2909 -363 2903 -441Q2896 -518 2887 -592L2855 -678L3005 -678Z" },
    close: { width: 2268, top: 678, bottom: -472, path: "M110 252L64 220L64 -678L640 -678L620 -592Q633 -509 642 -408Q650 -306 651 -199L611 -182Q544 -257 473 -290Q401 -323 313 -323Q305 -323 295 -323Q284 -322 275 -321L252 -350Q270 -438 295 -519Q320 -600 347 -665L434 -652Q391 -588 357 -515Q322 -442 300 -377L296 -413Q308 -415 318 -415Q398 -415 472 -374Q546 -333 613 -240L608 -224Q607 -317 587 -412Q567 -507 534 -592L150 -592Q139 -516 132 -435Q124 -354 119 -257Q114 -160 112 -36Q110 89 110 252ZM880 -678L838 -565L772 -565L730 -678L880 -678ZM1215 -655Q1229 -629 1236 -593Q1242 -556 1242 -522Q1242 -497 1237 -473Q1232 -449 1223 -427L1188 -425Q1193 -439 1195 -455Q1196 -471 1196 -488Q1196 -523 1181 -560Q1165 -596 1129 -624L1215 -655ZM1416 -678L1396 -592L994 -592L1014 -678L1416 -678ZM1500 27L1454 10Q1451 -70 1448 -131Q1444 -191 1439 -239Q1434 -286 1428 -326Q1422 -365 1414 -402L1268 -402Q1280 -326 1288 -234Q1296 -141 1297 -44L1257 -27Q1190 -93 1119 -122Q1048 -151 961 -151Q953 -151 943 -151Q932 -150 923 -149L900 -178Q918 -261 944 -338Q969 -414 997 -475L1083 -462Q1039 -403 1005 -335Q970 -266 948 -205L944 -240Q956 -242 966 -242Q1046 -242 1119 -205Q1192 -167 1259 -82L1254 -68Q1253 -153 1234 -239Q1215 -325 1183 -402L914 -402L934 -488L1520 -488L1500 -402L1500 27ZM1482 -2L1500 20L1500 34Q1430 115 1364 148Q1298 182 1222 182Q1147 182 1084 156Q1021 130 951 77L945 80Q981 151 1020 199Q1059 248 1107 272Q1155 296 1218 296Q1257 296 1292 286Q1327 277 1366 254Q1404 231 1453 191Q1502 151 1570 90L1579 144Q1515 210 1466 256Q1417 303 1377 332Q1336 361 1298 375Q1260 389 1218 389Q1142 389 1085 356Q1027 323 981 248Q934 174 889 51L945 30Q1000 67 1046 89Q1091 111 1134 120Q1176 129 1222 129Q1290 129 1353 99Q1415 70 1482 -2ZM1454 10L1500 10L1500 30L1454 60L1454 10ZM2204 472L2158 440Q2158 281 2157 152Q2155 23 2152 -82Q2149 -187 2145 -275Q2140 -363 2134 -441Q2127 -518 2118 -592L1972 -592Q1985 -509 1994 -408Q2002 -306 2003 -199L1963 -182Q1896 -257 1825 -290Q1753 -323 1665 -323Q1657 -323 1647 -323Q1636 -322 1627 -321L1604 -350Q1622 -438 1647 -519Q1672 -600 1699 -665L1786 -652Q1743 -588 1709 -515Q1674 -442 1652 -377L1648 -413Q1660 -415 1670 -415Q1750 -415 1824 -374Q1898 -333 1965 -240L1960 -224Q1959 -317 1939 -412Q1919 -507 1886 -592L1618 -592L1638 -678L2224 -678L2204 -592L2204 472Z" },
  };
  var side = script.dataset.position === "left" ? "left" : "right";
  var ownLabel = script.dataset.label;
  var narrow = window.matchMedia("(max-width: 520px), (max-height: 480px)");
  var frame;

  /* Styles are set one by one: a style sheet would need the page's security policy to allow it. */
  function dress(element, styles) {
    Object.keys(styles).forEach(function (name) {
      element.style.setProperty(name, styles[name], "important");
    });
  }

  /* A Tibetan word as a drawing as high as the words beside it. */
  function drawn(outline) {
    var svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    var height = outline.top - outline.bottom;
    svg.setAttribute("viewBox", "0 " + -outline.top + " " + outline.width + " " + height);
    svg.setAttribute("aria-hidden", "true");
    var path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", outline.path);
    path.setAttribute("fill", "currentColor");
    svg.appendChild(path);
    dress(svg, { display: "inline-block", "vertical-align": "middle", height: height / 42 + "px", width: outline.width / 42 + "px", margin: "0 4px" });
    return svg;
  }

  /* What the button says, for eyes and for ears. */
  function say(which) {
    button.textContent = "";
    button.setAttribute("aria-label", which === "open" && ownLabel ? ownLabel : texts[which]);
    if (which === "close") button.appendChild(document.createTextNode("✕ "));
    if (which === "open" && ownLabel) return void button.appendChild(document.createTextNode(ownLabel));
    if (language !== "zh") button.appendChild(drawn(OUTLINES[which]));
    if (language !== "bo") button.appendChild(document.createTextNode(TEXTS.zh[which]));
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
    say(isOpen() ? "close" : "open");
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
