// htmx, set so that a strict content security policy never has to block anything: no style
// element of its own, no evaluated expression, no script run out of a fetched fragment.

import htmx from "htmx.org/dist/htmx.esm.js";

htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.allowScriptTags = false;
htmx.config.selfRequestsOnly = true;
htmx.config.historyCacheSize = 0;

window.htmx = htmx;
