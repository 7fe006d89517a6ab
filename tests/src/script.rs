//! Beginnings of Python scripts: what several tests need in their clients.

/// Runs the event loop in a thread and keeps what is told: `lifecycle` and `reboot` are callbacks, `until(what)` waits
/// for an event and answers all up to it, `life(events)` leaves out names and repetitions. A guest that is reset once
/// may be told to be so twice: its firmware resets the machine again.
pub const EVENTS: &str = "\
import threading, queue\n\
libvirt.registerErrorHandler(lambda *a: None, None)\n\
libvirt.virEventRegisterDefaultImpl()\n\
threading.Thread(target=lambda: [libvirt.virEventRunDefaultImpl() for _ in iter(int, 1)], daemon=True).start()\n\
told = queue.Queue()\n\
def lifecycle(c, d, event, detail, to): (to or told).put((d.name(), d.ID() > 0, (event, detail)))\n\
def reboot(c, d, to): (to or told).put((d.name(), d.ID() > 0, 'reboot'))\n\
def until(what, of=None):\n\
\x20   seen = []\n\
\x20   while not seen or seen[-1][2] != what: seen.append((of or told).get(timeout=20))\n\
\x20   return seen\n\
def life(events):\n\
\x20   short = [e[2] for e in events]\n\
\x20   return [e for n, e in enumerate(short) if n == 0 or e != short[n - 1]]\n";

/// `console(d)` opens the console of a domain; `read(stream, text)` reads until the line with the text has come.
/// `boot(d)` lets a paused guest go on, answers its console and has read that it is ready: what a guest says while nobody
/// has its console open is lost. `prompt(d)` does so with the Linux guest, and has read its shell's prompt: what is typed
/// before that may be lost.
pub const CONSOLE: &str = "\
def console(d, name=None, flags=0):\n\
\x20   stream = d.connect().newStream()\n\
\x20   d.openConsole(name, stream, flags)\n\
\x20   return stream\n\
def read(stream, wanted=b'GUEST READY'):\n\
\x20   text = b''\n\
\x20   while b'\\n' not in text.partition(wanted)[2]:\n\
\x20       part = stream.recv(4096)\n\
\x20       assert part, text\n\
\x20       text += part\n\
\x20   return text\n\
def boot(d):\n\
\x20   stream = console(d)\n\
\x20   d.resume(); read(stream)\n\
\x20   return stream\n\
def prompt(d):\n\
\x20   stream = console(d); text = b''\n\
\x20   d.resume()\n\
\x20   while b'# ' not in text.partition(b'GUEST READY')[2]:\n\
\x20       part = stream.recv(4096)\n\
\x20       assert part, text\n\
\x20       text += part\n\
\x20   return stream\n";

/// `code(f)` calls and answers the code of libvirt's error, or "done".
pub const CODE: &str = "\
libvirt.registerErrorHandler(lambda *a: None, None)\n\
def code(f):\n\
\x20   try: f(); return 'done'\n\
\x20   except libvirt.libvirtError as error: return error.get_error_code()\n";

/// `c` is a connection that keeps events of every kind in `told`, each with its kind's name; `hear(kind)` waits for the
/// next one of that kind and answers it with all lifecycle events and repetitions of the kind before it;
/// `shell(s, line)` answers what a command in the guest has said.
pub const EVERYTHING: &str = "\
c = libvirt.open(uri)\n\
kinds = {getattr(libvirt, n): n[20:].lower() for n in dir(libvirt) if n.startswith('VIR_DOMAIN_EVENT_ID_') and not n.endswith('LAST')}\n\
def keep(kind):\n\
\x20   return lambda c, d, *details: told.put((kind,) + details[:-1])\n\
for number, kind in kinds.items(): c.domainEventRegisterAny(None, number, keep(kind), None)\n\
def hear(kind):\n\
\x20   heard = []\n\
\x20   while True:\n\
\x20       event = told.get(timeout=50)\n\
\x20       if event[0] in (kind, 'lifecycle'): heard.append(event)\n\
\x20       if event[0] == kind: return heard\n\
def quiet():\n\
\x20   while not told.empty(): told.get()\n\
def shell(s, line):\n\
\x20   s.send(line.encode() + b'; echo do\"\"ne\\n')\n\
\x20   return read(s, b'done').decode()\n";
