"""
The page of the demo pod: how these bytes came here, drawn and in words.

Pure text: what is known of the visitor goes in, bytes of HTML or of plain
text come out.  All of it was written by a stranger, the client, so nothing
enters either form before `plain` has cut it and taken its control characters
away (a terminal obeys those), and nothing enters HTML unescaped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from string import Template

#: Characters of one field; a browser's user agent has about 120.
MAX_FIELD = 300

#: What each generation of client is (docs/protocol.rst, section 0).
GENERATIONS = {
    "A": "kubectl of spring 2015, which asked for the node's proxy",
    "B": "kubectl 0.17 to 1.0 and OpenShift 3.0: the first to ask for the pod",
    "C": "kubectl since 1.1 of November 2015, over SPDY",
    "D": "kubectl since 1.30 of 2024, SPDY inside a WebSocket",
    "W": "client libraries, with WebSocket channels",
    "H": "any HTTP/2 client, with a stream for each connection",
    "P": "any program that knows an HTTP proxy, with CONNECT",
}

#: Generations whose letter is not said, by the words for what they speak.
_SPEAK = {
    "SPDY/3.1 in WebSocket": "D",
    "WebSocket channels": "W",
    "HTTP/2": "H",
    "CONNECT": "P",
}

#: What is said without the spelling of a URL.
_BARE = ("HTTP/2", "CONNECT")

_GENERATION = re.compile(r",? *\bgeneration ([A-Z])\b")


@dataclass(frozen=True, slots=True)
class Visitor:
    """
    Who opened a connection to the demo pod, and by which way.

    :ivar client: the user agent, what it speaks and how it spelled the URL,
        with ``"; "`` between them: ``"kubectl/v1.20.2; SPDY/3.1 generation
        C; POST pods"``.  The user agent may contain the same mark.
    :ivar request_id: what the tunnel is called in every log line.
    :ivar node: the node that was asked for, or empty if none was named.
    :ivar target: the pod that was asked for, as ``namespace/name``.
    """

    client: str
    request_id: str
    node: str
    target: str


def plain(text: str) -> str:
    """Cut what a stranger wrote, and make it harmless to a terminal."""
    shown = "".join(c if c.isprintable() else "?" for c in text[:MAX_FIELD])
    return shown + ("..." if len(text) > MAX_FIELD else "")


def _facts(who: Visitor) -> dict[str, str]:
    """Take the visitor apart into the fields of both forms of the page."""
    match who.client.rsplit("; ", 2):
        case *agents, protocol if agents and protocol in _BARE:
            agent, spelling = "; ".join(agents), "CONNECT"
        case agent, protocol, spelling:
            pass
        case _:
            agent, protocol, spelling = who.client, "", ""
    found = _GENERATION.search(protocol)
    speaks = protocol[: found.start()] if found else protocol
    said = (letter for words, letter in _SPEAK.items() if speaks.startswith(words))
    letter = found[1] if found else next(said, "")
    facts = {
        "agent": agent or "unknown",
        "protocol": speaks or "port-forward",
        "generation": letter or "unknown",
        "means": GENERATIONS.get(letter, ""),
        "spelling": spelling or "unknown",
        "request": who.request_id,
        "node": who.node or "the one that has it",
        "pod": who.target,
    }
    return {name: plain(value) for name, value in facts.items()}


_TEXT = Template("""\
You made it: these bytes come from port 80 of the pod $pod.

    your client     $agent
        |           $protocol, generation $generation
    the gateway     spdygate
        |           HTTP/2, one stream for this connection
    the node        $node
        |           a socket
    the pod         $pod            <- you are here

    generation      $generation  $means
    asked with      $spelling
    request id      $request

Port 7 of this pod echoes:  kubectl port-forward pod/demo 7007:7
""")

_HTML = Template("""\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>You made it: $pod</title>
<link rel="icon" href="data:,">
<style>
:root { --ink: #1d2733; --soft: #5d6b7a; --paper: #f6f7f9; --card: #fff;
  --line: #cfd6de; --glow: #0b7a75; --tint: #e3f3f1 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #9aa7b5;
  --paper: #12171d; --card: #1b222b; --line: #38434f; --glow: #5fd4c4;
  --tint: #16312f } }
* { box-sizing: border-box }
body { margin: 0; padding: clamp(1.5rem, 6vw, 5rem) 1.25rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.55 system-ui, sans-serif }
main { max-width: 64rem; margin: auto }
h1 { font-size: clamp(2rem, 5vw, 3rem); line-height: 1.1; margin: 0 0 .5rem;
  letter-spacing: -.02em }
p { margin: 0 0 2.5rem; color: var(--soft); font-size: 1.1rem }
code, dd, .hop b { font-family: ui-monospace, "DejaVu Sans Mono", monospace;
  font-size: .9em; overflow-wrap: anywhere }
ol { display: flex; list-style: none; margin: 0 0 3rem; padding: 0 }
.hop { flex: 5 1 0; min-width: 0; padding: 1rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .75rem }
.hop small { display: block; color: var(--soft) }
.hop b { font-weight: 600 }
.here { border: 2px solid var(--glow); background: var(--tint) }
.here small { color: var(--glow); font-weight: 600 }
.way { flex: 2 1 0; align-self: center; padding: 0 .4rem 1.2rem; font-size: .8rem;
  text-align: center; white-space: nowrap; color: var(--soft) }
.way::after { content: ""; display: block; height: .6rem; background: var(--glow);
  clip-path: polygon(0 42%, calc(100% - .5rem) 42%, calc(100% - .5rem) 0, 100% 50%,
  calc(100% - .5rem) 100%, calc(100% - .5rem) 58%, 0 58%) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .5rem 1.5rem;
  margin: 0 0 2.5rem; padding: 1.25rem 0; border-block: 1px solid var(--line) }
dt { color: var(--soft) }
dd { margin: 0 }
dd span { color: var(--soft); font-family: system-ui, sans-serif }
@media (max-width: 52rem) { ol { flex-direction: column } .way { align-self: start;
  padding: .5rem 0 .5rem 1.25rem; text-align: left }
  .way::before { content: "\\2193\\00a0" } .way::after { display: none }
  dl { grid-template-columns: 1fr; gap: .1rem } dd { margin-bottom: .6rem } }
</style>
<main>
<h1>You made it.</h1>
<p>These bytes come from port 80 of the pod <code>$pod</code>.</p>
<ol>
<li class="hop"><small>your client</small> <b>$program</b>
<li class="way">$protocol
<li class="hop"><small>the gateway</small> <b>spdygate</b>
<li class="way">HTTP/2
<li class="hop"><small>the node</small> <b>$node</b>
<li class="way">a socket
<li class="hop here"><small>you are here</small> <b>$pod</b>
</ol>
<dl>
<dt>Client <dd>$agent
<dt>Generation <dd>$generation <span>$means</span>
<dt>Protocol <dd>$protocol
<dt>Asked with <dd>$spelling
<dt>Request id <dd>$request
</dl>
<p>Port 7 of this pod echoes what it hears:
<code>kubectl port-forward pod/demo 7007:7</code></p>
</main>
""")


def as_text(who: Visitor) -> bytes:
    """Return the page for a terminal."""
    return _TEXT.substitute(_facts(who)).encode()


def as_html(who: Visitor) -> bytes:
    """Return the page for a browser."""
    facts = _facts(who)
    facts["program"] = facts["agent"].partition(" ")[0]
    safe = {name: escape(value) for name, value in facts.items()}
    return _HTML.substitute(safe).encode()
