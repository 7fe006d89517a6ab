//! What a domain tells of itself: processors, disks, memory, jobs, and all statistics at once.

use tests::script::CODE;
use tests::{Instance, guest, signal};

/// A guest with three vcpus (two there), two I/O threads, pins, a qcow2 image on another, a raw one, an empty drive.
fn definition(instance: &Instance) -> String {
    let folder = instance.root().join("images");
    std::fs::create_dir_all(&folder).unwrap();
    let (base, top, raw) = (folder.join("base.qcow2"), folder.join("top.qcow2"), folder.join("raw.img"));
    let create = |words: &[&str]| {
        let mut command = std::process::Command::new("qemu-img");
        tests::run(command.arg("create").arg("-q").args(words), "", tests::LIMIT).ok();
    };
    create(&["-f", "qcow2", base.to_str().unwrap(), "8M"]);
    create(&["-f", "qcow2", "-b", base.to_str().unwrap(), "-F", "qcow2", top.to_str().unwrap()]);
    std::fs::File::create(&raw).unwrap().set_len(3 << 20).unwrap();
    open_to_guests(&folder);
    let head = "<vcpu current='2'>3</vcpu><iothreads>2</iothreads><cputune><vcpupin vcpu='0' cpuset='0'/>\
                <emulatorpin cpuset='0'/><iothreadpin iothread='1' cpuset='0'/></cputune>";
    let disk = |kind: &str, path: &std::path::Path, target: &str| {
        format!(
            "<disk type='file' device='disk'><driver name='qemu' type='{kind}'/><source file='{}'/>\
             <target dev='{target}' bus='virtio'/></disk>",
            path.display()
        )
    };
    let disks = disk("qcow2", &top, "vda")
        + &disk("raw", &raw, "vdb")
        + "<disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk>";
    guest::nano_xml("i1", "qemu", &guest::files())
        .replace("<vcpu>1</vcpu>", head)
        .replace("<devices>", &format!("<devices>{disks}"))
}

/// The images are reached by whatever user guests run as.
fn open_to_guests(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    for entry in std::fs::read_dir(folder).unwrap() {
        std::fs::set_permissions(entry.unwrap().path(), std::fs::Permissions::from_mode(0o666)).unwrap();
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
}

/// Begins scripts: the connection, and the numbers of the flags.
const HEAD: &str = "c = libvirt.open(uri)\nLIVE, CONFIG, MAXIMUM, GUEST = 1, 2, 4, 8\nCPUS = os.cpu_count()\n\
    ALL = (True,) * CPUS; FIRST = (True,) + (False,) * (CPUS - 1)\n\
    def pid(): return int(open([p for p in PIDS if os.path.exists(p)][0]).read())\n";

fn head(instance: &Instance) -> String {
    let pid = instance.state_dir().join("i1.pid");
    format!("PIDS = [{:?}]\n{CODE}{HEAD}", pid.to_str().unwrap())
}

fn processors(instance: &Instance) {
    let xml = definition(instance);
    let out = instance.python(&format!(
        "{}\
         d = c.defineXML({xml:?})\n\
         counts = lambda: [code(lambda: counted.append(d.vcpusFlags(f))) for f in [0, LIVE, CONFIG, MAXIMUM, LIVE | MAXIMUM, CONFIG | MAXIMUM, 3, GUEST, 9, 16]]\n\
         counted = []; print(counts(), counted, code(d.maxVcpus), code(d.vcpus))\n\
         print(d.vcpuPinInfo(0) == [FIRST, ALL], d.emulatorPinInfo(CONFIG) == FIRST, code(lambda: d.vcpuPinInfo(LIVE)), code(lambda: d.emulatorPinInfo(3)))\n\
         print([(n, tuple(m)) for n, m in d.ioThreadInfo(0)] == [(1, FIRST), (2, ALL)], code(lambda: d.ioThreadInfo(4)))\n\
         d.create()\n\
         counted = []; print(counts(), counted, d.maxVcpus())\n\
         info, maps = d.vcpus()\n\
         threads = sorted(int(t) for t in os.listdir(f'/proc/{{pid()}}/task'))\n\
         print([i[:2] for i in info], all(0 <= i[3] < CPUS for i in info), len(maps))\n\
         print(sorted(n for n, m in d.ioThreadInfo(LIVE)), [n for n, m in d.ioThreadInfo(CONFIG)], d.vcpuPinInfo(LIVE) == [FIRST, ALL])\n\
         d.destroy()\n",
        head(instance)
    ));
    let expected = [
        "['done', 55, 'done', 'done', 55, 'done', 8, 8, 55, 8] [2, 2, 3, 3] 55 55",
        "True True 55 8",
        "True 8",
        "['done', 'done', 'done', 'done', 'done', 'done', 8, 74, 74, 8] [2, 2, 2, 3, 3, 3] 3",
        "[(0, 1), (1, 1)] True 2",
        "[1, 2] [1, 2] True",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn processors_pins_and_threads() {
    processors(&Instance::start());
}

#[test]
fn processors_pins_and_threads_in_a_session() {
    processors(&Instance::builder().session().start());
}

#[test]
fn disks_and_their_sizes() {
    let instance = Instance::start();
    let xml = definition(&instance);
    let images = instance.root().join("images");
    let out = instance.python(&format!(
        "{}\
         images = {images:?}\n\
         top, raw = images + '/top.qcow2', images + '/raw.img'\n\
         d = c.defineXML({xml:?})\n\
         def sizes(path): s = os.stat(path); return [s.st_blocks * 512, s.st_size]\n\
         def told(): return d.blockInfo('vda') == [8 << 20] + sizes(top), d.blockInfo(raw) == [3 << 20] + sizes(raw)\n\
         print(told(), [code(lambda: d.blockInfo(p)) for p in ['hda', 'vdz', images + '/base.qcow2']], code(lambda: d.blockInfo('vda', 1)))\n\
         print([code(f) for f in [lambda: d.blockStats('vda'), lambda: d.blockStatsFlags('vda'), d.diskErrors]])\n\
         d.create()\n\
         print(told(), d.diskErrors())\n\
         print(d.blockStats('vda')[4], len(d.blockStats('')), [code(lambda: d.blockStats(p)) for p in [top, 'hda', 'vdz']])\n\
         print(sorted(d.blockStatsFlags('vdb')), code(lambda: d.blockStatsFlags('', 0)), code(lambda: d.blockStatsFlags('vda', 1)))\n\
         d.destroy()\n",
        head(&instance),
        images = images.to_str().unwrap(),
    ));
    let expected = [
        "(True, True) [8, 8, 8] 8",
        "[55, 55, 55]",
        "(True, True) {}",
        "-1 5 ['done', 'done', 8]",
        "['flush_operations', 'flush_total_times', 'rd_bytes', 'rd_operations', 'rd_total_times', 'wr_bytes', \
         'wr_operations', 'wr_total_times'] done 8",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn memory_and_how_often_it_is_reported() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::nano_xml("i1", "qemu", &files);
    let none = xml.replace("i1", "n1").replace("<devices>", "<devices><memballoon model='none'/>");
    let out = instance.python(&format!(
        "{}\
         import re\n\
         d = c.defineXML({xml:?})\n\
         period = lambda flags: re.findall(r\"<stats period='(.*)'\", d.XMLDesc(flags))\n\
         print(code(d.memoryStats), [code(lambda: d.setMemoryStatsPeriod(*a)) for a in [(5, 0), (6, LIVE), (5, 4)]], period(0))\n\
         d.create()\n\
         rss = lambda: [int(l.split()[1]) for l in open(f'/proc/{{pid()}}/status') if l.startswith('VmRSS')][0]\n\
         before, m, after = rss(), d.memoryStats(), rss()\n\
         print(sorted(m), m['actual'], min(before, after) - 4096 <= m['rss'] <= max(before, after) + 4096)\n\
         d.setMemoryStatsPeriod(7, LIVE); print(period(0), period(2))\n\
         d.setMemoryStatsPeriod(0, 3); print(period(0), period(2)); d.destroy()\n\
         n = c.createXML({none:?}, 0)\n\
         print(list(n.memoryStats()), code(lambda: n.setMemoryStatsPeriod(5, 0)), code(lambda: n.setMemoryStatsPeriod(5, CONFIG)))\n\
         n.destroy()\n",
        head(&instance)
    ));
    let expected = [
        "55 ['done', 55, 8] ['5']",
        "['actual', 'last_update', 'rss'] 16384 True",
        "['7'] ['5']",
        "[] []",
        "['rss'] 1 55",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn jobs_messages_names_and_what_there_is_none_of() {
    let instance = Instance::start();
    let xml = guest::nano_xml("i1", "qemu", &guest::files());
    let out = instance.python(&format!(
        "{}\
         import libvirt_qemu\n\
         d = c.defineXML({xml:?})\n\
         ask = lambda: [code(f) for f in [d.jobInfo, d.jobStats, lambda: d.jobStats(1), lambda: d.jobStats(2), lambda: d.hostname(0), lambda: d.hostname(1), lambda: d.hostname(3), d.launchSecurityInfo]]\n\
         print(ask())\n\
         d.create()\n\
         print(ask(), d.jobInfo(), d.jobStats(), d.launchSecurityInfo())\n\
         tainted = [m for m in d.messages() if 'monitor' in m]\n\
         libvirt_qemu.qemuMonitorCommand(d, '{{\"execute\":\"query-status\"}}', 0)\n\
         print(tainted, [m.startswith('tainted: ') for m in d.messages(2) if 'monitor' in m], d.messages(1), code(lambda: d.messages(8)))\n\
         print(d.hasCurrentSnapshot(0), d.snapshotNum(0), d.listAllSnapshots(0), d.listAllCheckpoints(0), [code(f) for f in [d.snapshotCurrent, lambda: d.snapshotLookupByName('x'), lambda: d.checkpointLookupByName('x')]])\n\
         d.destroy()\n",
        head(&instance)
    ));
    let expected = [
        "[55, 55, 'done', 8, 55, 55, 8, 'done']",
        "['done', 'done', 'done', 8, 74, 108, 8, 'done'] [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] {'type': 0} {}",
        "[] [True] [] 8",
        "0 0 [] [] [72, 72, 103]",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

/// What the reference's record of the same guest holds, by groups: running, running with backing chains, off.
const RUNNING: &str = "state.state state.reason cpu.time cpu.user cpu.system cpu.cache.monitor.count \
    cpu.haltpoll.success.time cpu.haltpoll.fail.time balloon.current balloon.maximum balloon.last-update balloon.rss \
    vcpu.current vcpu.maximum vcpu.0.state vcpu.0.time vcpu.0.wait vcpu.0.delay vcpu.1.state vcpu.1.time vcpu.1.wait \
    vcpu.1.delay net.count block.count DISKS iothread.count iothread.1.poll-max-ns iothread.1.poll-grow \
    iothread.1.poll-shrink iothread.2.poll-max-ns iothread.2.poll-grow iothread.2.poll-shrink dirtyrate.calc_status \
    dirtyrate.calc_start_time dirtyrate.calc_period dirtyrate.calc_mode";
const OFF: &str = "state.state state.reason cpu.time cpu.user cpu.system balloon.current balloon.maximum vcpu.current \
    vcpu.maximum block.count block.0.name block.0.path block.0.allocation block.0.capacity block.0.physical \
    block.1.name block.1.path block.1.capacity block.1.physical block.2.name";
const DISK: &str = "rd.reqs rd.bytes rd.times wr.reqs wr.bytes wr.times fl.reqs fl.times";
const SOURCE: &str = "path backingIndex allocation capacity physical";

/// The names of the disks' figures, with or without the image below the first.
fn disks(backing: bool) -> String {
    let mut entries = vec![format!("name {DISK} {SOURCE}")];
    if backing {
        entries.push(format!("name {SOURCE}"));
    }
    entries.push(format!("name {DISK} {SOURCE}"));
    entries.push(format!("name {DISK}"));
    let entry = |(n, names): (usize, &String)| {
        names.split(' ').map(|name| format!("block.{n}.{name}")).collect::<Vec<_>>().join(" ")
    };
    entries.iter().enumerate().map(entry).collect::<Vec<_>>().join(" ")
}

fn sorted(names: &str) -> Vec<String> {
    let mut names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
    names.sort();
    names
}

fn statistics(instance: &Instance) {
    let xml = definition(instance);
    let out = instance.python(&format!(
        "{}\
         d = c.defineXML({xml:?})\n\
         BACKING, ENFORCE, NOWAIT = 1 << 30, 1 << 31, 1 << 29\n\
         record = lambda stats=0, flags=0: c.domainListGetStats([d], stats, flags)[0][1]\n\
         print(' '.join(sorted(record())))\n\
         d.create()\n\
         print(' '.join(sorted(record()))); print(' '.join(sorted(record(0, BACKING))))\n\
         r = record(); print(r['block.0.capacity'], r['block.1.capacity'], r['vcpu.0.time'] > 0, r['iothread.count'])\n\
         print([code(lambda: record(1 << n, ENFORCE)) for n in range(12)], record(1 << 11))\n\
         print(len(c.getAllDomainStats(1, NOWAIT)), len(c.getAllDomainStats(1, 64)), len(c.domainListGetStats([d], 1, 64)))\n\
         d.destroy()\n",
        head(instance)
    ));
    let text = out.ok();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(sorted(lines[0]), sorted(&OFF.replace("    ", " ")));
    assert_eq!(sorted(lines[1]), sorted(&RUNNING.replace("DISKS", &disks(false))));
    assert_eq!(sorted(lines[2]), sorted(&RUNNING.replace("DISKS", &disks(true))));
    assert_eq!(lines[3], "8388608 3145728 True 2");
    let all = ["'done'"; 11].join(", ");
    assert_eq!(lines[4], format!("[{all}, 74] {{}}"));
    assert_eq!(lines[5], "1 0 0");
}

#[test]
fn statistics_have_the_references_names() {
    statistics(&Instance::start());
}

#[test]
fn statistics_have_the_references_names_in_a_session() {
    statistics(&Instance::builder().session().start());
}

#[test]
fn a_qemu_that_hangs_delays_no_statistics() {
    let instance = Instance::start();
    let xml = definition(&instance);
    instance.define(&xml).ok();
    instance.virsh(&["start", "i1"]).ok();
    let ask = format!(
        "{}d = c.lookupByName('i1'); before = time.monotonic()\n\
         r = c.domainListGetStats([d], 0, 0)[0][1]; again = c.domainListGetStats([d], 0, 0)[0][1]\n\
         print(time.monotonic() - before < 4, r['iothread.count'], r['balloon.last-update'] >= 0, again['block.0.capacity'])\n",
        head(&instance)
    );
    assert_eq!(instance.python(&ask).ok(), "True 2 True 8388608\n");
    signal(instance.guests()[0], "STOP");
    assert_eq!(instance.python(&ask).ok(), "True 2 True 8388608\n");
    signal(instance.guests()[0], "CONT");
    instance.virsh(&["destroy", "i1"]).ok();
}

#[test]
fn kvms_counters() {
    if !guest::has_kvm() {
        tests::not_run("kvms_counters", "no /dev/kvm");
        return;
    }
    let instance = Instance::start();
    let xml = guest::nano_xml("k1", "kvm", &guest::files());
    let out = instance.python(&format!(
        "{}\
         d = c.createXML({xml:?}, 0)\n\
         r = c.domainListGetStats([d], 8 | 1024, 0)[0][1]\n\
         print(r['vcpu.0.exits.sum'] > 0, type(r['vcpu.0.guest_mode.cur']).__name__, any(k.startswith('vm.') for k in r))\n\
         d.destroy()\n",
        head(&instance)
    ));
    assert_eq!(out.ok(), "True bool True\n");
}

#[test]
fn processor_time_by_control_group() {
    let instance = Instance::start();
    let xml = guest::nano_xml("i1", "qemu", &guest::files());
    instance.define(&xml).ok();
    let script = |rest: &str| format!("{}d = c.lookupByName('i1')\n{rest}", head(&instance));
    let off = instance
        .python(&script("print(code(lambda: d.getCPUStats(True)), code(lambda: d.getCPUStats(True, 1)))\n"));
    assert_eq!(off.ok(), "55 8\n");
    instance.virsh(&["start", "i1"]).ok();
    let groups = instance.python(&script("print(open(f'/proc/{pid()}/cgroup').read())\n")).ok();
    let counts = |line: &str| line.contains("i1.libvirt-qemu") && line.contains("cpuacct");
    if groups.lines().any(counts) {
        let out = instance.python(&script(
            "t = d.getCPUStats(True)[0]; each = d.getCPUStats(False)\n\
             print(sorted(t), t['cpu_time'] > 0, len(each) == CPUS, all(e['cpu_time'] >= e['vcpu_time'] for e in each))\n\
             print(sum(e['cpu_time'] for e in each) >= t['cpu_time'])\n",
        ));
        assert_eq!(out.ok(), "['cpu_time', 'system_time', 'user_time'] True True True\nTrue\n");
    } else {
        tests::not_run("processor_time_by_control_group", "the guest is in no control group that counts");
        let out = instance.python(&script("print(code(lambda: d.getCPUStats(True)))\n"));
        assert_eq!(out.ok(), "55\n");
    }
    instance.virsh(&["destroy", "i1"]).ok();
}
