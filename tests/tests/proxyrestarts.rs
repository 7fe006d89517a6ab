//! virtproxyd's clients while virtqemud is restarted behind it, again and again.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use tests::script::{CODE, EVENTS};
use tests::{Instance, guest};

/// How often virtqemud is restarted; `OXIVIRT_RESTARTS` says otherwise.
const RESTARTS: usize = 12;
/// Clients that ask all the time.
const CLIENTS: usize = 50;

/// Fifty clients: each subscribes to events and asks without a pause, one in five also changes something. Told "round" it
/// suspends and resumes the running guest until every client hears of it again, then three times more: each client has to
/// get exactly these. Told "done", it says what has become of the clients.
const BUSY: &str = "\
import threading, collections\n\
libvirt.registerErrorHandler(lambda *a: None, None)\n\
libvirt.virEventRegisterDefaultImpl()\n\
threading.Thread(target=lambda: [libvirt.virEventRunDefaultImpl() for _ in iter(int, 1)], daemon=True).start()\n\
class Client:\n\
\x20   def __init__(self, number):\n\
\x20       self.c, self.number = libvirt.open(uri), number\n\
\x20       self.told, self.asked, self.wrong, self.cut = [], 0, [], 0\n\
\x20       self.more = threading.Condition()\n\
\x20       self.callback = self.c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self.tell, None)\n\
\x20       self.closed = []\n\
\x20       self.c.registerCloseCallback(lambda c, why, to: to.closed.append(why), self)\n\
\x20       threading.Thread(target=self.ask, daemon=True).start()\n\
\x20   def tell(self, c, d, event, detail, to):\n\
\x20       with self.more: self.told.append(event); self.more.notify()\n\
\x20   def ask(self):\n\
\x20       d = self.c.lookupByName('g')\n\
\x20       while not stop:\n\
\x20           try:\n\
\x20               assert d.name() == 'g' and d.ID() > 0 and d.info()[1] > 0 and 'nano' in d.XMLDesc()\n\
\x20               assert [x.name() for x in self.c.listAllDomains(1)] == ['g']\n\
\x20               self.asked += 1\n\
\x20           except Exception as e: self.wrong.append(str(e))\n\
\x20           if self.number % 5 == 0:\n\
\x20               try: d.setMetadata(0, 'client %d' % self.asked, None, None, libvirt.VIR_DOMAIN_AFFECT_CONFIG)\n\
\x20               except libvirt.libvirtError as e:\n\
\x20                   if e.get_error_code() == libvirt.VIR_ERR_RPC and 'may have been carried out' in str(e): self.cut += 1\n\
\x20                   else: self.wrong.append(str(e))\n\
stop = False\n\
clients = [Client(number) for number in range(count)]\n\
control = libvirt.open(uri)\n\
def turn():\n\
\x20   g = control.lookupByName('g')\n\
\x20   for act in (g.suspend, g.resume):\n\
\x20       try: act()\n\
\x20       except libvirt.libvirtError as e: lost.append(str(e))\n\
def wait(client, there):\n\
\x20   with client.more: client.more.wait_for(there, 20)\n\
mark = \"<domain type='qemu'><name>mark</name><memory>1024</memory><os><type>hvm</type></os></domain>\"\n\
lost, missed = [], []\n\
print('ready')\n\
for line in sys.stdin:\n\
\x20   if line == 'done\\n': break\n\
\x20   before = [len(client.told) for client in clients]\n\
\x20   until = time.monotonic() + 40\n\
\x20   while True:\n\
\x20       turn()\n\
\x20       deaf = [client for client, count in zip(clients, before) if len(client.told) == count]\n\
\x20       if not deaf or time.monotonic() > until: break\n\
\x20   # Behind all of these.\n\
\x20   control.defineXML(mark).undefine()\n\
\x20   for client in clients: wait(client, lambda: client.told[-1:] == [libvirt.VIR_DOMAIN_EVENT_UNDEFINED])\n\
\x20   before = [len(client.told) for client in clients]\n\
\x20   for _ in range(3): turn()\n\
\x20   for client, count in zip(clients, before):\n\
\x20       wait(client, lambda: len(client.told) >= count + 6)\n\
\x20       if client.told[count:] != [3, 4] * 3: missed.append((client.number, client.told[count:]))\n\
\x20   print('heard', len(deaf))\n\
stop = True\n\
print('missed', missed[:5], 'wrong', [w for client in clients for w in client.wrong][:5], 'lost', len(lost))\n\
print('alive', sum(client.c.isAlive() for client in clients), 'closed', [c.closed for c in clients if c.closed])\n\
print('asked', min(client.asked for client in clients), sum(client.asked for client in clients), 'cut', sum(client.cut for client in clients))\n";

#[test]
fn nobody_notices_that_virtqemud_is_restarted() {
    let restarts = std::env::var("OXIVIRT_RESTARTS").map_or(RESTARTS, |count| count.parse().unwrap());
    let mut instance = Instance::start();
    instance.start_proxy();
    let xml = guest::nano_xml("g", "qemu", &guest::files());
    instance.define(&xml).ok();
    instance.virsh(&["start", "g"]).ok();

    let mut watcher = instance.client("virsh");
    watcher.args(["-q", "-c", &instance.proxy_uri("qemu", "/system"), "event", "--loop", "--all"]);
    // A file, since nobody reads meanwhile: a pipe would fill, and virsh not answer any more.
    let watched = instance.root().join("watched");
    let mut watcher = watcher.stdout(std::fs::File::create(&watched).unwrap()).spawn().unwrap();
    let script = format!(
        "import libvirt, sys, time\nuri, count = {:?}, {CLIENTS}\n{BUSY}",
        instance.proxy_uri("qemu", "/system")
    );
    let mut busy = instance.client("/usr/bin/python3");
    busy.args(["-u", "-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut busy = busy.spawn().unwrap();
    let mut orders = busy.stdin.take().unwrap();
    let mut answers = BufReader::new(busy.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(answers.next().as_deref(), Some("ready"));
    for round in 0..restarts {
        // As a crash, and as an upgrade does it.
        if round % 2 == 0 {
            instance.kill();
        } else {
            assert_eq!(instance.stop(), 0);
        }
        instance.start_again();
        orders.write_all(b"round\n").unwrap();
        assert_eq!(answers.next().as_deref(), Some("heard 0"), "round {round}");
    }
    orders.write_all(b"done\n").unwrap();
    assert_eq!(answers.next().unwrap(), "missed [] wrong [] lost 0");
    assert_eq!(answers.next().unwrap(), format!("alive {CLIENTS} closed []"));
    let asked = answers.next().unwrap();
    println!("{restarts} restarts: {asked}");
    assert!(!asked.starts_with("asked 0 "), "{asked}");
    busy.wait().unwrap();

    // virsh went on too: it says something for every round, and has not been disconnected.
    assert!(watcher.try_wait().unwrap().is_none(), "virsh event has ended");
    tests::signal(watcher.id(), "TERM");
    watcher.wait().unwrap();
    let said = std::fs::read_to_string(&watched).unwrap();
    let resumed =
        said.lines().filter(|line| line.contains("'lifecycle'") && line.contains("Resumed")).count();
    assert!(resumed >= 3 * restarts, "{said}");
}

/// A driver that stays away: calls say so after a while, streams at once; the client's connection goes on, and works again
/// when the driver is there again.
#[test]
fn a_driver_that_stays_away_is_told_of() {
    let mut instance = Instance::start();
    instance.start_proxy();
    instance.define(&guest::nano_xml("g", "qemu", &guest::files())).ok();
    instance.virsh(&["start", "--paused", "g"]).ok();
    let script = format!(
        "import libvirt, sys, time\nuri = {:?}\n{CODE}\
         def error(f):\n\
         \x20   try: return f()\n\
         \x20   except libvirt.libvirtError as e: return e.get_error_code(), e.get_error_message()\n\
         c = libvirt.open(uri); d = c.lookupByName('g'); stream = c.newStream(); d.openConsole(None, stream, 0)\n\
         print('ready'); sys.stdin.readline()\n\
         print(error(lambda: stream.recv(10)))\n\
         began = time.monotonic(); print(error(c.numOfDomains), 25 < time.monotonic() - began < 50)\n\
         sys.stdin.readline()\n\
         print(error(c.numOfDomains), code(lambda: d.setMetadata(0, 't', None, None, 2)), c.isAlive())\n",
        instance.proxy_uri("qemu", "/system")
    );
    let mut client = instance.client("/usr/bin/python3");
    client.args(["-u", "-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = client.spawn().unwrap();
    let mut orders = client.stdin.take().unwrap();
    let mut answers = BufReader::new(client.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(answers.next().as_deref(), Some("ready"));
    instance.kill();
    orders.write_all(b"gone\n").unwrap();
    let told = answers.next().unwrap();
    assert!(told.starts_with("(39, ") && told.contains("virtqemud has closed the connection"), "{told}");
    let refused =
        format!("Failed to connect socket to '{}': Connection refused", instance.socket().display());
    assert_eq!(answers.next().unwrap(), format!("(38, \"{refused}\") True"));
    instance.start_again();
    orders.write_all(b"back\n").unwrap();
    assert_eq!(answers.next().unwrap(), "1 done 1");
    assert!(client.wait().unwrap().success());
}

/// Secrets on one connection: through virtproxyd, and through virtqemud alone, while virtsecretd is restarted.
#[test]
fn secrets_are_their_daemons() {
    let mut instance = Instance::start();
    instance.start_proxy();
    let mut secrets = instance.start_daemon("virtsecretd");
    let script = format!(
        "import libvirt, sys, time\nuri, direct = {:?}, {:?}\n{EVENTS}\
         c, q = libvirt.open(uri), libvirt.open(direct)\n\
         def event(c, s, event, detail, to): told.put((s.usageID(), event))\n\
         c.secretEventRegisterAny(None, libvirt.VIR_SECRET_EVENT_ID_LIFECYCLE, event, None)\n\
         xml = '<secret><usage type=\"volume\"><volume>/v%d</volume></usage></secret>'\n\
         print('ready')\n\
         for round, line in enumerate(sys.stdin):\n\
         \x20   s = c.secretDefineXML(xml % round); s.setValue(b'abc')\n\
         \x20   print(told.get(timeout=20), q.secretLookupByUUIDString(s.UUIDString()).value(), q.numOfSecrets() == c.numOfSecrets() == round + 1)\n",
        instance.proxy_uri("qemu", "/system"),
        instance.uri()
    );
    let mut client = instance.client("/usr/bin/python3");
    client.args(["-u", "-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = client.spawn().unwrap();
    let mut orders = client.stdin.take().unwrap();
    let mut answers = BufReader::new(client.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(answers.next().as_deref(), Some("ready"));
    for round in 0..20 {
        orders.write_all(b"round\n").unwrap();
        assert_eq!(answers.next().unwrap(), format!("('/v{round}', 0) b'abc' True"));
        tests::kill(secrets);
        secrets = instance.start_daemon("virtsecretd");
    }
    drop(orders);
    assert!(client.wait().unwrap().success());
}
