// tlsd.mjs - files over TLS, in HTTP/2 or HTTP/1.1, and a proxy that leads to them.
//
//     node tlsd.mjs ROOT LOG PORTS KEY CERT
//
// Writes "TLS-PORT PROXY-PORT" to PORTS once it listens on 127.0.0.1. Paths are
// /SCENARIO[:A[:B]]/FILE below ROOT; ranges and If-Range are answered, ETag is "v1":
//     ok                 as it should be
//     slow:BYTES:MS      so many bytes every MS milliseconds
//     reset:N            HTTP/2: the stream is reset after N bytes; once for each range
//     goaway:N           HTTP/2: GOAWAY and the end of the connection after N bytes; once
//     refuse:BYTES:MS    slow, and HTTP/2: requests for a range are refused (REFUSED_STREAM)
// The proxy takes CONNECT to whatever name and goes to the TLS port, and GET of a whole
// http:// address, for which it answers with the file itself. A user "refused" gets 407.
//
// LOG, a line an event:
//     CONNECTION N VERSION
//     GET PATH connection=N version=VERSION range=RANGE if-range=VALIDATOR
//     PROXY METHOD TARGET auth=AUTHORIZATION
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import path from "node:path";

const [root, logFile, portsFile, key, cert] = process.argv.slice(2);
const log = (line) => fs.appendFileSync(logFile, line + "\n");

// --- one file ---

const done = new Set(); // faults that come once for each

function once(what) {
    return !done.has(what) && done.add(what);
}

function rangeOf(headers, size) {
    const match = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
    if (!match || (headers["if-range"] && headers["if-range"] !== '"v1"'))
        return null;
    const last = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
    return { first: Number(match[1]), last };
}

function pour(response, body, scenario, args, stream) {
    const slow = scenario === "slow" || scenario === "refuse";
    const step = slow ? args[0] : 65536;
    const wait = slow ? args[1] : 0;
    const limit = scenario === "reset" || scenario === "goaway" ? args[0] : Infinity;
    let at = 0;
    const next = () => {
        if (response.destroyed || stream?.destroyed)
            return;
        if (at >= limit) {
            if (scenario === "reset")
                stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
            else
                stream.session.destroy(http2.constants.NGHTTP2_NO_ERROR);
            return;
        }
        if (at >= body.length) {
            response.end();
            return;
        }
        const piece = body.subarray(at, Math.min(at + step, limit));
        at += piece.length;
        const fits = response.write(piece);
        if (wait)
            setTimeout(next, wait);
        else if (fits)
            setImmediate(next);
        else
            response.once("drain", next);
    };
    next();
}

function answer(request, response, number) {
    const where = new URL(request.url, "http://any").pathname;
    const [, head, ...rest] = where.split("/");
    const [scenario, ...words] = head.split(":");
    const args = words.map(Number);
    const { headers, stream } = request; // no stream: HTTP/1.1
    const file = path.join(root, ...rest);
    log(`GET ${where} connection=${number} version=${request.httpVersion} ` +
        `range=${headers.range?.replace("bytes=", "") ?? "-"} ` +
        `if-range=${headers["if-range"] ?? "-"}`);
    if (!fs.existsSync(file)) {
        response.writeHead(404, { "content-length": 0 });
        response.end();
        return;
    }
    const whole = fs.readFileSync(file);
    const range = rangeOf(headers, whole.length);
    if (scenario === "refuse" && range?.first > 0) {
        stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
        return;
    }
    const body = range ? whole.subarray(range.first, range.last + 1) : whole;
    const fields = {
        "accept-ranges": "bytes",
        "content-length": body.length,
        "content-type": "application/octet-stream",
        etag: '"v1"',
    };
    if (range)
        fields["content-range"] = `bytes ${range.first}-${range.last}/${whole.length}`;
    response.writeHead(range ? 206 : 200, fields);
    const fault = scenario === "reset" || scenario === "goaway";
    const strikes = fault && body.length > args[0] && once(`${where} ${range?.first}`);
    pour(response, body, fault && !strikes ? "ok" : scenario, args, stream);
}

// --- TLS ---

const numbers = new Map(); // of connections, by the client's port

const tls = http2.createSecureServer({
    key: fs.readFileSync(key),
    cert: fs.readFileSync(cert),
    allowHTTP1: true,
});
tls.on("secureConnection", (socket) => {
    numbers.set(socket.remotePort, numbers.size + 1);
    log(`CONNECTION ${numbers.get(socket.remotePort)} ${socket.alpnProtocol || "none"}`);
});
tls.on("request", (request, response) => {
    answer(request, response, numbers.get(request.socket.remotePort));
});
tls.on("sessionError", () => {});
tls.on("tlsClientError", () => {});

// --- the proxy ---

const proxy = http.createServer((request, response) => {
    log(`PROXY GET ${request.url} auth=${request.headers["proxy-authorization"] ?? "-"}`);
    answer(request, response, "proxy");
});
proxy.on("connect", (request, socket) => {
    const given = request.headers["proxy-authorization"] ?? "-";
    const user = Buffer.from(given.split(" ")[1] ?? "", "base64").toString();

    log(`PROXY CONNECT ${request.url} auth=${user || "-"}`);
    if (user.startsWith("refused:")) {
        socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n" +
                   "Proxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    const upstream = net.connect(tls.address().port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 fine\r\n\r\n");
        upstream.pipe(socket);
        socket.pipe(upstream);
    });
    upstream.on("error", () => socket.destroy());
    socket.on("error", () => upstream.destroy());
});

tls.listen(0, "127.0.0.1", () => {
    proxy.listen(0, "127.0.0.1", () => {
        fs.writeFileSync(portsFile + ".new",
                         `${tls.address().port} ${proxy.address().port}\n`);
        fs.renameSync(portsFile + ".new", portsFile);
    });
});
