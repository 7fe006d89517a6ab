//! Guests on the host's network: taps on bridges, alone and on other devices, in network namespaces of the tests' own.

use tests::script::{CODE, CONSOLE};
use tests::{Instance, can_make_networks, guest};

const MAC: &str = "52:54:00:00:00:01";

/// A daemon in a network namespace with the bridge `br0`.
fn bridged() -> Instance {
    let instance = Instance::builder().private_net().start();
    ip(&instance, "link add br0 type bridge");
    ip(&instance, "link set br0 mtu 1400 up");
    instance
}

/// Runs `ip` with words in the instance's network.
fn ip(instance: &Instance, words: &str) -> String {
    let all: Vec<&str> = std::iter::once("ip").chain(words.split(' ')).collect();
    instance.in_net(&all).ok()
}

/// Names of the network devices, without the loopback.
fn links(instance: &Instance) -> Vec<String> {
    let text = ip(instance, "-o link");
    let names = text.lines().filter_map(|line| line.split(": ").nth(1));
    names.map(|name| name.split('@').next().unwrap().to_owned()).filter(|name| name != "lo").collect()
}

fn on_bridge(parts: &str) -> String {
    format!("<interface type='bridge'><mac address='{MAC}'/><source bridge='br0'/>{parts}</interface>")
}

fn ethernet(parts: &str) -> String {
    format!("<interface type='ethernet'><mac address='{MAC}'/>{parts}</interface>")
}

/// A guest that does not do anything, with these devices.
fn nano(name: &str, devices: &str) -> String {
    with(&guest::nano_xml(name, "qemu", &guest::files()), devices)
}

fn with(xml: &str, devices: &str) -> String {
    xml.replace("</devices>", &format!("{devices}</devices>"))
}

/// Starts a paused guest from its XML.
fn start(instance: &Instance, xml: &str) {
    instance.python(&format!("libvirt.open(uri).createXML({xml:?}, libvirt.VIR_DOMAIN_START_PAUSED)\n")).ok();
}

/// Code, domain and text of the error that a start ends with.
fn refusal(instance: &Instance, xml: &str) -> (u32, u32, String) {
    let out = instance.python(&format!(
        "libvirt.registerErrorHandler(lambda *a: None, None)\n\
         try: libvirt.open(uri).createXML({xml:?}, libvirt.VIR_DOMAIN_START_PAUSED); print('started')\n\
         except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_domain(), e.get_error_message())\n"
    ));
    let out = out.ok();
    let mut words = out.splitn(3, ' ');
    let mut number = || words.next().unwrap().trim().parse().unwrap_or_else(|_| panic!("{out}"));
    (number(), number(), words.next().unwrap_or_default().to_owned())
}

#[test]
fn two_guests_talk_over_a_bridge() {
    if !can_make_networks("two_guests_talk_over_a_bridge") {
        return;
    }
    let instance = bridged();
    ip(&instance, "addr add 10.7.0.254/24 dev br0");
    let files = guest::files();
    let card = |mac: &str, model: &str| {
        format!(
            "<interface type='bridge'><mac address='{mac}'/><source bridge='br0'/><model type='{model}'/></interface>"
        )
    };
    let one = with(&guest::linux_xml("one", &files), &card("52:54:00:00:00:01", "virtio"));
    let two = with(&guest::linux_xml("two", &files), &card("52:54:00:00:00:02", "virtio-non-transitional"));
    let out = instance.python(&format!(
        "{CONSOLE}\
         c = libvirt.open(uri)\n\
         one, two = c.createXML({one:?}, 1), c.createXML({two:?}, 1)\n\
         first, second = prompt(one), prompt(two)\n\
         def shell(s, line, wanted): s.send(line.encode() + b'\\n'); return read(s, wanted)\n\
         up = 'ip addr add 10.7.0.%d/24 dev eth0; ip link set eth0 up; '\n\
         shell(first, up % 1 + 'echo from-one >/tmp/t; nc -l -p 7000 </tmp/t & echo lis\"\"tens', b'listens')\n\
         shell(second, up % 2 + 'until nc 10.7.0.1 7000; do sleep 1; done', b'from-one')\n\
         shell(first, 'ping -c 1 10.7.0.254 >/dev/null && echo pin\"\"ged', b'pinged')\n\
         names = [d.XMLDesc().split(\"<target dev='vnet\")[1][0] for d in (one, two)]\n\
         print(sorted(names))\n\
         name = 'vnet' + names[0]\n\
         stats = one.interfaceStats(name)\n\
         print(min(stats[0], stats[1], stats[4], stats[5]) > 0, stats[2], stats[6], one.interfaceStats({MAC:?})[0] >= stats[0])\n\
         [(_, bulk)] = c.domainListGetStats([one], libvirt.VIR_DOMAIN_STATS_INTERFACE)\n\
         print(bulk['net.count'], bulk['net.0.name'] == name, bulk['net.0.rx.bytes'] >= stats[0], bulk['net.0.tx.pkts'] >= stats[5])\n\
         print(one.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP)[name])\n\
         print(two.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP))\n\
         first.abort(); second.abort()\n\
         one.destroy()\n"
    ));
    assert_eq!(
        out.ok(),
        "['0', '1']\n\
         True 0 0 True\n\
         1 True True True\n\
         {'addrs': [{'addr': '10.7.0.1', 'prefix': 0, 'type': 0}], 'hwaddr': '52:54:00:00:00:01'}\n\
         {}\n"
    );
    let two = instance.virsh(&["domiflist", "two"]).ok();
    let words: Vec<&str> = two.split_whitespace().collect();
    assert!(words[0].starts_with("vnet"), "{two}");
    assert_eq!(words[1..], ["bridge", "br0", "virtio-non-transitional", "52:54:00:00:00:02"]);
    assert!(instance.virsh(&["domifstat", "two", words[0]]).ok().contains("rx_bytes"));
    assert_eq!(instance.virsh(&["domif-getlink", "two", words[0]]).ok().trim(), format!("{} up", words[0]));
    assert_eq!(links(&instance), ["br0", words[0]], "the tap goes with its guest");
    instance.virsh(&["destroy", "two"]).ok();
    assert_eq!(links(&instance), ["br0"]);
}

#[test]
fn taps_are_set_up_as_the_definition_says() {
    if !can_make_networks("taps_are_set_up_as_the_definition_says") {
        return;
    }
    let instance = bridged();
    let look = |parts: &str, device: &str| {
        start(&instance, &nano("g", &on_bridge(parts)));
        let link = ip(&instance, &format!("-d link show {device}"));
        let xml = instance.virsh(&["dumpxml", "g"]).ok();
        assert!(xml.contains(&format!("<target dev='{device}'/>")), "{device}: {xml}");
        instance.virsh(&["destroy", "g"]).ok();
        assert_eq!(links(&instance), ["br0"]);
        link
    };
    let has = |link: &str, parts: &[&str]| {
        for part in parts {
            assert!(link.contains(part), "{part} in {link}");
        }
    };
    let plain = look("<model type='virtio'/>", "vnet0");
    has(&plain, &["mtu 1400", "master br0", "fe:54:00:00:00:01", ",UP", "vnet_hdr on", "persist off"]);
    has(&plain, &["qdisc noqueue", "isolated off"]);
    has(&look("<model type='e1000'/><mtu size='1300'/>", "vnet1"), &["mtu 1300", "vnet_hdr off"]);
    has(&look("<port isolated='yes'/>", "vnet2"), &["isolated on"]);
    has(&look("<target dev='mytap'/>", "mytap"), &["master br0"]);
    has(&look("<target dev='tp%d'/>", "tp3"), &["master br0"]);
    // A name of ours is nobody's wish: another one is given.
    has(&look("<target dev='vnet77'/>", "vnet4"), &["master br0"]);
    has(&look("<model type='virtio'/><driver queues='4'/>", "vnet5"), &["multi_queue"]);
    look("<coalesce><rx><frames max='7'/></rx></coalesce><tune><sndbuf>1600</sndbuf></tune>", "vnet6");
    let down = nano("g", &on_bridge("<link state='down'/>"));
    start(&instance, &down);
    let network = instance.virsh(&["qemu-monitor-command", "--hmp", "g", "info network"]).ok();
    assert!(network.contains("net0"), "{network}");
    assert_eq!(instance.virsh(&["domif-getlink", "g", MAC]).ok().trim(), format!("{MAC} down"));
    // What was chosen for the guest is not kept in a definition.
    let inactive = instance.virsh(&["dumpxml", "--inactive", "g"]).ok();
    assert!(!inactive.contains("vnet7"), "{inactive}");
}

#[test]
fn an_address_of_the_host_never_comes_from_a_guest() {
    if !can_make_networks("an_address_of_the_host_never_comes_from_a_guest") {
        return;
    }
    let instance = bridged();
    let high = on_bridge("").replace(MAC, "fe:54:00:00:00:01");
    start(&instance, &nano("g", &high));
    assert!(ip(&instance, "link show vnet0").contains("fa:54:00:00:00:01"));
}

#[test]
fn taps_alone_with_addresses_routes_and_scripts() {
    if !can_make_networks("taps_alone_with_addresses_routes_and_scripts") {
        return;
    }
    let instance = bridged();
    let script = |name: &str, body: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = instance.root().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let notes = instance.root().join("notes");
    let up =
        script("up", &format!("echo up $# \"$@\" >>{0}; ip -br link show \"$1\" >>{0}", notes.display()));
    let down = script("down", &format!("echo down \"$@\" >>{}", notes.display()));
    let source = "<source><ip address='10.1.1.1' prefix='24'/><ip address='172.16.0.1'/>\
         <ip address='10.2.0.1' peer='10.2.0.9' prefix='32'/><ip family='ipv6' address='fd00::1' prefix='64'/>\
         <route family='ipv4' address='10.9.0.0' prefix='16' gateway='10.1.1.2' metric='5'/></source>";
    let parts = format!("{source}<script path='{up}'/><downscript path='{down}'/>");
    start(&instance, &nano("g", &ethernet(&parts)));
    let addresses = ip(&instance, "-o addr show vnet0");
    for address in ["10.1.1.1/24", "172.16.0.1/16", "10.2.0.1 peer 10.2.0.9/32", "fd00::1/64"] {
        assert!(addresses.contains(address), "{address} in {addresses}");
    }
    let routes = ip(&instance, "route");
    assert!(routes.contains("10.9.0.0/16 via 10.1.1.2 dev vnet0 metric 5"), "{routes}");
    instance.virsh(&["destroy", "g"]).ok();
    let notes = std::fs::read_to_string(notes).unwrap();
    assert!(notes.starts_with("up 1 vnet0\nvnet0 ") && notes.ends_with("down vnet0\n"), "{notes}");

    let bad = script("bad", "exit 3");
    let (code, _, text) = refusal(&instance, &nano("g", &ethernet(&format!("<script path='{bad}'/>"))));
    assert!(code == 1 && text.contains(&bad) && text.contains('3'), "{code} {text}");
    let unreachable = "<source><ip address='10.1.1.1' prefix='24'/>\
         <route family='ipv4' address='10.9.0.0' prefix='16' gateway='10.5.1.2'/></source>";
    let (code, domain, _) = refusal(&instance, &nano("g", &ethernet(unreachable)));
    assert_eq!((code, domain), (38, 0));
    assert_eq!(links(&instance), ["br0"], "failed starts leave no tap");
}

#[test]
fn taps_that_others_made_stay_theirs() {
    if !can_make_networks("taps_that_others_made_stay_theirs") {
        return;
    }
    let instance = bridged();
    ip(&instance, "tuntap add dev own0 mode tap multi_queue vnet_hdr");
    ip(&instance, "link set own0 address 06:00:00:00:00:01");
    let unmanaged = "<target dev='own0' managed='no'/><model type='virtio'/><driver queues='2'/>";
    start(&instance, &nano("g", &ethernet(unmanaged)));
    let link = ip(&instance, "-d link show own0");
    assert!(link.contains("06:00:00:00:00:01") && link.contains("persist on"), "{link}");
    assert!(!link.contains("NO-CARRIER"), "{link}");
    instance.virsh(&["destroy", "g"]).ok();
    assert_eq!(links(&instance), ["br0", "own0"]);

    let taken = nano("g", &ethernet("<target dev='own0'/>"));
    let (code, _, text) = refusal(&instance, &taken);
    assert!(code == 55 && text.contains("own0"), "{code} {text}");
    assert_eq!(links(&instance), ["br0", "own0"], "somebody else's tap is not taken away");
    let missing = nano("g", &ethernet("<target dev='own7' managed='no'/>"));
    assert_eq!(refusal(&instance, &missing).0, 1);
}

#[test]
fn macvtaps_are_made_and_removed() {
    if !can_make_networks("macvtaps_are_made_and_removed") {
        return;
    }
    let instance = bridged();
    ip(&instance, "link add ve0 type veth peer name ve1");
    ip(&instance, "link set ve0 up");
    ip(&instance, "link add link ve0 name probe0 type macvtap mode bridge");
    let index = ip(&instance, "-o link show probe0").split(':').next().unwrap().to_owned();
    if instance.in_net(&["test", "-c", &format!("/dev/tap{index}")]).code != 0 {
        return tests::not_run("macvtaps_are_made_and_removed", "no devtmpfs on /dev shows macvtaps");
    }
    ip(&instance, "link del probe0");
    let direct = |mode: &str, parts: &str| {
        format!(
            "<interface type='direct'><mac address='{MAC}'/><source dev='ve0' mode='{mode}'/>{parts}</interface>"
        )
    };
    for (n, mode) in ["vepa", "bridge", "private"].into_iter().enumerate() {
        let device = format!("macvtap{n}");
        start(&instance, &nano("g", &direct(mode, "<model type='virtio'/><driver queues='2'/>")));
        let link = ip(&instance, &format!("-d link show {device}"));
        assert!(link.contains(MAC) && link.contains(&format!("macvtap mode {mode}")), "{link}");
        assert!(instance.virsh(&["domifstat", "g", &device]).ok().contains("tx_packets"));
        instance.virsh(&["destroy", "g"]).ok();
        assert_eq!(links(&instance), ["br0", "ve1", "ve0"]);
    }
    let (code, _, text) = refusal(&instance, &nano("g", &direct("passthrough", "")));
    assert!(code == 67 && text.contains("passthrough"), "{code} {text}");
    let gone = direct("bridge", "").replace("ve0", "nodev");
    assert_eq!(refusal(&instance, &nano("g", &gone)).0, 38);
}

/// The copy of a guest, with its address and its device's name, does not take the first one's device away.
#[test]
fn a_start_that_fails_leaves_the_devices_of_others() {
    if !can_make_networks("a_start_that_fails_leaves_the_devices_of_others") {
        return;
    }
    let instance = bridged();
    ip(&instance, "link add ve0 type veth peer name ve1");
    ip(&instance, &format!("link add link ve0 name mine0 address {MAC} type macvtap mode bridge"));
    let card = format!(
        "<interface type='direct'><mac address='{MAC}'/><source dev='ve0' mode='bridge'/><target dev='mine0'/></interface>"
    );
    let (code, _, text) = refusal(&instance, &nano("g", &card));
    assert!(code == 55 && text.contains("mine0"), "{code} {text}");
    assert_eq!(links(&instance), ["br0", "ve1", "ve0", "mine0"]);
}

#[test]
fn parallel_starts_get_names_of_their_own() {
    if !can_make_networks("parallel_starts_get_names_of_their_own") {
        return;
    }
    let instance = bridged();
    let xml = nano("NAME", &format!("{}{}", on_bridge(""), on_bridge("").replace("00:01", "00:02")));
    let out = instance.python(&format!(
        "import threading, re\n\
         names, failed = [], []\n\
         def start(n):\n\
         \x20   try:\n\
         \x20       d = libvirt.open(uri).createXML({xml:?}.replace('NAME', 'g%d' % n), libvirt.VIR_DOMAIN_START_PAUSED)\n\
         \x20       names.extend(re.findall(r\"target dev='(vnet[0-9]+)'\", d.XMLDesc()))\n\
         \x20   except libvirt.libvirtError as e: failed.append(str(e))\n\
         threads = [threading.Thread(target=start, args=(n,)) for n in range(12)]\n\
         for t in threads: t.start()\n\
         for t in threads: t.join()\n\
         print(failed, len(names), len(set(names)))\n\
         c = libvirt.open(uri)\n\
         stats = c.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_INTERFACE)\n\
         print(sorted(s['net.%d.name' % n] for _, s in stats for n in (0, 1)) == sorted(names))\n\
         for d in c.listAllDomains(): d.destroy()\n"
    ));
    assert_eq!(out.ok(), "[] 24 24\nTrue\n");
    assert_eq!(links(&instance), ["br0"]);
    assert_eq!(instance.run_files(), Vec::<String>::new());
}

/// A bridge, a macvtap where the machine has them, and a tap with a script for its end.
fn everything(instance: &Instance) -> String {
    use std::os::unix::fs::PermissionsExt;
    ip(instance, "link add ve0 type veth peer name ve1");
    ip(instance, "link set ve0 up");
    let down = instance.root().join("down");
    std::fs::write(&down, format!("#!/bin/sh\necho \"$1\" >>{}/downed\n", instance.root().display()))
        .unwrap();
    std::fs::set_permissions(&down, std::fs::Permissions::from_mode(0o755)).unwrap();
    let alone = ethernet(&format!("<downscript path='{}'/>", down.display())).replace("00:01", "00:03");
    let direct = "<interface type='direct'><mac address='52:54:00:00:00:04'/><source dev='ve0' mode='bridge'/></interface>";
    ip(instance, "link add link ve0 name probe0 type macvtap mode bridge");
    let index = ip(instance, "-o link show probe0").split(':').next().unwrap().to_owned();
    let has_direct = instance.in_net(&["test", "-c", &format!("/dev/tap{index}")]).code == 0;
    ip(instance, "link del probe0");
    format!("{}{alone}{}", on_bridge(""), if has_direct { direct } else { "" })
}

#[test]
fn a_killed_daemon_finds_its_devices_again_or_cleans_up() {
    if !can_make_networks("a_killed_daemon_finds_its_devices_again_or_cleans_up") {
        return;
    }
    let mut instance = bridged();
    let devices = everything(&instance);
    let bare = links(&instance);
    start(&instance, &nano("stays", &on_bridge("").replace("00:01", "00:09")));
    start(&instance, &nano("goes", &devices));
    let both = links(&instance);
    assert!(both.len() >= bare.len() + 3, "{both:?}");
    instance.kill();
    // The guest that stays keeps its tap; the other one ends while no daemon looks.
    let goes = instance.guests().into_iter().find(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        String::from_utf8_lossy(&line).contains("guest=goes")
    });
    let goes = goes.expect("the guest outlives its daemon");
    tests::kill(goes);
    instance.start_again();
    assert_eq!(instance.virsh(&["list", "--name"]).ok().trim(), "stays");
    assert!(instance.virsh(&["domifstat", "stays", "vnet0"]).ok().contains("rx_bytes"));
    // Whoever comes next gets a name that nobody has had: the daemon knows its guests' names again.
    start(&instance, &nano("next", &on_bridge("").replace("00:01", "00:0a")));
    assert!(instance.virsh(&["domiflist", "next"]).ok().contains("vnet3"));
    instance.virsh(&["destroy", "next"]).ok();
    instance.virsh(&["destroy", "stays"]).ok();
    instance.wait_idle();
    assert_eq!(links(&instance), bare);
    let downed = std::fs::read_to_string(instance.root().join("downed")).unwrap();
    assert_eq!(downed, "vnet2\n", "the end's script ran once, with the name");
}

#[test]
fn a_start_cut_short_leaves_no_device() {
    if !can_make_networks("a_start_cut_short_leaves_no_device") {
        return;
    }
    let mut instance = bridged();
    let devices = everything(&instance);
    let bare = links(&instance);
    let xml = nano("g", &devices);
    for point in ["start.wired", "start.files", "start.spawned", "start.running", "stop.cleaned"] {
        instance.set_env("OXIVIRT_FAULT", &format!("{point}:1"));
        instance.restart();
        instance.python(&format!(
            "try: libvirt.open(uri).createXML({xml:?}, libvirt.VIR_DOMAIN_START_PAUSED).destroy()\n\
             except libvirt.libvirtError: pass\n"
        ));
        // The fault point ends it.
        instance.ended();
        instance.clear_env("OXIVIRT_FAULT");
        instance.start_again();
        if instance.virsh(&["list", "--name"]).ok().trim() == "g" {
            instance.virsh(&["destroy", "g"]).ok();
        }
        instance.wait_idle();
        assert_eq!(links(&instance), bare, "{point}");
    }
}

#[test]
fn what_cannot_be_connected_is_told_by_name() {
    if !can_make_networks("what_cannot_be_connected_is_told_by_name") {
        return;
    }
    let instance = bridged();
    let user = |parts: &str| format!("<interface type='user'><mac address='{MAC}'/>{parts}</interface>");
    for (devices, code, domain, name) in [
        (on_bridge("").replace("br0", "nobr"), 38, 0, "nobr"),
        ("<interface type='network'><source network='nonet'/></interface>".to_owned(), 43, 19, "nonet"),
        (on_bridge("<target dev='br0'/>"), 55, 0, "br0"),
        (on_bridge("<target dev='abcdefghijklmnopq'/>"), 38, 0, "abcdefghijklmnopq"),
        (on_bridge("<backend tap='/dev/nothing'/>"), 38, 0, "/dev/nothing"),
        (on_bridge("<vlan><tag id='42'/></vlan>"), 67, 20, "vlan"),
        (on_bridge("<target dev='x0' managed='no'/>"), 67, 20, "unmanaged"),
        (on_bridge("<script path='/x'/>"), 67, 10, "bridge"),
        (on_bridge("<filterref filter='clean-traffic'/>"), 67, 10, "clean-traffic"),
        (on_bridge("<virtualport type='openvswitch'/>"), 67, 10, "openvswitch"),
        (on_bridge("<model type='virtio'/><driver queues='300'/>"), 38, 0, "256"),
        (ethernet("<port isolated='yes'/>"), 67, 20, "ethernet"),
        (ethernet("<coalesce><rx><frames max='7'/></rx></coalesce>"), 67, 10, "coalesce"),
        (user("<mtu size='1200'/>"), 67, 10, "MTU"),
        (user("<model type='virtio'/><driver queues='2'/>"), 67, 10, "multiqueue"),
        (user("<backend type='passt'/>"), 27, 20, "passt"),
        (user("<model type='nosuch'/>"), 1, 10, "nosuch"),
    ] {
        let (found, from, text) = refusal(&instance, &nano("g", &devices));
        assert_eq!((found, from), (code, domain), "{devices}: {text}");
        assert!(text.contains(name), "{name} in {text}");
    }
    assert_eq!(links(&instance), ["br0"]);
    assert_eq!(instance.run_files(), Vec::<String>::new());
}

#[test]
fn limits_of_throughput() {
    if !can_make_networks("limits_of_throughput") {
        return;
    }
    let instance = bridged();
    let limits =
        "<bandwidth><inbound average='1000' peak='2000' burst='100'/><outbound average='500'/></bandwidth>";
    let xml = nano("g", &on_bridge(limits));
    let path = instance.root().join("g.xml");
    std::fs::write(&path, &xml).unwrap();
    instance.virsh(&["define", path.to_str().unwrap()]).ok();
    let shown = instance.virsh(&["domiftune", "g", MAC]).ok();
    for line in
        ["inbound.average: 1000", "inbound.peak   : 2000", "inbound.burst  : 100", "outbound.average: 500"]
    {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let started = instance.virsh(&["start", "--paused", "g"]);
    if started.code == 0 {
        let classes = instance.in_net(&["tc", "class", "show", "dev", "vnet0"]).ok();
        assert!(classes.contains("rate 8Mbit") && classes.contains("ceil 16Mbit"), "{classes}");
        let filters = instance.in_net(&["tc", "filter", "show", "dev", "vnet0", "ingress"]).ok();
        assert!(filters.contains("police"), "{filters}");
        return;
    }
    // Kernels without these queues exist; the error has tc's words, and nothing is left.
    assert!(started.fails().contains("tc"), "{}", started.stderr);
    assert_eq!(links(&instance), ["br0"]);
    tests::not_run("limits_of_throughput", "the kernel lacks htb, sfq or police; the refusal was seen");
}

#[test]
fn vhost_where_it_is_asked_for() {
    let test = "vhost_where_it_is_asked_for";
    if !can_make_networks(test) {
        return;
    }
    if !guest::has_kvm() {
        return tests::not_run(test, "no access to /dev/kvm");
    }
    let instance = bridged();
    let kvm = |parts: &str| with(&guest::nano_xml("g", "kvm", &guest::files()), &on_bridge(parts));
    // A file that is no vhost: QEMU is handed its descriptors, and says so.
    let handed = kvm("<model type='virtio'/><driver queues='2'/><backend vhost='/dev/zero'/>");
    let (code, _, text) = refusal(&instance, &handed);
    assert!(code == 1 && text.contains("\"vhost\":true,\"vhostfds\":\""), "{code} {text}");
    let missing = "<model type='virtio'/><driver name='vhost'/><backend vhost='/dev/nothing'/>";
    let (code, domain, text) = refusal(&instance, &kvm(missing));
    assert!(text.contains("vhost-net was requested"), "{text}");
    assert_eq!((code, domain), (67, 10));
    start(&instance, &kvm("<model type='virtio'/><backend vhost='/dev/nothing'/>"));
    instance.virsh(&["destroy", "g"]).ok();
    if !std::path::Path::new("/dev/vhost-net").exists() {
        return tests::not_run(test, "a guest on the kernel's own vhost: no /dev/vhost-net");
    }
    start(&instance, &kvm("<model type='virtio'/><driver name='vhost'/>"));
    let network = instance.virsh(&["qemu-monitor-command", "--hmp", "g", "info network"]).ok();
    assert!(network.contains("net0"), "{network}");
}

#[test]
fn sockets_between_host_and_guest() {
    let instance = Instance::start();
    let vsock = |parts: &str| nano("g", &format!("<vsock model='virtio'>{parts}</vsock>"));
    let xml = vsock("<cid auto='no' address='3'/>");
    let path = instance.root().join("v.xml");
    std::fs::write(&path, &xml).unwrap();
    instance.virsh(&["define", path.to_str().unwrap()]).ok();
    assert!(instance.virsh(&["dumpxml", "g"]).ok().contains("<cid auto='no' address='3'/>"));
    instance.virsh(&["undefine", "g"]).ok();
    if !std::path::Path::new("/dev/vhost-vsock").exists() {
        let (code, domain, text) = refusal(&instance, &vsock("<cid auto='yes'/>"));
        assert!(text.contains("unable to open vhost-vsock device"), "{text}");
        assert_eq!((code, domain), (67, 10));
        return tests::not_run("sockets_between_host_and_guest", "no /dev/vhost-vsock; the refusal was seen");
    }
    start(&instance, &vsock("<cid auto='yes'/>"));
    let live = instance.virsh(&["dumpxml", "g"]).ok();
    assert!(live.contains("<cid auto='yes' address='"), "{live}");
    let other = vsock("<cid auto='yes'/>").replace("<name>g<", "<name>h<");
    start(&instance, &other);
    let number = |name: &str| {
        let xml = instance.virsh(&["dumpxml", name]).ok();
        xml.split("<cid auto='yes' address='").nth(1).unwrap().split('\'').next().unwrap().to_owned()
    };
    assert_ne!(number("g"), number("h"));
}

#[test]
fn sessions_ask_the_bridge_helper() {
    use std::os::unix::fs::PermissionsExt;
    let test = "sessions_ask_the_bridge_helper";
    if !can_make_networks(test) {
        return;
    }
    let Some(installed) = ["/usr/lib/qemu/qemu-bridge-helper", "/usr/libexec/qemu-bridge-helper"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
    else {
        return tests::not_run(test, "qemu-bridge-helper is missing (Debian package qemu-system-common)");
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let helper = folder.path().join("helper");
    std::fs::copy(installed, &helper).unwrap();
    let instance = Instance::builder()
        .session()
        .private_net()
        .qemu_conf(&format!("bridge_helper = \"{}\"\n", helper.display()))
        .start();
    ip(&instance, "link add br0 type bridge");
    ip(&instance, "link set br0 up");
    let card = on_bridge("<model type='virtio'/>");
    let (code, _, text) = refusal(&instance, &nano("g", &card));
    assert!(code == 1 && text.contains("bridge-helper") && text.contains("br0"), "{code} {text}");
    // As an administrator sets it up: the helper runs as root, for the bridges that its file lists.
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o4755)).unwrap();
    let own_etc = "mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w && \
         mount -t overlay -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w none /etc && \
         mkdir -p /etc/qemu && echo allow br0 >/etc/qemu/bridge.conf && chmod 755 /etc/qemu && \
         mknod -m 666 /mnt/tun c 10 200 && mount --bind /mnt/tun /dev/net/tun";
    if instance.in_net(&["sh", "-c", own_etc]).code != 0 {
        return tests::not_run(test, "a helper that may: no overlay on /etc; the refusal was seen");
    }
    start(&instance, &nano("g", &card));
    let xml = instance.virsh(&["dumpxml", "g"]).ok();
    let device = xml.split("<target dev='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let link = ip(&instance, &format!("-d link show {device}"));
    assert!(link.contains("master br0") && link.contains("vnet_hdr on"), "{link}");
    assert!(instance.virsh(&["domifstat", "g", &device]).ok().contains("rx_bytes"));
    instance.virsh(&["destroy", "g"]).ok();
    assert_eq!(links(&instance), ["br0"]);
}

#[test]
fn questions_about_interfaces() {
    let instance = Instance::start();
    let user = format!("<interface type='user'><mac address='{MAC}'/></interface>");
    let agent = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>";
    let (plain, with_agent) = (nano("g", &user), nano("a", &format!("{user}{agent}")));
    let out = instance.python(&format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         d = c.defineXML({plain:?})\n\
         print(code(lambda: d.interfaceStats({MAC:?})), code(lambda: d.interfaceAddresses(0)))\n\
         print(d.interfaceParameters({MAC:?}), code(lambda: d.interfaceParameters('x')))\n\
         print(code(lambda: d.interfaceParameters({MAC:?}, 1)), code(lambda: d.interfaceParameters({MAC:?}, 3)))\n\
         print(c.domainListGetStats([d], libvirt.VIR_DOMAIN_STATS_INTERFACE)[0][1])\n\
         d.create()\n\
         print(c.domainListGetStats([d], libvirt.VIR_DOMAIN_STATS_INTERFACE)[0][1])\n\
         print([code(lambda: d.interfaceStats(n)) for n in ({MAC:?}, 'x', '')])\n\
         print(d.interfaceAddresses(0), code(lambda: d.interfaceAddresses(1)), d.interfaceAddresses(2))\n\
         print(code(lambda: d.interfaceAddresses(7)), code(lambda: d.interfaceAddresses(0, 1)))\n\
         print(code(lambda: c.createXML({with_agent:?}, 0).interfaceAddresses(1)))\n"
    ));
    let none = "{'inbound.average': 0, 'inbound.peak': 0, 'inbound.burst': 0, 'inbound.floor': 0, \
                'outbound.average': 0, 'outbound.peak': 0, 'outbound.burst': 0}";
    assert_eq!(
        out.ok(),
        format!("55 55\n{none} 8\n55 8\n{{}}\n{{'net.count': 1}}\n[1, 8, 8]\n{{}} 74 {{}}\n74 8\n86\n")
    );
}
