// Forwards ports with the JavaScript client of npm, @kubernetes/client-node: one
// WebSocket of the channels dialect for each local connection. Listens and prints
// as client-go does ("Forwarding from 127.0.0.1:8080 -> 80", "Handling connection
// for 8080"); a connection that failed is a line on stderr, and ends with a reset:
// "refused PORT TEXT" if there was no WebSocket, "lost PORT TEXT" if the error
// channel had words.
//
// The library closes the WebSocket when the local program ends its direction, and
// takes no notice of a pod's end but the WebSocket's own.
//
// nodeclient -url URL [-ca FILE] [-cert FILE -key FILE] [-token TOKEN] [-insecure]
//            [LOCAL:]REMOTE...
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { Writable } from 'node:stream';
import { KubeConfig, PortForward } from '@kubernetes/client-node';

function parse(words) {
  const options = { ports: [] };
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i];
    if (word === '-insecure') options.insecure = true;
    else if (word.startsWith('-')) options[word.slice(1)] = words[(i += 1)];
    else options.ports.push(word);
  }
  return options;
}

function base64(file) {
  return file && readFileSync(file).toString('base64');
}

function connect(options) {
  const found = /^(.*)\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)/.exec(options.url);
  if (found === null) throw new Error('-url is not that of a pod');
  const config = new KubeConfig();
  // The library takes http:// only from those who verify nothing.
  const skipTLSVerify = Boolean(options.insecure) || found[1].startsWith('http:');
  config.loadFromOptions({
    clusters: [{ name: 'c', server: found[1], caData: base64(options.ca), skipTLSVerify }],
    users: [{
      name: 'u', token: options.token, certData: base64(options.cert), keyData: base64(options.key),
    }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return { forward: new PortForward(config), namespace: found[2], name: found[3] };
}

// What comes on the error channel, whole once the WebSocket is closed.
class Words extends Writable {
  text = '';

  _write(chunk, _encoding, done) {
    this.text += chunk.toString();
    done();
  }
}

function complain(word, port, text) {
  console.error(word, port, String(text).replace(/\s+/g, ' '));
}

async function carry(to, port, local) {
  const words = new Words();
  local.on('error', () => local.destroy());
  let ws;
  try {
    // The library listens for bytes only when the WebSocket is open, and in the
    // meantime the socket is not flowing: nothing is lost.
    ws = await to.forward.portForward(to.namespace, to.name, [port], local, words, local);
  } catch (failure) {
    complain('refused', port, failure.message ?? failure);
    local.resetAndDestroy();
    return;
  }
  local.on('close', () => ws.close());
  ws.on('error', (failure) => complain('lost', port, failure.message));
  ws.on('close', (code) => {
    if (words.text.trim() === '' && code !== 1006) {
      local.end();
      return;
    }
    complain('lost', port, words.text || 'closed without a word');
    local.resetAndDestroy();
  });
}

const options = parse(process.argv.slice(2));
const to = connect(options);
for (const pair of options.ports) {
  const [local, remote] = pair.includes(':') ? pair.split(':') : [pair, pair];
  // Half-open: the pod may still have something to say.
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) => {
    console.log(`Handling connection for ${server.address().port}`);
    carry(to, Number(remote), socket);
  });
  server.listen(Number(local), '127.0.0.1', () => {
    console.log(`Forwarding from 127.0.0.1:${server.address().port} -> ${remote}`);
  });
}
