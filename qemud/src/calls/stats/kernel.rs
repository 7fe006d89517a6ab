//! What the host's kernel tells of a guest's processors: its process, its threads, its control group, and KVM's
//! counters by way of QEMU (`query-stats`).

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use host::cgroup::{Controller, Group as Cgroup};
use host::proc;
use model::domain::{Domain as Definition, VirtType};
use protocol::consts::{params as name, vcpu_state};
use protocol::remote::{TypedParam, TypedParamValue};
use protocol::{ErrorCode, ErrorDomain, Fault};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Params;
use crate::confine::cgroup;
use crate::domain::{Live, View};
use crate::driver::Driver;
use crate::figures;
use crate::hostinfo;

/// The times in the processor group of a record; without a guest none is spent.
pub(super) fn times(times: proc::Times, params: &mut Params) {
    params.ullong("cpu.time", times.user.saturating_add(times.system));
    params.ullong("cpu.user", times.user);
    params.ullong("cpu.system", times.system);
}

/// The processor group of a running guest's record.
pub(super) async fn processor(live: &Live, counters: &VcpuCounters) -> Params {
    let mut params = Params::default();
    if let Some(spent) = proc::times(live.process.pid) {
        times(spent, &mut params);
    }
    // Monitors of caches need resctrl, which no guest has from this daemon yet.
    params.uint("cpu.cache.monitor.count", 0);
    let counters = counters.of(live).await;
    let sum = |wanted: &str| {
        let of_one = |vcpu: &Counters| vcpu.values.iter().find(|(name, _)| name == wanted)?.1.as_u64();
        counters.iter().filter_map(of_one).fold(0u64, u64::saturating_add)
    };
    params.ullong("cpu.haltpoll.success.time", sum("halt_poll_success_ns"));
    params.ullong("cpu.haltpoll.fail.time", sum("halt_poll_fail_ns"));
    params
}

/// The counts in the vcpu group of a record.
pub(super) fn vcpu_counts(definition: &Definition, params: &mut Params) {
    params.uint("vcpu.current", definition.vcpus.current as usize);
    params.uint("vcpu.maximum", definition.vcpus.max as usize);
}

/// The vcpu group of a running guest's record.
pub(super) async fn vcpus(live: &Live, counters: &VcpuCounters) -> Params {
    let mut params = Params::default();
    vcpu_counts(&live.definition, &mut params);
    let (counters, kinds) = tokio::join!(counters.of(live), kinds(live, "vcpu"));
    let paths = if counters.is_empty() { HashMap::new() } else { paths_by_thread(live).await };
    for (number, thread) in &live.vcpu_threads {
        // A vcpu with a thread is online.
        params.int(format_args!("vcpu.{number}.state"), vcpu_state::RUNNING);
        let (pid, tid) = (live.process.pid, thread.cast_signed());
        if let Some(times) = proc::thread_schedule(pid, tid) {
            params.ullong(format_args!("vcpu.{number}.time"), times.running);
            params.ullong(format_args!("vcpu.{number}.wait"), proc::thread_wait(pid, tid).unwrap_or(0));
            params.ullong(format_args!("vcpu.{number}.delay"), times.waiting);
        }
        let own = counters.iter().find(|c| paths.get(thread).is_some_and(|path| *path == c.path));
        if let Some(own) = own {
            add(&mut params, format_args!("vcpu.{number}"), own, &kinds);
        }
    }
    params
}

/// The group of the whole machine of a record.
pub(super) async fn machine(live: &Live) -> Params {
    let mut params = Params::default();
    let (counters, kinds) = tokio::join!(counters(live, "vm"), kinds(live, "vm"));
    for all in &counters {
        add(&mut params, "vm", all, &kinds);
    }
    params
}

/// KVM's counters of a guest's vcpus, which two groups of a record share: QEMU is asked once.
#[derive(Default)]
pub(super) struct VcpuCounters(OnceCell<Vec<Counters>>);

impl VcpuCounters {
    async fn of(&self, live: &Live) -> &[Counters] {
        self.0.get_or_init(|| counters(live, "vcpu")).await
    }
}

/// Counters of one vcpu or of the machine.
struct Counters {
    /// Place in the object tree; empty for the machine.
    path: String,
    values: Vec<(String, Value)>,
}

/// KVM's counters of a target ("vm", "vcpu"); empty without KVM.
async fn counters(live: &Live, target: &'static str) -> Vec<Counters> {
    if live.definition.virt_type != VirtType::Kvm {
        return Vec::new();
    }
    let arguments = json!({"target": target, "providers": [{"provider": "kvm"}]});
    let key = if target == "vm" { "stats of vm" } else { "stats of vcpus" };
    let Some(answer) = figures::answer(live, key, "query-stats", arguments).await else { return Vec::new() };
    let read = |one: &Value| {
        let values = one.get("stats")?.as_array()?.iter();
        let named = |stat: &Value| Some((stat.get("name")?.as_str()?.to_owned(), stat.get("value")?.clone()));
        let path = one.get("qom-path").and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Counters { path, values: values.filter_map(named).collect() })
    };
    answer.as_array().map(|all| all.iter().filter_map(read).collect()).unwrap_or_default()
}

/// How the name of each counter of a target ends, by what kind it is.
async fn kinds(live: &Live, target: &str) -> HashMap<String, &'static str> {
    if live.definition.virt_type != VirtType::Kvm {
        return HashMap::new();
    }
    let answer = figures::constant(live, "kinds of stats", "query-stats-schemas").await;
    let schemas = answer.as_ref().and_then(|answer| answer.as_array()).into_iter().flatten();
    let wanted = schemas.filter(|schema| schema.get("target").and_then(Value::as_str) == Some(target));
    let stats = wanted.filter_map(|schema| schema.get("stats")?.as_array()).flatten();
    let ending = |stat: &Value| {
        let ending = match stat.get("type")?.as_str()? {
            "cumulative" => "sum",
            "instant" => "cur",
            "peak" => "max",
            _ => return None,
        };
        Some((stat.get("name")?.as_str()?.to_owned(), ending))
    };
    stats.filter_map(ending).collect()
}

fn add(params: &mut Params, front: impl Display, counters: &Counters, kinds: &HashMap<String, &'static str>) {
    for (name, value) in &counters.values {
        let Some(ending) = kinds.get(name) else { continue };
        let field = format_args!("{front}.{name}.{ending}");
        match value {
            Value::Bool(value) => params.boolean(field, *value),
            Value::Number(number) => params.ullong(field, number.as_u64().unwrap_or_default()),
            _ => {}
        }
    }
}

/// Places of the vcpus in the object tree, by their threads.
async fn paths_by_thread(live: &Live) -> HashMap<u32, String> {
    let answer = figures::answer(live, "vcpus", "query-cpus-fast", Value::Null).await;
    let cpus = answer.as_ref().and_then(|answer| answer.as_array()).into_iter().flatten();
    let one = |cpu: &Value| {
        let thread = u32::try_from(cpu.get("thread-id")?.as_u64()?).ok()?;
        Some((thread, cpu.get("qom-path")?.as_str()?.to_owned()))
    };
    cpus.filter_map(one).collect()
}

/// What a client asks of the processors' times (procedure 262).
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Parameters that the client has room for; 0: how many are there?
    pub(super) nparams: u32,
    /// The first CPU; -1 for the total.
    pub(super) start: i32,
    /// How many CPUs; 0: how many are there?
    pub(super) ncpus: u32,
}

/// Times of the guest by its control group: parameters, and their number (for each CPU).
pub(super) async fn cpu_stats(
    driver: &Arc<Driver>,
    view: &View,
    asked: Asked,
) -> Result<(Vec<TypedParam>, i32), Fault> {
    let live = view.active()?;
    let (driver, id, pid) = (Arc::clone(driver), live.id, live.process.pid);
    let definition = Arc::clone(&live.definition);
    let vcpus: Vec<u32> = live.vcpu_threads.iter().map(|(number, _)| *number).collect();
    hostinfo::blocking(move || {
        let group = cgroup::of_process(&driver, &definition, id, pid).map_err(fault)?;
        let counts = driver.cgroups.as_ref().is_some_and(|cgroups| cgroups.has(Controller::CpuAcct));
        let group = group.filter(|_| counts).ok_or_else(no_group)?;
        if asked.start == -1 { total(&group, asked) } else { by_cpu(&group, &vcpus, asked) }
    })
    .await
}

fn no_group() -> Fault {
    let detail = "the guest is in no control group with the cpuacct controller";
    Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_INVALID, detail)
}

fn total(group: &Cgroup, asked: Asked) -> Result<(Vec<TypedParam>, i32), Fault> {
    if asked.nparams == 0 {
        return Ok((Vec::new(), 3));
    }
    let all = group.cpu_usage().map_err(fault)?;
    let split = group.cpu_split().map_err(fault)?;
    let params = [
        (name::DOMAIN_CPU_STATS_CPUTIME, all),
        (name::DOMAIN_CPU_STATS_USERTIME, split.user),
        (name::DOMAIN_CPU_STATS_SYSTEMTIME, split.system),
    ];
    let params = params.into_iter().take(asked.nparams as usize);
    let params: Vec<TypedParam> = params.map(|(name, value)| ullong(name, value)).collect();
    let count = i32::try_from(params.len()).unwrap_or(i32::MAX);
    Ok((params, count))
}

fn by_cpu(group: &Cgroup, vcpus: &[u32], asked: Asked) -> Result<(Vec<TypedParam>, i32), Fault> {
    let all = group.per_cpu_usage().map_err(fault)?;
    let count = i32::try_from(all.len()).unwrap_or(i32::MAX);
    if asked.ncpus == 0 {
        return Ok((Vec::new(), count));
    }
    if asked.nparams == 0 {
        return Ok((Vec::new(), 2));
    }
    let start = usize::try_from(asked.start).ok().filter(|start| *start < all.len()).ok_or_else(|| {
        let detail = format!("start_cpu {} larger than maximum of {}", asked.start, count.saturating_sub(1));
        Fault::invalid_arg(ErrorDomain::QEMU, detail)
    })?;
    // Of the vcpus alone, without the emulator's own threads.
    let mut guest = vec![0u64; all.len()];
    for vcpu in vcpus {
        let own = group.sub(&format!("vcpu{vcpu}")).per_cpu_usage().map_err(fault)?;
        for (sum, time) in guest.iter_mut().zip(own) {
            *sum = sum.saturating_add(time);
        }
    }
    let mut params = Vec::new();
    for (all, guest) in all.iter().zip(&guest).skip(start).take(asked.ncpus as usize) {
        params.push(ullong(name::DOMAIN_CPU_STATS_CPUTIME, *all));
        if asked.nparams > 1 {
            params.push(ullong(name::DOMAIN_CPU_STATS_VCPUTIME, *guest));
        }
    }
    Ok((params, i32::try_from(asked.nparams.min(2)).unwrap_or(2)))
}

fn ullong(name: &str, value: u64) -> TypedParam {
    TypedParam::new(name, TypedParamValue::Ullong(value))
}

fn fault(error: host::Error) -> Fault {
    ::driver::fault::host(ErrorDomain::QEMU)(error)
}
