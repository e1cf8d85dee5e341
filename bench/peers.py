"""What the benchmarks of fetching share: a hub on the loopback and a stopwatch.

The hub is nginx with sendfile, of a configuration of its own in a temporary folder; it
has one repository, bench/repo, in the hub's layout, that vanta and the hub's own client
(HF_ENDPOINT) both read. It is ended by its process id.
"""
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "bench/repo"

CONFIG = """
worker_processes auto;
daemon off;
pid {work}/nginx.pid;
error_log {work}/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    sendfile_max_chunk 2m;
    keepalive_requests 1000000;
    default_type application/octet-stream;
    client_body_temp_path {work}/t1;
    proxy_temp_path {work}/t2;
    fastcgi_temp_path {work}/t3;
    uwsgi_temp_path {work}/t4;
    scgi_temp_path {work}/t5;
    map_hash_bucket_size 256;
    map_hash_max_size 65536;
    map $uri $linked_etag {{ default ""; {etags} }}
    map $uri $linked_size {{ default ""; {sizes} }}
    server {{
        listen {listen};
        {tls}
        location /{repo}/resolve/{commit}/ {{
            alias {files}/;
            add_header X-Repo-Commit {commit};
            add_header X-Linked-Etag $linked_etag;
            add_header X-Linked-Size $linked_size;
        }}
        location = /api/models/{repo}/revision/{commit} {{
            default_type application/json;
            alias {work}/revision.json;
        }}
        location = /api/models/{repo}/tree/{commit} {{
            default_type application/json;
            alias {work}/tree.json;
        }}
    }}
}}
"""


def find(variable, *names):
    """The peer's program that a variable names, else the first of names on PATH."""
    given = os.environ.get(variable)
    return given or next(filter(None, map(shutil.which, names)), None)


def nginx():
    return find("VANTA_BENCH_NGINX", "nginx", "/usr/sbin/nginx")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Hub:
    """files: {name: bytes}, of random contents or, sparse, of holes; the digests are in
    self.sha256. tls: with a certificate of its own, self.certificate. enter: a command
    that nginx is started by."""

    def __init__(self, work, files, listen="127.0.0.1:0", tls=False, enter=(),
                 sparse=False):
        self.work, self.files = work, files
        self.certificate = os.path.join(work, "certificate.pem") if tls else None
        self.folder = os.path.join(work, "served")
        self.sha256 = {}
        os.makedirs(self.folder)
        for name, size in files.items():
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.truncate(size if sparse else 0)
                for at in range(0, 0 if sparse else size, 1 << 20):
                    file.write(os.urandom(min(1 << 20, size - at)))
            self.sha256[name] = digest(path)
        host, port = listen.rsplit(":", 1)
        if port == "0":
            with socket.socket() as probe:
                probe.bind((host, 0))
                port = str(probe.getsockname()[1])
        self.endpoint = f"{'https' if tls else 'http'}://{host}:{port}"
        if tls:
            subprocess.run(
                [find("VANTA_BENCH_OPENSSL", "openssl"), "req", "-x509", "-newkey",
                 "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                 "-subj", "/CN=bench", "-addext", f"subjectAltName=IP:{host}",
                 "-keyout", work + "/key.pem", "-out", self.certificate],
                check=True, stderr=subprocess.DEVNULL)
        self._write(f"{host}:{port}{' ssl http2' if tls else ''}")
        self.process = subprocess.Popen(
            [*enter, nginx(), "-e", work + "/nginx.log", "-p", work, "-c",
             work + "/nginx.conf"], stdin=subprocess.DEVNULL)

    def _write(self, listen):
        at = f"/{REPO}/resolve/{COMMIT}/"
        siblings = [{"rfilename": name} for name in self.files]
        tree = [{"type": "file", "path": name, "size": size,
                 "oid": self.sha256[name][:40],
                 "lfs": {"oid": self.sha256[name], "size": size, "pointerSize": 130}}
                for name, size in self.files.items()]
        with open(self.work + "/revision.json", "w") as file:
            json.dump({"id": REPO, "modelId": REPO, "sha": COMMIT, "private": False,
                       "tags": [], "downloads": 0, "siblings": siblings}, file)
        with open(self.work + "/tree.json", "w") as file:
            json.dump(tree, file)
        text = CONFIG.format(
            work=self.work, files=self.folder, repo=REPO, commit=COMMIT, listen=listen,
            tls=f"ssl_certificate {self.certificate}; ssl_certificate_key "
                f"{self.work}/key.pem;" if self.certificate else "",
            etags="".join(f"{at}{n} '\"{d}\"';" for n, d in self.sha256.items()),
            sizes="".join(f"{at}{n} {s};" for n, s in self.files.items()))
        if os.geteuid() == 0: # the temporary folder is this user's alone
            text = "user root;\n" + text
        with open(self.work + "/nginx.conf", "w") as file:
            file.write(text)

    def url(self, name):
        return f"{self.endpoint}/{REPO}/resolve/{COMMIT}/{name}"

    def catalog(self, ids):
        """A catalog file with one model an id, of the files that ids[id] names."""
        models = [{
            "id": model, "name": model, "type": "llm", "version": "1", "format": "gguf",
            "license": "MIT", "hardware": {"min_ram": "1GB", "memory_bytes": 1000},
            "files": [{"path": name, "size_bytes": self.files[name],
                       "sha256": self.sha256[name],
                       "sources": [f"hf:{REPO}@{COMMIT}/{name}"]} for name in names]}
            for model, names in ids.items()]
        path = os.path.join(self.work, "catalog.json")
        with open(path, "w") as file:
            json.dump({"format": "vanta-catalog", "version": 1, "models": models}, file)
        return path

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def environment(work, hub):
    """Of every peer: a home of its own, no proxy, no token of the user."""
    env = {name: value for name, value in os.environ.items()
           if not name.lower().endswith("_proxy")
           and not name.startswith(("HF_", "VANTA_", "XDG_", "HUGGING_FACE"))}
    env.update(HOME=work + "/home", HF_HOME=work + "/hf-home", HF_ENDPOINT=hub.endpoint,
               HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1",
               HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_UPDATE_CHECK="1")
    if hub.certificate:
        for name in ("CURL_CA_BUNDLE", "SSL_CERT_DIR"):
            env.pop(name, None)
        env["SSL_CERT_FILE"] = hub.certificate
    return env


class Run:
    """One process and those it waited for: seconds, CPU seconds; its own peak memory in
    bytes. Linux keeps of the moment before exec what this interpreter had, so there the
    peak is asked for while the process lives."""

    def _watch(self, pid):
        try:
            while True:
                with open(f"/proc/{pid}/status") as status:
                    self.memory = max(self.memory, *(
                        int(line.split()[1]) * 1024 for line in status
                        if line.startswith("VmHWM")))
                time.sleep(0.02)
        except (OSError, TypeError): # it has ended
            pass

    def __init__(self, command, env, cwd):
        self.memory = 0
        started = time.monotonic()
        child = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        watcher = threading.Thread(target=self._watch, args=(child.pid,), daemon=True)
        watcher.start()
        said = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        self.seconds = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{command[0]}: exit {child.returncode}\n"
                             + said.decode(errors="replace"))
        self.cpu = used.ru_utime + used.ru_stime
        watcher.join()
        if not self.memory:
            self.memory = used.ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)


class Race:
    """Peers in turns; the best time of each counts, the spread is shown."""

    def __init__(self, work, hub, rounds):
        self.work, self.hub, self.rounds = work, hub, rounds
        self.env = environment(work, hub)
        self.runs = {}

    def run(self, peers, check):
        """peers: {name: function(folder) -> command}; check(folder) is not timed."""
        for turn in range(self.rounds):
            for name in list(peers)[turn % len(peers):] + list(peers)[:turn % len(peers)]:
                folder = os.path.join(self.work, "out")
                shutil.rmtree(folder, ignore_errors=True)
                shutil.rmtree(self.work + "/hf-home", ignore_errors=True)
                os.makedirs(folder)
                os.makedirs(self.work + "/home", exist_ok=True)
                os.sync() # nobody pays for the bytes of the one before
                self.runs.setdefault(name, []).append(
                    Run(peers[name](folder), self.env, folder))
                check(name, folder)
        shutil.rmtree(self.work + "/out", ignore_errors=True)

    def best(self, name):
        return min(run.seconds for run in self.runs[name])

    def cpu(self, name):
        return min(run.cpu for run in self.runs[name])

    def show(self, what, name):
        times = [run.seconds for run in self.runs[name]]
        peak = max(run.memory for run in self.runs[name]) / 1e6
        memory = "" if "," in name else f", {peak:4.0f} MB peak" # the shell's is no use
        print(f"{what}: {name:<20} {min(times):7.3f} s best of {len(times)} "
              f"(worst {max(times):.3f}), {self.cpu(name):6.3f} CPU s{memory}")


def verdict(text, value, bound, most=True):
    good = value <= bound if most else value >= bound
    print(f"{text}: {value:.2f} (goal: at {'most' if most else 'least'} {bound:.2f}): "
          f"{'ok' if good else 'MISSED'}", flush=True)
