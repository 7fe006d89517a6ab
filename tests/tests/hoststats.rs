//! What the host spends and has, held against what the kernel itself says.

use tests::Instance;
use tests::script::CODE;

/// Figures of processors and memory, read from `/proc` around the call.
const FIGURES: &str = "\
def kernel(line):\n\
\x20   f = [int(n) for n in line.split()[1:8]]; ns = 1000000000 // os.sysconf('SC_CLK_TCK')\n\
\x20   return {'user': (f[0] + f[1]) * ns, 'kernel': (f[2] + f[5] + f[6]) * ns}\n\
def stat(name): return kernel([l for l in open('/proc/stat') if l.split()[0] == name][0])\n\
def between(name, number):\n\
\x20   before, told, after = stat(name), c.getCPUStats(number, 0), stat(name)\n\
\x20   return sorted(told), all(before[k] <= told[k] <= after[k] for k in before)\n\
def meminfo(name): return [int(l.split()[1]) for l in open('/proc/meminfo') if l.startswith(name + ':')][0]\n\
c = libvirt.open(uri)\n\
print(between('cpu', -1)); print(between('cpu0', 0))\n\
m = c.getMemoryStats(-1, 0)\n\
print(list(m), m['total'] == meminfo('MemTotal'), 0 < m['free'] < m['total'], m['cached'] > 0)\n\
print(list(c.getMemoryStats(0, 0)))\n\
page = os.sysconf('SC_PAGESIZE') // 1024\n\
free = [c.getFreePages([page], -1, 1, 0)[-1][page] * page for _ in range(2)]\n\
print(abs(free[0] - meminfo('MemFree')) < meminfo('MemTotal') // 2, len(c.getCellsFreeMemory(0, 1)))\n\
print([code(f) for f in [lambda: c.getCPUStats(4000, 0), lambda: c.getCPUStats(-1, 1), lambda: c.getMemoryStats(700, 0),\n\
\x20   lambda: c.getFreePages([5], 0, 1, 0), lambda: c.getFreePages([page], 900, 1, 0), lambda: c.getCellsFreeMemory(900, 1)]])\n\
print([code(f) for f in [lambda: c.allocPages({page: 1}, 0, 1, 0), lambda: c.allocPages({5: 1}, 0, 1, 0),\n\
\x20   lambda: c.allocPages({page: 1}, 0, 1, 2), lambda: c.allocPages({page: 1}, 900, 1, 0)]])\n";

fn figures(instance: &Instance) {
    let out = instance.python(&format!("{CODE}{FIGURES}"));
    let expected = [
        "(['idle', 'iowait', 'kernel', 'user'], True)",
        "(['idle', 'iowait', 'kernel', 'user'], True)",
        "['total', 'free', 'buffers', 'cached'] True True True",
        "['total', 'free']",
        "True 1",
        "[8, 8, 8, 9, 1, 1]",
        "[84, 9, 8, 1]",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn times_memory_and_pages() {
    figures(&Instance::start());
}

#[test]
fn times_memory_and_pages_in_a_session() {
    figures(&Instance::builder().session().start());
}

#[test]
fn huge_pages_are_set_and_given_back() {
    let pool = std::path::Path::new("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
    let read = || std::fs::read_to_string(pool).map(|text| text.trim().to_owned()).unwrap_or_default();
    let before = read();
    if std::fs::write(pool, &before).is_err() {
        tests::not_run("huge_pages_are_set_and_given_back", "the kernel's pool of 2 MiB pages cannot be set");
        return;
    }
    let out = Instance::start().python(&format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         set = lambda count, flags: c.allocPages({{2048: count}}, -1, 1, flags)\n\
         pool = lambda: int(open({pool:?}).read())\n\
         was = pool()\n\
         try: print(set(was, 1), pool() == was, set(1, 0), pool() == was + 1, set(was, 1), pool() == was)\n\
         finally: open({pool:?}, 'w').write(str(was))\n"
    ));
    assert_eq!(out.ok(), "1 True 1 True 1 True\n");
    assert_eq!(read(), before);
}

#[test]
fn merged_pages() {
    let dir = "/sys/kernel/mm/ksm";
    if std::fs::read_to_string(format!("{dir}/pages_to_scan")).is_err() {
        tests::not_run("merged_pages", "the kernel does not merge pages");
        return;
    }
    let out = Instance::start().python(&format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         read = lambda name: int(open({dir:?} + '/' + name).read())\n\
         told = c.getMemoryParameters(0)\n\
         print(sorted(told), all(told['shm_' + n] == read(n) for n in ['pages_to_scan', 'sleep_millisecs']))\n\
         print(code(lambda: c.setMemoryParameters({{'shm_pages_to_scan': told['shm_pages_to_scan']}}, 0)))\n\
         print(code(lambda: c.setMemoryParameters({{'shm_pages_shared': 1}}, 0)), code(lambda: c.getMemoryParameters(1)))\n"
    ));
    let text = out.ok();
    assert!(text.starts_with("['shm_full_scans', 'shm_merge_across_nodes', 'shm_pages_shared'"), "{text}");
    // A kernel whose /sys is read-only refuses with its own error.
    let codes: Vec<&str> = text.lines().skip(1).collect();
    assert!(text.lines().next().is_some_and(|line| line.ends_with(" True")), "{text}");
    assert!(["done", "38"].contains(&codes[0]) && codes[1] == "74 8", "{text}");
}

#[test]
fn names_of_processor_models() {
    let out = Instance::start().python(&format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         import re\n\
         folder = '/usr/share/libvirt/cpu_map/'\n\
         files = re.findall(r\"<include filename='(x86_(?!features|vendors)[^']*)'\", open(folder + 'index.xml').read())\n\
         names = [re.search(r\"<model name='([^']*)'\", open(folder + f).read()).group(1) for f in files]\n\
         print(c.getCPUModelNames('x86_64', 0) == names, 'qemu64' in names, c.getCPUModelNames('aarch64', 0))\n\
         print('POWER9' in c.getCPUModelNames('ppc64le', 0))\n\
         print([code(lambda: c.getCPUModelNames(a, f)) for a, f in [('riscv64', 0), ('bogus', 0), ('x86_64', 1)]])\n"
    ));
    assert_eq!(out.ok(), "True True []\nTrue\n[3, 8, 8]\n");
}

#[test]
fn hardware_as_the_firmware_tells_it() {
    let instance = Instance::start();
    let mut command = std::process::Command::new("/usr/sbin/dmidecode");
    let there = std::path::Path::new("/usr/sbin/dmidecode").exists();
    let asked = there.then(|| tests::run(command.args(["-s", "system-manufacturer"]), "", tests::LIMIT));
    let maker = asked.filter(|output| output.code == 0).map(|output| output.ok().trim().to_owned());
    match maker.filter(|maker| !maker.is_empty()) {
        Some(maker) => {
            let text = instance.virsh(&["sysinfo"]).ok();
            assert!(text.contains(&format!("<entry name='manufacturer'>{maker}</entry>")), "{text}");
        }
        None => {
            tests::not_run("hardware_as_the_firmware_tells_it", "this machine's firmware tells nothing");
            let out = instance
                .python(&format!("{CODE}c = libvirt.open(uri)\nprint(code(lambda: c.getSysinfo(0)))\n"));
            assert_eq!(out.ok(), "67\n");
        }
    }
}
